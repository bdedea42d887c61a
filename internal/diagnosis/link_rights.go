package diagnosis

import (
	"context"
	"slices"
	"strings"
)

// dataverse is the client id under which Dataverse reads vaults, in every tenant.
// https://learn.microsoft.com/power-apps/maker/data-platform/environmentvariables-azure-key-vault-secrets
const dataverse = "00000007-0000-0000-c000-000000000000"

// who asks the vault: the principal that the vault named, that of an app's identity,
// Dataverse's, or the application's.
func (l *walker) who(ctx context.Context, link *Link) (id, name string) {
	f := &l.w.Facts
	switch {
	case f.Caller != "":
		return f.Caller, "the caller " + f.Caller
	case l.identity != "":
		return l.identity, "the identity of the app"
	case f.Path != "" || l.symptomNamed("power-"):
		var found objects
		if l.get(ctx, link, l.graph, "the service principal of Dataverse", "/v1.0/servicePrincipals?$select=id,appId,displayName&$filter=appId eq '"+dataverse+"'", &found) == nil && len(found.Value) > 0 {
			return found.Value[0].ID, found.Value[0].Name
		}
	case l.principal != nil && l.itself():
		return l.principal.ID, l.principal.Name
	}
	return "", ""
}

// itself reports whether it is the application that asks the vault. An entry that
// holds its own secret is read by others: nobody needs a secret to fetch it.
func (l *walker) itself() bool {
	if l.w.Facts.Environment != "" || l.symptomNamed("fno-") {
		return true
	}
	return l.symptom != nil && (l.symptom.Link == VaultName || l.symptom.Link == VaultWay || l.symptom.Link == Rights || l.symptom.Link == Entry)
}

// rights says whether whoever asks the vault may read the entry.
func (l *walker) rights(ctx context.Context) {
	link := l.w.At(Rights)
	if l.vault == nil || l.w.At(VaultName).Verdict == Broken {
		if l.w.Facts.Vault != "" && l.w.At(VaultName).Verdict != Broken {
			link.unclear("the vault is in none of the subscriptions that rekey may look into")
		}
		return
	}
	id, name := l.who(ctx, link)
	if id == "" {
		link.unclear("nothing says who asks the vault")
		return
	}
	words := l.words()
	words["caller"], words["scope"], words["vault"] = id, l.vault.ID, l.vault.Name
	policy := l.byPolicy(id)
	roles, err := l.roles(ctx, link, l.vault.ID, id)
	if l.w.Facts.Secret != "" && err == nil {
		var more []may
		if more, err = l.roles(ctx, link, l.vault.ID+"/secrets/"+l.w.Facts.Secret, id); err == nil {
			roles = append(roles, more...)
		}
	}
	if l.vault.Properties.RBAC {
		if err != nil {
			link.unclear("the roles of %s could not be read: %s", name, sentenceOf(err))
			return
		}
		l.byRole(link, name, roles, policy, words)
		return
	}
	link.asked("access policies of "+l.vault.Name+" for "+id, "%s", strings.Join(policy, " "))
	get, list := has(policy, "get"), has(policy, "list")
	switch {
	case !get && err == nil && slices.ContainsFunc(roles, func(m may) bool { return m.data(getSecret) }):
		link.broken("rights.roles-ignored", words, "%s uses access policies, and %s has a role, which counts for nothing there", l.vault.Name, name)
	case !get:
		link.broken("rights.policy", words, "no access policy of %s lets %s get secrets", l.vault.Name, name)
	case !list && l.needsList():
		link.broken("rights.list", words, "the access policy of %s lets %s get secrets, not list them", l.vault.Name, name)
	default:
		link.holds("an access policy lets %s %s secrets", name, strings.Join(policy, ", "))
	}
}

const (
	getSecret  = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
	listSecret = "Microsoft.KeyVault/vaults/secrets/readMetadata/action"
	setSecret  = "Microsoft.KeyVault/vaults/secrets/setSecret/action"
)

// needsList reports whether reading alone is not enough: Finance and Operations
// lists before it reads.
func (l *walker) needsList() bool {
	return l.w.Facts.Environment != "" || l.symptomNamed("fno-") || l.symptomNamed("kv-policy-list")
}

func (l *walker) byRole(link *Link, name string, roles []may, policy []string, words map[string]string) {
	action, cause := getSecret, "rights.role"
	if l.symptomNamed("kv-rbac-set") {
		action, cause = setSecret, "rights.set"
	}
	allows := func(action string) (yes, young bool) {
		young = true
		for _, r := range roles {
			if r.data(action) {
				yes, young = true, young && r.young
			}
		}
		return yes, yes && young
	}
	var names []string
	for _, r := range roles {
		names = append(names, r.Name)
	}
	link.asked("roles of "+name, "%s", strings.Join(names, ", "))
	yes, young := allows(action)
	lists, _ := allows(listSecret)
	switch {
	case !yes && has(policy, "get"):
		link.broken("rights.policies-ignored", words, "%s uses roles, and %s has an access policy, which counts for nothing there", l.vault.Name, name)
	case !yes:
		link.broken(cause, words, "no role lets %s read the values of secrets in %s (it has %s)", name, l.vault.Name, words2(names))
	case young && l.symptom != nil && l.symptom.Link == Rights:
		link.broken("rights.young", words, "the role was assigned a moment ago and is not known everywhere yet")
	case !lists && l.needsList():
		link.broken("rights.list", words, "a role lets %s get secrets, not list them", name)
	default:
		link.holds("%s may read secrets in %s: %s", name, l.vault.Name, words2(names))
	}
}

func words2(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ", ")
}

func has(list []string, what string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, what) || strings.EqualFold(s, "all") })
}

// byPolicy are the permissions on secrets that an access policy gives.
func (l *walker) byPolicy(id string) (list []string) {
	for _, p := range l.vault.Properties.Policies {
		if strings.EqualFold(p.ObjectID, id) {
			for kind, may := range p.Permissions {
				if strings.EqualFold(kind, "secrets") {
					list = append(list, may...)
				}
			}
		}
	}
	return list
}
