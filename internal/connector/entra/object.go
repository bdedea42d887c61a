package entra

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"rekey.example/rekey/internal/inventory"
)

// What is asked for of each object. The lists are part of a delta's position:
// a change of them needs a full walk.
const (
	applicationFields = "id,appId,displayName,createdDateTime,signInAudience,notes,passwordCredentials,keyCredentials"
	principalFields   = applicationFields + ",accountEnabled,servicePrincipalType,preferredSingleSignOnMode,appOwnerOrganizationId"
	ownerFields       = "owners($select=id,displayName,userPrincipalName,mail)"
)

// microsoft owns the service principals of its own services, which every tenant
// has by the hundred.
const microsoft = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

// reader decodes one object. It is a struct only to keep the memory from one
// object to the next.
type reader struct {
	scanner
	object *inventory.Object
	holder inventory.HolderKind
	custom []string // customKeyIdentifier of each credential, in one form if it is a thumbprint
	usage  []string // of each credential that is a key
}

// read decodes raw into o.
func (r *reader) read(raw []byte, o *inventory.Object, holder inventory.HolderKind) error {
	*o = inventory.Object{Credentials: o.Credentials[:0], Application: inventory.Application{Holder: holder, Enabled: true, Owners: o.Owners[:0]}}
	if r.texts == nil {
		r.texts = new(strings.Builder)
	}
	r.scanner, r.object, r.holder = scanner{b: raw, texts: r.texts}, o, holder
	r.custom, r.usage = r.custom[:0], r.usage[:0]
	if err := r.members(r.property); err != nil {
		return err
	}
	if o.ObjectID == "" {
		return errJSON
	}
	r.sign()
	o.Credentials = unique(o.Credentials)
	o.Hidden = holder == inventory.InServicePrincipals && o.Home == microsoft && len(o.Credentials) == 0
	return nil
}

func (r *reader) property(name []byte) (err error) {
	o := r.object
	var s string
	switch string(name) {
	case "id":
		s, err = r.text()
		o.ObjectID = inventory.ObjectID(s)
	case "appId":
		s, err = r.text()
		o.ClientID, o.Has = inventory.ClientID(s), o.Has|inventory.HasClientID
	case "displayName":
		o.Name, err = r.text()
		o.Has |= inventory.HasName
	case "signInAudience":
		o.Audience, err = r.text()
		o.Has |= inventory.HasAudience
	case "appOwnerOrganizationId":
		o.Home, err = r.text()
		o.Has |= inventory.HasHome
	case "servicePrincipalType":
		o.Kind, err = r.text()
		o.Has |= inventory.HasKind
	case "preferredSingleSignOnMode":
		o.SSO, err = r.text()
		o.Has |= inventory.HasSSO
	case "notes":
		o.Notes, err = r.text()
		o.Has |= inventory.HasNotes
	case "accountEnabled":
		o.Enabled, err = r.flag(true)
		o.Has |= inventory.HasEnabled
	case "createdDateTime":
		o.Created, err = r.time()
		o.Has |= inventory.HasCreated
	case "owners":
		o.Has |= inventory.HasOwners
		err = r.elements(r.owner)
	case "passwordCredentials":
		o.Has |= inventory.HasPasswords
		err = r.elements(r.password)
	case "keyCredentials":
		o.Has |= inventory.HasKeys
		err = r.elements(r.key)
	default:
		err = r.skip()
	}
	return err
}

func (r *reader) owner() error {
	o := inventory.Owner{Kind: "user"}
	principal := ""
	err := r.members(func(name []byte) (err error) {
		var s string
		switch string(name) {
		case "@odata.type":
			if s, err = r.text(); s != "" {
				o.Kind = strings.TrimPrefix(s, "#microsoft.graph.")
			}
		case "id":
			s, err = r.text()
			o.ObjectID = inventory.ObjectID(s)
		case "displayName":
			o.Name, err = r.text()
		case "mail":
			o.Mail, err = r.text()
		case "userPrincipalName":
			principal, err = r.text()
		default:
			err = r.skip()
		}
		return err
	})
	if o.Mail == "" {
		o.Mail = principal
	}
	r.object.Owners = append(r.object.Owners, o)
	return err
}

func (r *reader) password() error { return r.credential(inventory.ClientSecret) }
func (r *reader) key() error      { return r.credential(inventory.Certificate) }

func (r *reader) credential(kind inventory.Kind) error {
	r.object.Credentials = append(r.object.Credentials, inventory.Credential{Kind: kind})
	c := &r.object.Credentials[len(r.object.Credentials)-1]
	custom, usage := "", ""
	err := r.members(func(name []byte) (err error) {
		switch string(name) {
		case "keyId":
			c.KeyID, err = r.text()
		case "displayName":
			c.Label, err = r.text()
		case "hint":
			c.Hint, err = r.text()
		case "startDateTime":
			c.Starts, err = r.time()
		case "endDateTime":
			c.Expires, err = r.time()
		case "customKeyIdentifier":
			custom, err = r.text()
		case "usage":
			usage, err = r.text()
		default:
			err = r.skip()
		}
		return err
	})
	if err == nil && c.KeyID == "" {
		return errJSON
	}
	if custom != "" {
		switch print := thumbprint(custom); {
		case kind == inventory.Certificate:
			c.Thumbprint = print
		case print == "" && c.Label == "":
			c.Label = oldDescription(custom)
		}
		custom = paired(custom)
	}
	r.custom, r.usage = append(r.custom, custom), append(r.usage, usage)
	return err
}

// sign marks everything that belongs to a SAML signing certificate: the private
// key, its public half, and the password that protects it.
func (r *reader) sign() {
	for i, usage := range r.usage {
		if usage != "Sign" {
			continue
		}
		for j, custom := range r.custom {
			if i == j || custom != "" && custom == r.custom[i] {
				r.object.Credentials[j].Kind = inventory.SAMLSigning
			}
		}
	}
}

// unique keeps the first credential of each key id: a signing key and its
// password can share one.
func unique(list []inventory.Credential) []inventory.Credential {
	for i := 1; i < len(list); i++ {
		for j := range i {
			if list[j].KeyID == list[i].KeyID {
				list = slices.Delete(list, i, i+1)
				i--
				break
			}
		}
	}
	return list
}

// oldDescription reads what very old portals kept in customKeyIdentifier: the
// description, as UTF-16 or UTF-8 text in base64.
func oldDescription(custom string) string {
	raw, err := base64.StdEncoding.DecodeString(custom)
	if err != nil || len(raw) == 0 {
		return ""
	}
	if len(raw)%2 == 0 && len(raw) > 1 && raw[1] == 0 {
		units := make([]uint16, len(raw)/2)
		for i := range units {
			units[i] = uint16(raw[2*i]) | uint16(raw[2*i+1])<<8
		}
		return printable(string(utf16.Decode(units)))
	}
	return printable(string(raw))
}

// printable is s if it is a text, and nothing if it is binary data.
func printable(s string) string {
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return ""
		}
	}
	return s
}
