package world

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AddVault puts v into the subscription and makes its group known. Empty maps
// are made; retention is 90 days and the place westeurope unless v says
// otherwise. PublicAccess stays as it is: false means nobody reaches the vault
// over the internet. The caller holds Change.
func (a *Azure) AddVault(v *Vault) {
	if v.Location == "" {
		v.Location = "westeurope"
	}
	if v.RetentionDays == 0 {
		v.RetentionDays = 90
	}
	if v.Created.IsZero() {
		v.Created = time.Now()
	}
	v.makeMaps()
	a.addGroup(v.Group)
	a.Vaults[strings.ToLower(v.Name)] = v
}

func (v *Vault) makeMaps() {
	for _, m := range []*map[string]*Secret{&v.Secrets, &v.DeletedSecrets} {
		if *m == nil {
			*m = map[string]*Secret{}
		}
	}
	for _, m := range []*map[string]*Certificate{&v.Certificates, &v.DeletedCertificates} {
		if *m == nil {
			*m = map[string]*Certificate{}
		}
	}
	for _, m := range []*map[string]*VaultKey{&v.Keys, &v.DeletedKeys} {
		if *m == nil {
			*m = map[string]*VaultKey{}
		}
	}
}

// PutSecret adds v as the newest version of a secret of a vault that exists.
// An empty ID is drawn from the names and the number of the version, an empty
// Created is now, an empty Updated is Created. Enabled stays as it is. The
// caller holds Change.
func (a *Azure) PutSecret(vault, name string, v *SecretVersion) {
	vt := a.mustVault(vault)
	s := vt.Secrets[strings.ToLower(name)]
	if s == nil {
		s = &Secret{Name: name}
		vt.Secrets[strings.ToLower(name)] = s
	}
	if v.ID == "" {
		v.ID = VersionID(vault, "secrets", name, len(s.Versions))
	}
	if v.Created.IsZero() {
		v.Created = time.Now()
	}
	if v.Updated.IsZero() {
		v.Updated = v.Created
	}
	s.Versions = append(s.Versions, v)
}

// PutCertificate adds v as the newest version of a certificate of a vault that
// exists, with the key and the managed secret that stand behind it. What v
// leaves empty is read from its DER or drawn as for PutSecret; without a
// ContentType, PFX holds PKCS#12. The caller holds Change.
func (a *Azure) PutCertificate(vault, name string, v *CertificateVersion) error {
	parsed, err := x509.ParseCertificate(v.DER)
	if err != nil {
		return fmt.Errorf("cannot read certificate %s of vault %s: %w", name, vault, err)
	}
	vt := a.mustVault(vault)
	key := strings.ToLower(name)
	c := vt.Certificates[key]
	if c == nil {
		c = &Certificate{Name: name}
		vt.Certificates[key] = c
	}
	if v.ID == "" {
		v.ID = VersionID(vault, "certificates", name, len(c.Versions))
	}
	if v.ContentType == "" {
		v.ContentType = "application/x-pkcs12"
	}
	if v.Subject == "" {
		v.Subject = parsed.Subject.String()
	}
	if v.NotBefore.IsZero() {
		v.NotBefore = parsed.NotBefore
	}
	if v.Expires.IsZero() {
		v.Expires = parsed.NotAfter
	}
	if v.Created.IsZero() {
		v.Created = time.Now()
	}
	if v.Updated.IsZero() {
		v.Updated = v.Created
	}
	c.Versions = append(c.Versions, v)
	vt.back(name, v, parsed.PublicKey)
	return nil
}

