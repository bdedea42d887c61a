package world

import "time"

// Azure is the subscription: vaults with their contents, resources with keys,
// role assignments.
type Azure struct {
	Vaults      map[string]*Vault    // by lower-case name
	Resources   map[string]*Resource // by lower-case ARM id
	Assignments []Assignment
	Groups      []string // resource group names
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
	Secrets               map[string]*Secret      // by lower-case name
	DeletedSecrets        map[string]*Secret      // soft-deleted, by lower-case name
	Certificates          map[string]*Certificate // by lower-case name
	DeletedCertificates   map[string]*Certificate
}

// AccessPolicy is one line of a vault that does not use RBAC.
type AccessPolicy struct {
	ObjectID              string
	Secrets, Certificates []string // get, list, set, delete, recover, backup, restore, purge, import, create
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
type Certificate struct {
	Name     string
	Versions []*CertificateVersion
	Deleted  time.Time
}

// CertificateVersion is one certificate.
type CertificateVersion struct {
	ID               string
	DER              []byte
	PFX              []byte // what the secret of the same name holds, PKCS#12 without password, or PEM
	ContentType      string
	Subject          string
	Enabled          bool
	NotBefore        time.Time
	Expires          time.Time
	Created, Updated time.Time
	Tags             map[string]string
}

// Resource is anything else in ARM: Event Grid topics, storage accounts.
type Resource struct {
	ID, Type, Name, Group, Location string
	Tags                            map[string]string
	Properties                      map[string]any
	Keys                            []*ResourceKey
}

// ResourceKey is one of the two keys of a dual-key resource.
type ResourceKey struct {
	Name, Value string
	Created     time.Time
}

// Assignment is an RBAC role assignment.
type Assignment struct {
	ID          string
	PrincipalID string // object id
	Role        string // role name, such as "Key Vault Secrets Officer"
	Scope       string // ARM id
	Created     time.Time
}

func (a *Azure) init() {
	a.Vaults = map[string]*Vault{}
	a.Resources = map[string]*Resource{}
}
