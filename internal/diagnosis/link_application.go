package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
)

type objects struct {
	Value []object `json:"value"`
}

// application finds whom the sign-in is for: the application and its service
// principal in our tenant, or why there is none.
func (l *walker) application(ctx context.Context) {
	link, f := l.w.At(Application), &l.w.Facts
	if f.Client == "" && l.inquiry.App != "" {
		l.byName(ctx, link)
	}
	if f.Client == "" || link.decided() {
		return
	}
	client := strings.ToLower(f.Client)
	words := map[string]string{"client": client, "tenant": l.Patient.Tenant}
	if l.foreign {
		// Somebody asks another tenant for an application of ours.
		if l.readBoth(ctx, link, client) == nil && l.app != nil && l.app.Audience == "AzureADMyOrg" {
			link.broken("tenant.wrong", words, "%s is an application of the tenant %s alone, and the text asks the tenant %s for it", l.app.Name, l.Patient.Tenant, clip(f.Tenant, 100))
			return
		}
		link.unclear("the sign-in goes to a tenant that cannot be seen from here")
		return
	}
	if err := l.readBoth(ctx, link, client); err != nil {
		link.unclear("whether the application %s exists could not be asked: %s", client, sentenceOf(err))
		return
	}
	switch {
	case l.app != nil:
		link.holds("%s exists in this tenant", l.app.Name)
	case l.principal != nil:
		home := l.principal.Home
		if l.principal.Type == "ManagedIdentity" {
			link.holds("%s is a managed identity", l.principal.Name)
		} else {
			link.holds("%s is an application of the tenant %s, with a service principal here", l.principal.Name, home)
		}
	default:
		l.missing(ctx, link, client, words)
		return
	}
	l.enabled(ctx, words)
}

// byName takes a name for a client id.
func (l *walker) byName(ctx context.Context, link *Link) {
	name := strings.TrimSpace(l.inquiry.App)
	if l.Recall.Find != nil {
		if a, err := l.Recall.Find(ctx, name); err == nil && a.ClientID != "" {
			link.asked("the inventory, for "+clip(name, 80), "%s", a.ClientID)
			l.w.Facts.Client = string(a.ClientID)
			return
		} else if err != nil {
			link.asked("the inventory, for "+clip(name, 80), "%s", err)
		}
	}
	var found objects
	err := l.get(ctx, link, l.graph, "applications named "+clip(name, 80), "/v1.0/applications?$filter=displayName eq '"+quoted(name)+"'&$select=id,appId,displayName", &found)
	switch {
	case err != nil:
		link.unclear("the directory could not be asked for %q", clip(name, 80))
	case len(found.Value) == 1:
		l.w.Facts.Client = found.Value[0].AppID
		link.asked("applications named "+clip(name, 80), "%s", found.Value[0].AppID)
	case len(found.Value) == 0:
		link.broken("application.missing", map[string]string{"client": name, "tenant": l.Patient.Tenant}, "no application of this tenant is named %q", clip(name, 80))
	default:
		link.unclear("%d applications are named %q; say which by its client id", len(found.Value), clip(name, 80))
	}
}

func quoted(text string) string { return strings.ReplaceAll(text, "'", "''") }

// readBoth reads the application and the service principal with a client id.
func (l *walker) readBoth(ctx context.Context, link *Link, client string) error {
	for _, set := range []struct {
		name, query string
		into        **object
	}{{"applications", ofApplication, &l.app}, {"servicePrincipals", ofPrincipal, &l.principal}} {
		var found objects
		path := "/v1.0/" + set.name + set.query + "&$filter=appId eq '" + quoted(client) + "'"
		if err := l.get(ctx, link, l.graph, set.name+" with appId "+client, path, &found); err != nil {
			return err
		}
		link.asked(set.name+" with appId "+client, "%d", len(found.Value))
		if len(found.Value) > 0 {
			*set.into = &found.Value[0]
		}
	}
	return nil
}