// back gives a certificate version its secret and its key of the same name and version.
func (v *Vault) back(name string, c *CertificateVersion, public any) {
	value := string(c.PFX)
	if c.ContentType == "application/x-pkcs12" {
		value = base64.StdEncoding.EncodeToString(c.PFX)
	}
	lower := strings.ToLower(name)
	s := v.Secrets[lower]
	if s == nil {
		s = &Secret{Name: name, Managed: true}
		v.Secrets[lower] = s
	}
	s.Managed = true
	s.Versions = append(s.Versions, &SecretVersion{
		ID: c.ID, Value: value, ContentType: c.ContentType, Enabled: c.Enabled,
		NotBefore: c.NotBefore, Expires: c.Expires, Created: c.Created, Updated: c.Updated, Tags: c.Tags,
	})
	k := v.Keys[lower]
	if k == nil {
		k = &VaultKey{Name: name, Managed: true}
		v.Keys[lower] = k
	}
	k.Managed = true
	k.Versions = append(k.Versions, &KeyVersion{
		ID: c.ID, Public: public, Type: KeyType(public), Enabled: c.Enabled,
		Operations: []string{"sign", "verify", "wrapKey", "unwrapKey", "encrypt", "decrypt"},
		NotBefore:  c.NotBefore, Expires: c.Expires, Created: c.Created, Updated: c.Updated, Tags: c.Tags,
	})
}

// AddResource puts r into the subscription and makes its group known. An empty
// ID follows from Group, Type and Name; the place is westeurope unless r says
// otherwise. The caller holds Change.
func (a *Azure) AddResource(r *Resource) {
	if r.Location == "" {
		r.Location = "westeurope"
	}
	if r.ID == "" {
		r.ID = a.GroupID(r.Group) + "/providers/" + r.path()
	}
	if r.Properties == nil {
		r.Properties = map[string]any{}
	}
	a.addGroup(r.Group)
	a.Resources[strings.ToLower(r.ID)] = r
}

// path puts each name behind its type.
func (r *Resource) path() string {
	space, types, _ := strings.Cut(r.Type, "/")
	path, names := space, strings.Split(r.Name, "/")
	for i, kind := range strings.Split(types, "/") {
		path += "/" + kind
		if i < len(names) {
			path += "/" + names[i]
		}
	}
	return path
}

// Find finds a resource by its group, type and name, nil if there is none. The
// caller holds Read or Change.
func (a *Azure) Find(group, kind, name string) *Resource {
	r := Resource{Type: kind, Name: name}
	return a.Resources[strings.ToLower(a.GroupID(group)+"/providers/"+r.path())]
}

// Child reports whether the resource is a part of another one, and so in no list of
// resources. A slot of an app is in them.
func (r *Resource) Child() bool { return r.Site == nil && (strings.Count(r.Type, "/") > 1) }

// Assign gives a principal (an object id) a role by its name over scope: the ARM
// id of the subscription, a group, a resource, or one secret of a vault
// (…/vaults/v/secrets/n). An empty scope is the whole subscription. The caller
// holds Change.
func (a *Azure) Assign(principalID, role, scope string, at time.Time) {
	if scope == "" {
		scope = a.SubscriptionPath()
	}
	sum := sha256.Sum256([]byte("assignment\x00" + principalID + "\x00" + role + "\x00" + strings.ToLower(scope)))
	h := hex.EncodeToString(sum[:16])
	a.Assignments = append(a.Assignments, Assignment{
		ID:          h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:],
		PrincipalID: principalID, Role: role, Scope: scope, Created: at,
	})
}

// SubscriptionPath is the ARM id of the subscription.
func (a *Azure) SubscriptionPath() string { return "/subscriptions/" + a.subscription }

// GroupID is the ARM id of a resource group.
func (a *Azure) GroupID(group string) string {
	return a.SubscriptionPath() + "/resourceGroups/" + group
}

// VaultID is the ARM id of a vault.
func (a *Azure) VaultID(v *Vault) string {
	return a.GroupID(v.Group) + "/providers/Microsoft.KeyVault/vaults/" + v.Name
}

func (a *Azure) addGroup(group string) {
	same := func(g string) bool { return strings.EqualFold(g, group) }
	if group != "" && !slices.ContainsFunc(a.Groups, same) {
		a.Groups = append(a.Groups, group)
	}
}

// mustVault panics, because seeding a vault that does not exist is a mistake in the program.
func (a *Azure) mustVault(name string) *Vault {
	v := a.Vaults[strings.ToLower(name)]
	if v == nil {
		panic("world: no vault " + name)
	}
	return v
}

// VersionID is the id of the nth version of an object of a vault: 32 hex
// characters, the same for the same tenant every time.
func VersionID(vault, kind, name string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", strings.ToLower(vault), kind, strings.ToLower(name), n))
	return hex.EncodeToString(sum[:16])
}
