// Package rbac reads what an application may do in Azure: role assignments, its own
// and those of its groups, and the access policies of Key Vaults.
//
// It only reads, and needs the role Reader on each subscription. What lies in a
// subscription that our identity may not look into is not seen, and nobody can say
// that it is there.
package rbac

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// Reader reads from Azure Resource Manager.
type Reader struct {
	ARM *rest.Client // as the reader
}

// Assignment is a role that a principal has at a scope and below it.
type Assignment struct {
	Role  string // its name
	Scope string // ARM id; "/" is everything
	Group bool   // it comes with a group
	Since time.Time
}

// Policy is an entry of a Key Vault's access policies.
type Policy struct {
	Vault                       string // its name
	Secrets, Keys, Certificates []string
}

// Found is what could be read.
type Found struct {
	Subscriptions int
	Assignments   []Assignment
	Policies      []Policy
	Unread        []error // what could not, each naming it
}

// ErrNoSubscription means that our identity may look into none.
var ErrNoSubscription = errors.New("no subscription is open to rekey's reader")

const mostPages = 40

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Of reads the roles and policies of a service principal.
func (r *Reader) Of(ctx context.Context, principal inventory.ObjectID) (f Found, err error) {
	if !guid.MatchString(string(principal)) {
		return f, fmt.Errorf("cannot read the roles of %q: it is no object id", clean(string(principal)))
	}
	type subscription struct {
		ID string `json:"subscriptionId"`
	}
	subs, err := listed[subscription](ctx, r.ARM, "/subscriptions?api-version=2022-12-01")
	if err != nil {
		return f, fmt.Errorf("cannot list the subscriptions: %w", err)
	}
	names := map[string]string{}
	for _, s := range subs {
		if !guid.MatchString(s.ID) {
			continue
		}
		f.Subscriptions++
		if err := r.roles(ctx, &f, "/subscriptions/"+s.ID, string(principal), names); err != nil {
			f.Unread = append(f.Unread, fmt.Errorf("role assignments of subscription %s: %w", s.ID, err))
		}
		if err := r.policies(ctx, &f, "/subscriptions/"+s.ID, string(principal)); err != nil {
			f.Unread = append(f.Unread, fmt.Errorf("Key Vaults of subscription %s: %w", s.ID, err))
		}
	}
	if f.Subscriptions == 0 {
		return f, ErrNoSubscription
	}
	return f, nil
}

// listed reads a paged list of the manager.
func listed[T any](ctx context.Context, c *rest.Client, path string) (all []T, err error) {
	for range mostPages {
		var page struct {
			Value []T    `json:"value"`
			Next  string `json:"nextLink"`
		}
		if err := c.Get(ctx, path, &page); err != nil {
			return all, err
		}
		all = append(all, page.Value...)
		if path = page.Next; path == "" {
			return all, nil
		}
	}
	return all, fmt.Errorf("there are more than %d pages", mostPages)
}

// roles reads what is assigned at a subscription, above it and below it. See
// https://learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest
func (r *Reader) roles(ctx context.Context, f *Found, scope, principal string, names map[string]string) error {
	type assignment struct {
		Properties struct {
			Role      string    `json:"roleDefinitionId"`
			Principal string    `json:"principalId"`
			Scope     string    `json:"scope"`
			Created   time.Time `json:"createdOn"`
		} `json:"properties"`
	}
	list, err := listed[assignment](ctx, r.ARM, scope+"/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter=assignedTo('"+principal+"')")
	for _, a := range list {
		p := a.Properties
		name, failed := r.role(ctx, p.Role, names)
		if failed != nil {
			err = errors.Join(err, failed)
		}
		found := Assignment{Role: name, Scope: clean(p.Scope), Group: !strings.EqualFold(p.Principal, principal), Since: p.Created}
		if !slices.Contains(f.Assignments, found) { // one above is seen from each subscription
			f.Assignments = append(f.Assignments, found)
		}
	}
	return err
}

// role is the name of a role definition. One that cannot be read keeps its id.
func (r *Reader) role(ctx context.Context, id string, names map[string]string) (string, error) {
	key := strings.ToLower(id[strings.LastIndexByte(id, '/')+1:])
	if name := names[key]; name != "" {
		return name, nil
	}
	if !guid.MatchString(key) {
		return "role " + clean(key), errors.New("an assignment names no role")
	}
	var role struct {
		Properties struct {
			Name string `json:"roleName"`
		} `json:"properties"`
	}
	if err := r.ARM.Get(ctx, "/providers/Microsoft.Authorization/roleDefinitions/"+key+"?api-version=2022-04-01", &role); err != nil {
		return "role " + key, fmt.Errorf("role %s: %w", key, err)
	}
	names[key] = clean(role.Properties.Name)
	return names[key], nil
}

// policies reads the access policies of the vaults that go by them.
func (r *Reader) policies(ctx context.Context, f *Found, scope, principal string) error {
	type vault struct {
		Name       string `json:"name"`
		Properties struct {
			RBAC     bool `json:"enableRbacAuthorization"`
			Policies []struct {
				ObjectID    string              `json:"objectId"`
				Permissions map[string][]string `json:"permissions"`
			} `json:"accessPolicies"`
		} `json:"properties"`
	}
	list, err := listed[vault](ctx, r.ARM, scope+"/providers/Microsoft.KeyVault/vaults?api-version=2023-02-01")
	for _, v := range list {
		if v.Properties.RBAC { // its policies are left over and mean nothing
			continue
		}
		for _, p := range v.Properties.Policies {
			if strings.EqualFold(p.ObjectID, principal) {
				f.Policies = append(f.Policies, Policy{clean(v.Name), words(p.Permissions["secrets"]), words(p.Permissions["keys"]), words(p.Permissions["certificates"])})
			}
		}
	}
	return err
}

// words are what a policy permits, in lower case and sorted.
func words(list []string) []string {
	out := []string{}
	for _, w := range list[:min(len(list), 40)] {
		out = append(out, strings.ToLower(clean(w)))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// clean is a foreign name on one line, shortened.
func clean(s string) string { return rest.Clean(s, 400) }
