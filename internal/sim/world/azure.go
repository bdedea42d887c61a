package world

import (
	"crypto"
	"time"
)

// Azure is the subscription: vaults with their contents, resources with keys,
// role assignments.
type Azure struct {
	Vaults        map[string]*Vault    // by lower-case name
	DeletedVaults map[string]*Vault    // soft-deleted, by lower-case name
	Resources     map[string]*Resource // by lower-case ARM id
	Assignments   []Assignment         // removed ones are kept until the lag has passed
	Groups        []string             // resource group names
	Operations    map[string]Operation // under way or done, by id

	subscription string // GUID
}

// Vault is one Key Vault.
type Vault struct {
	Name, Group, Location string
	Tags                  map[string]string
	RBAC                  bool // else access policies
	Policies              []AccessPolicy
	PublicAccess          bool // false: ForbiddenByConnection
	FirewallDeny          bool // true: ForbiddenByFirewall
	PurgeProtection       bool
	RetentionDays         int
	Created               time.Time
	Deleted               time.Time               // when the vault itself was soft-deleted
	Secrets               map[string]*Secret      // by lower-case name
	DeletedSecrets        map[string]*Secret      // soft-deleted, by lower-case name
	Certificates          map[string]*Certificate // by lower-case name
	DeletedCertificates   map[string]*Certificate
	Keys                  map[string]*VaultKey // by lower-case name
	DeletedKeys           map[string]*VaultKey
}

// AccessPolicy is one line of a vault that does not use RBAC.
type AccessPolicy struct {
	ObjectID              string
	Secrets, Certificates []string // get, list, set, delete, recover, backup, restore, purge, import, create
	Keys                  []string
}

// Secret is a name in a vault with its versions, oldest first.
type Secret struct {
	Name      string // as first written
	Versions  []*SecretVersion
	Managed   bool // belongs to a certificate
	Deleted   time.Time
	Recovered time.Time
	Purged    time.Time
}

// SecretVersion is one version of a secret.
type SecretVersion struct {
	ID, Value, ContentType string // ID: 32 hex characters
	Enabled                bool
	NotBefore, Expires     time.Time // zero means unset
	Created, Updated       time.Time
	Tags                   map[string]string
}

// Certificate is a name in a vault with its certificate versions, oldest first.
// One whose first version is still being made has none.
type Certificate struct {
	Name      string
	Versions  []*CertificateVersion
	Policy    map[string]any        // as the wire has it; nil means what the newest version implies
	Pending   *CertificateOperation // the last creation, until it is removed
	Deleted   time.Time
	Recovered time.Time
	Purged    time.Time
}

// CertificateVersion is one certificate.
type CertificateVersion struct {
	ID               string
	DER              []byte
	PFX              []byte // what the secret of the same name holds, PKCS#12 without password, or PEM
	ContentType      string // application/x-pkcs12 or application/x-pem-file
	Subject          string
	Enabled          bool
	NotBefore        time.Time
	Expires          time.Time
	Created, Updated time.Time
	Tags             map[string]string
}

// CertificateOperation is the creation of a certificate version.
type CertificateOperation struct {
	RequestID string
	Issuer    string
	CSR       []byte
	Started   time.Time
	Canceled  bool
	Done      bool
	Made      *CertificateVersion // what it makes; nil when somebody else has to sign the CSR
	Key       crypto.Signer       // the key the certificate is made for
}

// VaultKey is a cryptographic key's name in a vault with its versions, oldest first.
type VaultKey struct {
	Name      string
	Versions  []*KeyVersion
	Managed   bool // belongs to a certificate
	Deleted   time.Time
	Recovered time.Time
	Purged    time.Time
}

// KeyVersion is one version of a key. The private half never leaves the vault,
// and no surface uses it, so it is not kept.
type KeyVersion struct {
	ID                 string
	Public             PublicKey
	Type               string // RSA, RSA-HSM, EC, EC-HSM
	Operations         []string
	Enabled            bool
	NotBefore, Expires time.Time
	Created, Updated   time.Time
	Tags               map[string]string
}

// PublicKey is an *rsa.PublicKey or an *ecdsa.PublicKey.
type PublicKey any

// Resource is anything else in ARM: Event Grid topics, storage accounts,
// namespaces. One below another has both names, separated by a slash, as it has
// both types: Microsoft.ServiceBus/namespaces/queues, sb-pay/orders.
type Resource struct {
	ID, Type, Name, Group, Location string
	Tags                            map[string]string
	Properties                      map[string]any
	Keys                            []*ResourceKey
	Site                            *Site // of an App Service or Functions app, or a slot of one
}

// Assignment is an RBAC role assignment.
type Assignment struct {
	ID          string // GUID, the name of the assignment
	PrincipalID string // object id
	Role        string // role name, such as "Key Vault Secrets Officer"
	Scope       string // ARM id
	Created     time.Time
	Removed     time.Time // zero while it exists
}

func (a *Azure) init(subscription string) {
	a.subscription = subscription
	a.Vaults = map[string]*Vault{}
	a.DeletedVaults = map[string]*Vault{}
	a.Resources = map[string]*Resource{}
	a.Operations = map[string]Operation{}
}
