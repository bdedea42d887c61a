package diagnosis

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// assertionTime judges by the text alone whose clock was wrong: Entra quotes its own.
func (l *walker) assertionTime() {
	f, link := &l.w.Facts, l.w.At(Clock)
	if l.symptom == nil || l.symptom.Link != Clock || f.Now.IsZero() || f.From.IsZero() || f.Until.IsZero() {
		return
	}
	words := map[string]string{}
	link.asked("the text", "Entra's clock said %s, the assertion was valid from %s until %s", f.Now.Format(time.DateTime), f.From.Format(time.DateTime), f.Until.Format(time.DateTime))
	switch {
	case f.Until.Sub(f.From) > 24*time.Hour:
		link.broken("assertion.long", words, "the assertion was made for %s, and Entra takes none for more than a day", f.Until.Sub(f.From).Round(time.Minute))
	case f.Now.Before(f.From):
		words["off"] = f.From.Sub(f.Now).Round(time.Second).String() + " ahead"
		link.broken("clock", words, "the consumer's clock is at least %s ahead of Entra's", f.From.Sub(f.Now).Round(time.Second))
	case f.Now.After(f.Until):
		link.between("What does `date -u` say on the consumer's machine, beside the true time?", words, []string{"clock", "assertion.reused"}, "the assertion had ended %s before it was sent", f.Now.Sub(f.Until).Round(time.Second))
	default:
		link.unclear("by the times in the text the assertion was valid")
	}
}

// scope judges what a token was asked for by its form.
func (l *walker) scope() {
	f, link := &l.w.Facts, l.w.At(Scope)
	if f.Scope == "" {
		return
	}
	words := map[string]string{"scope": clip(f.Scope, 200)}
	link.asked("the scope in the text", "%s", f.Scope)
	if l.symptom == nil || l.symptom.Link != Scope {
		return
	}
	switch {
	case strings.Contains(strings.TrimSpace(f.Scope), " "):
		link.broken("scope.malformed", words, "%q asks for more than one resource", clip(f.Scope, 200))
	case !strings.HasSuffix(f.Scope, "/.default"):
		link.broken("scope.malformed", words, "%q does not end in /.default", clip(f.Scope, 200))
	default:
		link.holds("%q has the form that it needs", clip(f.Scope, 200))
	}
}

// api says whether what a token was asked for is known in the tenant.
func (l *walker) api(ctx context.Context) {
	f, link := &l.w.Facts, l.w.At(API)
	if f.Resource == "" || l.foreign || l.symptom == nil || l.symptom.Link != API {
		return
	}
	trimmed := strings.TrimSuffix(f.Resource, "/")
	words := map[string]string{"resource": clip(f.Resource, 200), "tenant": l.Patient.Tenant}
	for _, name := range []string{f.Resource, trimmed, trimmed + "/"} {
		var found objects
		err := l.get(ctx, link, l.graph, "service principals named "+clip(name, 120), "/v1.0/servicePrincipals?$select=id,appId,displayName&$filter=servicePrincipalNames/any(c:c eq '"+url.QueryEscape(quoted(name))+"')", &found)
		if err != nil {
			link.unclear("the directory could not be asked for %s", clip(name, 120))
			return
		}
		link.asked("service principals named "+clip(name, 120), "%d", len(found.Value))
		if len(found.Value) > 0 && strings.TrimSuffix(name, "/") == trimmed {
			link.holds("%s is %s, and known in this tenant", clip(name, 120), found.Value[0].Name)
			return
		}
	}
	link.broken("resource.missing", words, "no service principal of this tenant has the name %s", clip(f.Resource, 200))
}

