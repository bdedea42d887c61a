// Package review tells what an application may do, which of it is more than an
// application should have, and whether it needs a secret at all. It is what an
// approver looks at before a credential lives on for another year.
//
// It asks the directory and Azure when it is asked. What could not be read is named
// with the reason: a permission that is not shown is not a permission that is not
// there.
package review

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rbac"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// Kind is what sort of right a grant is.
type Kind string

// The kinds.
const (
	Permission    Kind = "permission"
	Delegated     Kind = "delegated"
	DirectoryRole Kind = "directory role"
	AzureRole     Kind = "azure role"
	VaultPolicy   Kind = "vault policy"
)

// Grant is one right.
type Grant struct {
	Kind    Kind
	What    string // User.Read.All; Key Vault Secrets User; get, list secrets
	On      string // the API, the scope, the vault
	Group   bool   // it comes with a group
	Since   time.Time
	Why     string // it is over-wide; empty: it is not known to be
	Instead string // what would do, if it is over-wide
}

// Wide reports whether it is more than an application should have.
func (g Grant) Wide() bool { return g.Why != "" }

// Unread is something that could not be read.
type Unread struct {
	What  string
	Why   string
	Needs string // the least that would be enough to read it
}

// Review is what is known of one application's rights, and of the ways to do
// without a secret.
type Review struct {
	Application inventory.Application
	Principal   inventory.ObjectID // of the service principal
	Looked      time.Time
	Grants      []Grant // over-wide ones first
	Unread      []Unread
	Diets       []Diet
}

// Reviewer reviews applications.
type Reviewer struct {
	Directory *entra.Reach
	Azure     *rbac.Reader
	Tenant    string
}

// patience is how long the two clouds may take together.
const patience = 30 * time.Second

// Of reviews an application. Consumers are who uses its credentials.
func (v *Reviewer) Of(ctx context.Context, by access.Actor, a inventory.Application, consumers []inventory.Binding) (Review, error) {
	if err := by.Check(access.ReviewAccess); err != nil {
		return Review{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := Review{Application: a, Looked: time.Now().UTC(), Grants: []Grant{}, Unread: []Unread{}, Diets: []Diet{}}
	if a.Holder == inventory.InResources {
		r.miss("the rights of an access key", errors.New("a key of a resource opens all of the resource, whoever has it"), "")
		return r, nil
	}
	v.directory(ctx, &r)
	if r.Principal != "" {
		v.azure(ctx, &r)
	}
	slices.SortStableFunc(r.Grants, func(a, b Grant) int {
		return cmp.Or(first(a.Wide(), b.Wide()), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.On, b.On), strings.Compare(a.What, b.What))
	})
	r.Diets = diets(v.Tenant, &r, consumers)
	return r, nil
}

func first(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return 1
	}
	return 0
}

// What reading needs at least.
const (
	needsGraph = "Application.Read.All for rekey's reader"
	needsAzure = "the role Reader on the subscription for rekey's reader"
)

func (r *Review) miss(what string, err error, needs string) {
	u := Unread{What: what, Why: err.Error(), Needs: needs}
	if e, ok := errors.AsType[*rest.Error](err); ok {
		u.Why = fmt.Sprintf("%s answered %d", e.Host, e.Status)
		if code := cmp.Or(e.Code, e.Message); code != "" {
			u.Why += " (" + rest.Clean(code, 120) + ")"
		}
		if e.Status != http.StatusForbidden && e.Status != http.StatusUnauthorized {
			u.Needs = ""
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		u.Why, u.Needs = "it took longer than "+patience.String(), ""
	}
	r.Unread = append(r.Unread, u)
}

func (v *Reviewer) directory(ctx context.Context, r *Review) {
	g, err := v.Directory.Grants(ctx, r.Application.ClientID)
	if err != nil {
		r.miss("the permissions in the directory, and with them the roles in Azure", err, needsGraph)
		return
	}
	r.Principal = g.Principal
	for _, p := range g.Grants {
		grant := Grant{Kind: Kind(p.Kind), What: p.Role, On: p.API, Since: p.Since}
		if p.Kind == entra.Delegated && !p.All {
			grant.What += " (for one person)"
		}
		grant.Why, grant.Instead = widePermission(p)
		r.Grants = append(r.Grants, grant)
	}
	for _, k := range []entra.GrantKind{entra.Permission, entra.Delegated, entra.DirectoryRole} {
		if err := g.Unread[k]; err != nil {
			r.miss(string(k)+"s", err, needsGraph)
		}
	}
}

func (v *Reviewer) azure(ctx context.Context, r *Review) {
	f, err := v.Azure.Of(ctx, r.Principal)
	if err != nil {
		r.miss("the roles in Azure and the access policies of Key Vaults", err, needsAzure)
	}
	for _, a := range f.Assignments {
		g := Grant{Kind: AzureRole, What: a.Role, On: a.Scope, Group: a.Group, Since: a.Since}
		g.Why, g.Instead = wideRole(a.Role, a.Scope)
		r.Grants = append(r.Grants, g)
	}
	for _, p := range f.Policies {
		for _, part := range []struct {
			thing string
			words []string
		}{{"secrets", p.Secrets}, {"keys", p.Keys}, {"certificates", p.Certificates}} {
			if len(part.words) == 0 {
				continue
			}
			g := Grant{Kind: VaultPolicy, What: strings.Join(part.words, ", ") + " " + part.thing, On: p.Vault}
			g.Why, g.Instead = widePolicy(part.thing, part.words)
			r.Grants = append(r.Grants, g)
		}
	}
	for _, err := range f.Unread {
		what, _, _ := strings.Cut(err.Error(), ":")
		r.miss(what, err, needsAzure)
	}
}
