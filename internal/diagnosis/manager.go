package diagnosis

import (
	"context"
	"regexp"
	"strings"
	"time"
)

var anyGUID = regexp.MustCompile(guidText)

// armVault is a vault as the manager tells it.
type armVault struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Properties struct {
		TenantID string `json:"tenantId"`
		RBAC     bool   `json:"enableRbacAuthorization"`
		Public   string `json:"publicNetworkAccess"`
		Policies []struct {
			ObjectID    string              `json:"objectId"`
			Permissions map[string][]string `json:"permissions"`
		} `json:"accessPolicies"`
		ACLs struct {
			Default string `json:"defaultAction"`
			IPs     []struct {
				Value string `json:"value"`
			} `json:"ipRules"`
		} `json:"networkAcls"`
	} `json:"properties"`
}

const (
	vaultsVersion = "api-version=2023-02-01"
	mostPages     = 40
)

// listed reads a paged list of the manager.
func listed[T any](ctx context.Context, l *walker, link *Link, what, path string) (all []T, err error) {
	for pages := 0; path != "" && pages < mostPages; pages++ {
		var page struct {
			Value []T    `json:"value"`
			Next  string `json:"nextLink"`
		}
		if err := l.get(ctx, link, l.arm, what, path, &page); err != nil {
			return all, err
		}
		all, path = append(all, page.Value...), page.Next
	}
	return all, nil
}

// subscriptions are those that rekey's reader may look into.
func (l *walker) subscriptions(ctx context.Context, link *Link) ([]string, error) {
	if l.subs != nil {
		return l.subs, nil
	}
	list, err := listed[struct {
		ID string `json:"subscriptionId"`
	}](ctx, l, link, "subscriptions", "/subscriptions?api-version=2022-12-01")
	if err != nil {
		return nil, err
	}
	l.subs = []string{}
	for _, s := range list {
		l.subs = append(l.subs, s.ID)
	}
	return l.subs, nil
}

// ofType lists all resources of a type, in all subscriptions.
func ofType[T any](ctx context.Context, l *walker, link *Link, kind, version string) (all []T, err error) {
	subs, err := l.subscriptions(ctx, link)
	for _, s := range subs {
		list, failed := listed[T](ctx, l, link, kind, "/subscriptions/"+s+"/providers/"+kind+"?"+version)
		if failed != nil {
			err = failed
		}
		all = append(all, list...)
	}
	return all, err
}

// may is what a role allows.
type may struct {
	Name string
	permissions
	young bool // it was assigned a moment ago
}

type permissions struct {
	Actions []string `json:"actions"`
	Not     []string `json:"notActions"`
	Data    []string `json:"dataActions"`
	NotData []string `json:"notDataActions"`
}

// roles are what is assigned to a principal at a scope, above it, or to a group of it.
func (l *walker) roles(ctx context.Context, link *Link, scope, principal string) (list []may, err error) {
	found, err := listed[struct {
		Properties struct {
			Role    string    `json:"roleDefinitionId"`
			Scope   string    `json:"scope"`
			Created time.Time `json:"createdOn"`
		} `json:"properties"`
	}](ctx, l, link, "role assignments of "+principal, scope+"/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter=assignedTo('"+quoted(principal)+"')")
	if err != nil {
		return nil, err
	}
	for _, a := range found {
		if !under(scope, a.Properties.Scope) {
			continue
		}
		var role struct {
			Properties struct {
				Name        string        `json:"roleName"`
				Permissions []permissions `json:"permissions"`
			} `json:"properties"`
		}
		if err := l.get(ctx, link, l.arm, "role definition", a.Properties.Role+"?api-version=2022-04-01", &role); err != nil {
			return nil, err
		}
		for _, p := range role.Properties.Permissions {
			list = append(list, may{Name: role.Properties.Name, permissions: p, young: time.Since(a.Properties.Created) < 10*time.Minute})
		}
	}
	return list, nil
}

// under reports whether a scope lies at or below another.
func under(scope, above string) bool {
	rest, found := strings.CutPrefix(strings.ToLower(scope), strings.TrimSuffix(strings.ToLower(above), "/"))
	return found && (rest == "" || rest[0] == '/')
}

func (m may) data(action string) bool { return fits(m.Data, action) && !fits(m.NotData, action) }

// fits reports whether one of the patterns, in which a star stands for any text,
// covers an action.
func fits(patterns []string, action string) bool {
	for _, p := range patterns {
		quotedPattern := "(?i)^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$"
		if ok, _ := regexp.MatchString(quotedPattern, action); ok {
			return true
		}
	}
	return false
}
