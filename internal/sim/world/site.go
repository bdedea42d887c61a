package world

import (
	"cmp"
	"regexp"
	"strings"
	"time"
)

// Site is what App Service knows of an app or a slot besides its resource.
type Site struct {
	Identity          string            // object id of its managed identity; empty: it has none
	Settings          map[string]string // app settings as they were written
	ConnectionStrings map[string]string
	Fetched           time.Time // when its Key Vault references were last read anew
	HidesVersion      bool      // it does not tell which version it uses; not every region does
}

// ReferenceCache is how long App Service keeps what a reference without a version
// gave, see https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
const ReferenceCache = 24 * time.Hour

// KeyVaultReference is a reference as App Service reports it.
type KeyVaultReference struct {
	Text, Vault, Secret, Version string // Version: as it was written; empty: the current one
	Status, Details              string
	Active                       string // version in use, when resolved
}

var (
	referenceForm = regexp.MustCompile(`(?i)^@Microsoft\.KeyVault\((.*)\)$`)
	uriForm       = regexp.MustCompile(`(?i)^SecretUri=https://([a-z0-9-]+)\.vault\.azure\.net/secrets/([0-9a-z-]+)(?:/([0-9a-z]*))?/?$`)
)

// ReadReference reads a setting's value; false if it is no reference.
func ReadReference(text string) (KeyVaultReference, bool) {
	m := referenceForm.FindStringSubmatch(text)
	if m == nil {
		return KeyVaultReference{}, false
	}
	r := KeyVaultReference{Text: text}
	if u := uriForm.FindStringSubmatch(strings.TrimSpace(m[1])); u != nil {
		r.Vault, r.Secret, r.Version = u[1], u[2], u[3]
		return r, true
	}
	for part := range strings.SplitSeq(m[1], ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(name) {
		case "vaultname":
			r.Vault = value
		case "secretname":
			r.Secret = value
		case "secretversion":
			r.Version = value
		}
	}
	if r.Vault == "" || r.Secret == "" {
		r.Status, r.Details = "InvalidSyntax", "Key Vault reference was not able to be resolved because its syntax is invalid."
	}
	return r, true
}

// Resolve fills in what App Service says of a site's reference now. What a
// reference without a version gives is as old as the last time it was read: at
// most a day. The caller holds the lock.
func (a *Azure) Resolve(s *Site, r KeyVaultReference, now time.Time, lag time.Duration) KeyVaultReference {
	if r.Status != "" {
		return r
	}
	failed := func(status, details string) KeyVaultReference {
		r.Status, r.Details = status, "Key Vault reference was not able to be resolved because "+details
		return r
	}
	if s.Identity == "" {
		return failed("MSINotEnabled", "site Managed Identity not enabled.")
	}
	v := a.Vaults[strings.ToLower(r.Vault)]
	if v == nil {
		return failed("VaultNotFound", "the vault was not found.")
	}
	if v.FirewallDeny || !v.PublicAccess || !a.mayRead(s.Identity, v, r.Secret, now, lag) {
		return failed("AccessToKeyVaultDenied", "site was denied access to Key Vault reference's vault.")
	}
	secret := v.Secrets[strings.ToLower(r.Secret)]
	if secret == nil {
		return failed("SecretNotFound", "the secret was not found.")
	}
	read := now
	if since := now.Sub(s.Fetched); r.Version == "" && since > 0 {
		read = s.Fetched.Add(since.Truncate(ReferenceCache))
	}
	for _, version := range secret.Versions { // the oldest first
		if r.Version != "" && version.ID == r.Version || r.Version == "" && !version.Created.After(read) && version.Enabled {
			r.Active = version.ID
		}
	}
	if r.Active == "" {
		return failed("SecretVersionNotFound", "the secret version was not found.")
	}
	r.Status = "Resolved"
	r.Details = "Reference has been successfully resolved."
	return r
}

// mayRead reports whether an identity may get a secret of a vault.
func (a *Azure) mayRead(identity string, v *Vault, secret string, now time.Time, lag time.Duration) bool {
	if v.RBAC {
		_, ok := a.Allowed(identity, "Microsoft.KeyVault/vaults/secrets/getSecret/action", true, a.VaultID(v)+"/secrets/"+secret, now, lag)
		return ok
	}
	for _, p := range v.Policies {
		for _, may := range p.Secrets {
			if strings.EqualFold(p.ObjectID, identity) && strings.EqualFold(may, "get") {
				return true
			}
		}
	}
	return false
}

// AddSite puts an app into the subscription; with a slot's name, a slot of one.
// The caller holds Change.
func (a *Azure) AddSite(group, name, slot, kind string, s *Site) *Resource {
	if s.Fetched.IsZero() {
		s.Fetched = time.Now()
	}
	r := &Resource{Type: "Microsoft.Web/sites", Name: name, Group: group, Site: s, Properties: map[string]any{
		"state": "Running", "enabled": true, "kind": cmp.Or(kind, "app"), "defaultHostName": strings.ToLower(name) + ".azurewebsites.net", "httpsOnly": true, "keyVaultReferenceIdentity": "SystemAssigned",
	}}
	if slot != "" {
		r.ID = a.GroupID(group) + "/providers/Microsoft.Web/sites/" + name + "/slots/" + slot
		r.Type, r.Name = "Microsoft.Web/sites/slots", name+"/"+slot
		r.Properties["defaultHostName"] = strings.ToLower(name+"-"+slot) + ".azurewebsites.net"
	}
	a.AddResource(r)
	return r
}
