// Package inventory knows every credential: whose it is, where its value is
// kept, who uses it and when it ends.
//
// It is filled by Sync from the feeds of the connectors and from what rotations
// do. What it holds is a picture, taken at a time that it always tells; whoever
// acts looks at the system itself first.
package inventory

import (
	"errors"
	"strings"
	"time"
)

// ClientID is an application's appId, ObjectID the id of a directory object.
// They look alike and must not be mixed.
type (
	ClientID string
	ObjectID string
)

// ErrNotFound means that the inventory, or the system it was asked of, knows no
// such thing.
var ErrNotFound = errors.New("not found")

// HolderKind says which directory object holds a credential.
type HolderKind string

// The kinds of holder, spelled as in Microsoft Graph paths.
const (
	InApplications      HolderKind = "applications"
	InServicePrincipals HolderKind = "servicePrincipals"
	InResources         HolderKind = "resources" // of Azure, with two keys; ObjectID is the ARM id in lower case, Kind the resource type
)

// Application is an app registration or a service principal: what can hold
// credentials in the directory.
type Application struct {
	Tenant   string     `json:"tenant"`
	ObjectID ObjectID   `json:"objectId"`
	ClientID ClientID   `json:"clientId"`
	Holder   HolderKind `json:"holder"`
	Name     string     `json:"name"`
	Audience string     `json:"audience,omitempty"` // signInAudience
	Home     string     `json:"home,omitempty"`     // tenant that owns it; differs from Tenant for foreign service principals
	Kind     string     `json:"kind,omitempty"`     // servicePrincipalType: Application, ManagedIdentity, Legacy
	SSO      string     `json:"sso,omitempty"`      // preferredSingleSignOnMode; "saml": its keys sign, they are not ours to rotate
	Notes    string     `json:"notes,omitempty"`
	Enabled  bool       `json:"enabled"`
	Created  time.Time  `json:"created,omitzero"`
	Owners   []Owner    `json:"owners"`
}

// Owner is a person or a service principal that owns an application.
type Owner struct {
	ObjectID ObjectID `json:"objectId"`
	Kind     string   `json:"kind"` // user, servicePrincipal
	Name     string   `json:"name"`
	Mail     string   `json:"mail,omitempty"` // mail, else userPrincipalName
}

// Kind is what a credential is.
type Kind string

// The kinds of credential.
const (
	ClientSecret Kind = "clientSecret"
	Certificate  Kind = "certificate"
	SAMLSigning  Kind = "samlSigning" // listed so that nobody is surprised; never rotated
	AccessKey    Kind = "accessKey"
	Federated    Kind = "federated"
	OwnerRight   Kind = "owner" // no credential, but who has it can add one
)

// Credential is what an issuer accepts.
type Credential struct {
	Tenant     string    `json:"tenant"`
	Holder     ObjectID  `json:"holder"` // the Application that holds it
	KeyID      string    `json:"keyId"`
	Kind       Kind      `json:"kind"`
	Label      string    `json:"label"`                // displayName
	Hint       string    `json:"hint,omitempty"`       // first three characters of a secret
	Thumbprint string    `json:"thumbprint,omitempty"` // of a certificate: SHA-1, upper-case hex
	Starts     time.Time `json:"starts,omitzero"`
	Expires    time.Time `json:"expires,omitzero"`  // zero: the issuer told none
	LastUsed   time.Time `json:"lastUsed,omitzero"` // zero: no recorded use, which is not "unused"
}

// Place is where a value is kept.
type Place struct {
	Vault   string `json:"vault"`             // "embedded", or the host of a Key Vault such as kv-contoso.vault.azure.net
	Name    string `json:"name"`              // of the secret
	Version string `json:"version,omitempty"` // empty: the current one
}

// Embedded is the name of the sealed vault in rekey's own database.
const Embedded = "embedded"

// String is vault/name, as the command line takes and shows it.
func (p Place) String() string { return strings.TrimSuffix(p.Vault, ".vault.azure.net") + "/" + p.Name }

// Entry is one secret or certificate of a vault: its current version, without the value.
type Entry struct {
	Tenant      string            `json:"tenant"`
	Place       Place             `json:"place"`
	Kind        string            `json:"kind"` // secret, certificate
	Enabled     bool              `json:"enabled"`
	Starts      time.Time         `json:"starts,omitzero"`
	Expires     time.Time         `json:"expires,omitzero"`
	Created     time.Time         `json:"created,omitzero"`
	Updated     time.Time         `json:"updated,omitzero"`
	ContentType string            `json:"contentType,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Hint        string            `json:"hint,omitempty"`        // of the value, if we may read it
	Fingerprint string            `json:"fingerprint,omitempty"` // keyed hash of the value, if we may read it
	Thumbprint  string            `json:"thumbprint,omitempty"`  // of a certificate
}

// Deposit says that a place holds a credential's value, and how that is known.
type Deposit struct {
	Tenant string   `json:"tenant"`
	Holder ObjectID `json:"holder"`
	KeyID  string   `json:"keyId"`
	Place  Place    `json:"place"`
	How    string   `json:"how"` // "rotation", "tag", "fingerprint", "thumbprint", "hint" (a guess: only one credential fits)
}

// Binding says who uses a credential: what stops when it ends.
type Binding struct {
	Tenant    string   `json:"tenant"`
	Holder    ObjectID `json:"holder"`
	KeyID     string   `json:"keyId"`
	Consumer  string   `json:"consumer"`  // "Invoice export to Basware"
	Reference string   `json:"reference"` // how it gets the value: "kv-contoso-prod/basware-secret", or free text
	Source    string   `json:"source"`    // where we know it from: "vault tag", "configuration", "application notes", "app service reference"
}

// The tags on vault entries that rekey reads and writes.
const (
	TagKeyID    = "key-id"         // of the credential whose value this is
	TagRotation = "rekey-rotation" // id of the rotation that deposited it
	TagAttempt  = "rekey-attempt"  // marker of the attempt
	TagConsumer = "consumer"       // who uses it, in plain words; several separated by ";"
	TagPurpose  = "purpose"
	TagOwner    = "owner"
)