// missing says what a client id is that no application has.
func (l *walker) missing(ctx context.Context, link *Link, client string, words map[string]string) {
	var gone objects
	err := l.get(ctx, link, l.graph, "deleted applications", "/v1.0/directory/deletedItems/microsoft.graph.application?$select=id,appId,displayName,deletedDateTime", &gone)
	if status(err) == 400 || status(err) == 404 {
		err = l.get(ctx, link, l.graph, "deleted applications", "/v1.0/directory/deletedItems/application?$select=id,appId,displayName,deletedDateTime", &gone)
	}
	for _, o := range gone.Value {
		if strings.EqualFold(o.AppID, client) {
			link.asked("deleted applications", "%s was deleted on %s", o.Name, o.DeletedAt.UTC().Format(time.DateTime))
			who := l.whoDid(ctx, link, o.ID, "Delete application")
			words["object"], words["who"] = o.ID, who
			link.broken("application.deleted", words, "%s was deleted on %s%s; it can be restored until %s", o.Name, o.DeletedAt.UTC().Format(time.DateTime), who, day(o.DeletedAt.AddDate(0, 0, 30)))
			return
		}
	}
	for _, set := range []string{"applications", "servicePrincipals"} {
		var other object
		found := l.get(ctx, link, l.graph, set+" with the object id "+client, "/v1.0/"+set+"/"+client+"?$select=id,appId,displayName", &other)
		if found == nil && other.AppID != "" {
			words["right"] = other.AppID
			link.broken("application.object-id", words, "%s is an object id of %s; its client id is %s", client, other.Name, other.AppID)
			return
		}
		if found != nil && !errors.Is(found, connector.ErrNotFound) {
			err = found
		}
	}
	if err != nil {
		link.unclear("the application %s is not in this tenant; whether it was deleted could not be seen: %s", client, sentenceOf(err))
		link.Between, link.Question, link.fill = []string{"application.missing", "application.deleted"}, "Was an application with this client id deleted within the last 30 days? (Entra admin center, App registrations, Deleted applications)", words
		return
	}
	link.broken("application.missing", words, "no application and no service principal of this tenant has the client id %s, and none was deleted within 30 days", client)
}

// enabled looks at the service principal.
func (l *walker) enabled(ctx context.Context, words map[string]string) {
	link := l.w.At(Principal)
	if l.principal == nil {
		link.asked("servicePrincipals with appId "+words["client"], "0")
		link.broken("principal.missing", words, "%s has no service principal in this tenant", l.app.Name)
		return
	}
	words["principal"] = l.principal.ID
	switch {
	case l.principal.Enabled != nil && !*l.principal.Enabled:
		who := l.whoDid(ctx, link, l.principal.ID, "AccountEnabled")
		link.broken("principal.disabled", words, "%s is switched off in this tenant%s", l.principal.Name, who)
	case l.app != nil && l.app.Disabled:
		who := l.whoDid(ctx, link, l.app.ID, "isDisabled")
		words["object"] = l.app.ID
		link.broken("application.disabled", words, "the application %s is deactivated%s", l.app.Name, who)
	default:
		link.asked("accountEnabled of "+l.principal.ID, "true")
		link.holds("%s is present and switched on", l.principal.Name)
	}
}

// auditRecord is a record of the directory's audit log.
type auditRecord struct {
	Activity string    `json:"activityDisplayName"`
	At       time.Time `json:"activityDateTime"`
	By       struct {
		User *struct {
			Name string `json:"userPrincipalName"`
		} `json:"user"`
		App *struct {
			Name string `json:"displayName"`
		} `json:"app"`
	} `json:"initiatedBy"`
	Targets []struct {
		ID         string `json:"id"`
		Properties []struct {
			Name string `json:"displayName"`
			Old  string `json:"oldValue"`
			New  string `json:"newValue"`
		} `json:"modifiedProperties"`
	} `json:"targetResources"`
}

// who did it, and when.
func (a auditRecord) who() string {
	name := "somebody"
	switch {
	case a.By.User != nil && a.By.User.Name != "":
		name = a.By.User.Name
	case a.By.App != nil && a.By.App.Name != "":
		name = a.By.App.Name
	}
	return fmt.Sprintf("by %s on %s", clip(name, 100), a.At.UTC().Format("2006-01-02 15:04 UTC"))
}

// audits reads what the log has of an object, the newest first.
func (l *walker) audits(ctx context.Context, link *Link, object string) ([]auditRecord, error) {
	var page struct {
		Value []auditRecord `json:"value"`
	}
	err := l.get(ctx, link, l.graph, "directory audit log of "+object, "/v1.0/auditLogs/directoryAudits?$filter=targetResources/any(t:t/id eq '"+quoted(object)+"')&$top=200", &page)
	if err == nil {
		link.asked("directory audit log of "+object, "%d records", len(page.Value))
	}
	return page.Value, err
}

// whoDid finds who last did something, or changed a property; empty if the log
// does not tell.
func (l *walker) whoDid(ctx context.Context, link *Link, object, what string) string {
	records, err := l.audits(ctx, link, object)
	if err != nil {
		return ""
	}
	for _, r := range records {
		hit := strings.Contains(r.Activity, what)
		for _, t := range r.Targets {
			for _, p := range t.Properties {
				hit = hit || strings.EqualFold(p.Name, what)
			}
		}
		if hit {
			return ", " + r.who()
		}
	}
	return ""
}