// policy says whether something between credential and token refuses.
func (l *walker) policy(ctx context.Context) {
	link := l.w.At(Policy)
	if link.decided() || l.symptom == nil || l.symptom.Link != Policy || l.w.Facts.Client == "" || l.principal == nil {
		return
	}
	words := l.words()
	h := l.signIns(ctx, link)
	code := 0
	if len(l.symptom.Codes) > 0 {
		fmt.Sscanf(l.symptom.Codes[0], "AADSTS%d", &code)
	}
	seen := slices.IndexFunc(h.list, func(s signIn) bool { return s.Status.Code == code })
	switch {
	case !h.read || h.last == nil:
		link.unclear("the sign-in log does not tell")
	case h.last.Status.Code == 0 && h.last.At.After(l.w.Facts.Time):
		link.holds("it has signed in since (%s)", h.last.At.UTC().Format(time.DateTime))
	case seen >= 0:
		s := h.list[seen]
		words["address"] = s.Address
		link.broken(l.symptom.Causes[0], words, "the sign-in log has AADSTS%d at %s, from the address %s", code, s.At.UTC().Format(time.DateTime), clip(s.Address, 45))
	default:
		link.unclear("the sign-in log has no such refusal within 30 days; it is some minutes behind")
	}
}

type assignment struct {
	ResourceID string `json:"resourceId"`
	Resource   string `json:"resourceDisplayName"`
	RoleID     string `json:"appRoleId"`
}

// permission says whether the application may do anything at the resource.
func (l *walker) permission(ctx context.Context) {
	link := l.w.At(Permission)
	if l.principal == nil || l.symptom == nil || l.symptom.Link != Permission {
		return
	}
	words := l.words()
	var page struct {
		Value []assignment `json:"value"`
	}
	if err := l.get(ctx, link, l.graph, "appRoleAssignments of "+l.principal.ID, "/v1.0/servicePrincipals/"+l.principal.ID+"/appRoleAssignments", &page); err != nil {
		link.unclear("what the application may do could not be read: %s", sentenceOf(err))
		return
	}
	link.asked("appRoleAssignments of "+l.principal.ID, "%d", len(page.Value))
	switch {
	case l.says("permission.assignment"):
		l.assigned(link, page.Value, words)
	case l.says("permission.consent"):
		l.consent(ctx, link, len(page.Value), words)
	case len(page.Value) == 0:
		link.broken("permission.missing", words, "no application permission was granted to it at all")
	default:
		link.between("Which permission does the documentation of that call name, and is it among those granted?", words, []string{"permission.missing", "permission.young"},
			"%d application permissions were granted to it; whether the one that is needed is among them cannot be told from the text", len(page.Value))
	}
}

func (l *walker) assigned(link *Link, list []assignment, words map[string]string) {
	other := ""
	if ids := guids(l.inquiry.Text); len(ids) > 0 {
		for _, id := range ids {
			if !strings.EqualFold(id, l.w.Facts.Client) && !strings.EqualFold(id, l.w.Facts.Correlation) {
				other = id
			}
		}
	}
	words["resource"] = other
	if len(list) == 0 {
		link.broken("permission.assignment", words, "no role of any application is assigned to it")
		return
	}
	link.unclear("%d roles are assigned to it; whether one of them is of the application that the text means cannot be told", len(list))
}

// consent looks for delegated permissions, which only a sign-in of people needs.
func (l *walker) consent(ctx context.Context, link *Link, roles int, words map[string]string) {
	var page struct {
		Value []struct {
			Scope string `json:"scope"`
		} `json:"value"`
	}
	if err := l.get(ctx, link, l.graph, "oauth2PermissionGrants of "+l.principal.ID, "/v1.0/servicePrincipals/"+l.principal.ID+"/oauth2PermissionGrants", &page); err != nil {
		link.unclear("what was consented to could not be read: %s", sentenceOf(err))
		return
	}
	link.asked("oauth2PermissionGrants of "+l.principal.ID, "%d", len(page.Value))
	if len(page.Value) == 0 {
		link.broken("permission.consent", words, "nobody has consented to any delegated permission of it")
		return
	}
	link.unclear("%d consents are there; whether the one that is needed is among them cannot be told from the text", len(page.Value))
}

func guids(text string) (list []string) {
	for _, m := range anyGUID.FindAllString(text, 100) {
		list = append(list, strings.ToLower(m))
	}
	return list
}
