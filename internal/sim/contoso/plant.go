package contoso

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"rekey.example/rekey/internal/sim/world"
)

// plant puts an application into the directory, with its service principal, its
// credentials and their copies in the vaults.
func (s *seeder) plant(spec app) *world.Application {
	a := &world.Application{
		Holder: world.Holder{
			ID: s.w.GUID(), AppID: s.w.GUID(), Name: spec.name, Notes: spec.notes, Tags: spec.tags,
			Created: s.ago(spec.age), Audience: cmp.Or(spec.audience, "AzureADMyOrg"), Owners: s.owners(spec),
		},
		Description: spec.description, IdentifierURIs: spec.uris, ServiceRef: spec.reference,
		PublisherDomain: s.tenant.Domain, Redirects: spec.redirects,
	}
	for _, p := range spec.requires {
		a.Requires = append(a.Requires, required(p))
	}
	s.d.AddApplication(a)
	principal := s.principal(a, spec)

	for _, sec := range spec.secrets {
		s.addSecret(&a.Holder, sec)
	}
	for _, c := range spec.certificates {
		s.addCertificate(&a.Holder, c)
	}
	for _, sec := range spec.onPrincipal {
		s.addSecret(&principal.Holder, sec)
	}
	a.Changed = newest(&a.Holder)

	s.show(spec, a, principal)
	return a
}

func (s *seeder) owners(spec app) []string {
	var ids []string
	for _, short := range spec.owners {
		id, ok := s.people[short]
		if !ok {
			panic("contoso: " + spec.name + " belongs to " + short + ", whom nobody knows")
		}
		ids = append(ids, id)
	}
	if spec.ours {
		ids = append(ids, s.tenant.Writer.PrincipalID)
	}
	return ids
}

func (s *seeder) principal(a *world.Application, spec app) *world.ServicePrincipal {
	if spec.bare {
		return nil
	}
	sp := &world.ServicePrincipal{
		Holder:  world.Holder{ID: s.w.GUID(), AppID: a.AppID, Name: a.Name, Created: a.Created.Add(2 * time.Second), Tags: portalTags, Audience: a.Audience},
		Enabled: !spec.disabled, Type: "Application", OwnerOrg: s.tenant.ID, Names: append([]string{a.AppID}, a.IdentifierURIs...),
	}
	sp.Changed = sp.Created
	if spec.ours && len(spec.onPrincipal) > 0 {
		sp.Owners = slices.Clone(a.Owners)
	}
	for _, role := range spec.granted {
		s.grant(sp, role)
	}
	s.d.AddServicePrincipal(sp)
	return sp
}

// portalTags are what the portal writes on the principals it makes.
var portalTags = []string{"WindowsAzureActiveDirectoryIntegratedApp"}

// grant gives a service principal an application permission of Microsoft Graph.
func (s *seeder) grant(sp *world.ServicePrincipal, role string) {
	sp.Roles = append(sp.Roles, role)
	sp.Grants = append(sp.Grants, world.Grant{ID: s.opaque(), RoleID: roleID("graph", role), RoleValue: role,
		ResourceID: s.d.ServicePrincipalByClient(world.GraphAppID).ID, ResourceName: "Microsoft Graph", Created: sp.Created})
}

// opaque is an id in the form of those of app role assignments.
func (s *seeder) opaque() string {
	var b [32]byte
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], s.rnd.Uint64())
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (s *seeder) addSecret(h *world.Holder, spec secret) *world.Password {
	p := &world.Password{KeyID: s.w.GUID(), Name: spec.label, Text: s.w.SecretText(), Ends: spec.until}
	if p.Ends.IsZero() {
		p.Ends = s.in(spec.ends)
	}
	p.Starts = p.Ends.AddDate(0, 0, -spec.life)
	if spec.life == 0 {
		p.Starts = h.Created.Add(time.Minute)
	}
	if p.Starts.Before(h.Created) {
		h.Created = p.Starts.Add(-3 * time.Minute)
	}
	if spec.unused != never {
		p.LastUsed = s.ago(spec.unused)
	}
	if spec.legacy {
		p.Text, p.Name, p.CustomKeyIdentifier = s.legacyText(), "", utf16Base64(spec.label)
	}
	p.Hint = p.Text[:3]
	h.Passwords = append(h.Passwords, p)
	for _, d := range spec.deposits {
		s.deposit(d, p)
	}
	return p
}

// legacyText is the form that portals gave out before the marked one: 44
// characters of base64, 32 bytes.
func (s *seeder) legacyText() string {
	var b [32]byte
	for i := range b {
		b[i] = byte(s.rnd.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b[:])
}

// utf16Base64 is how old portals kept a secret's description.
func utf16Base64(text string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// deposit keeps a copy of p in a vault, after so many older values.
func (s *seeder) deposit(spec deposit, p *world.Password) {
	tags := map[string]string{}
	for key, value := range map[string]string{"consumer": spec.consumer, "purpose": spec.purpose, "owner": spec.owner} {
		if value != "" {
			tags[key] = strings.ReplaceAll(value, "@contoso.com", "@"+s.tenant.Domain)
		}
	}
	for n := spec.before; n > 0; n-- {
		year := p.Starts.AddDate(-n, 0, 0)
		s.a.PutSecret(spec.vault, spec.name, &world.SecretVersion{Value: s.w.SecretText(), ContentType: "application/x-client-secret",
			Enabled: true, Expires: p.Ends.AddDate(-n, 0, 0), Created: year.Add(4 * time.Minute), Tags: tags})
	}
	v := &world.SecretVersion{Value: p.Text, Enabled: true, Created: p.Starts.Add(4 * time.Minute), Tags: tags}
	if !spec.undated {
		v.Expires = p.Ends.AddDate(0, 0, spec.apart)
	}
	if !spec.untagged {
		v.ContentType = "application/x-client-secret"
		v.Tags = withTag(tags, "key-id", p.KeyID)
	}
	s.a.PutSecret(spec.vault, spec.name, v)
}

func withTag(tags map[string]string, key, value string) map[string]string {
	all := map[string]string{key: value}
	maps.Copy(all, tags)
	return all
}

func newest(h *world.Holder) time.Time {
	at := h.Created
	for _, p := range h.Passwords {
		if p.Starts.After(at) {
			at = p.Starts
		}
	}
	return at
}
