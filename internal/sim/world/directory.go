package world

import (
	"encoding/json"
	"time"
)

// Directory is the tenant's Entra directory.
type Directory struct {
	Applications      map[string]*Application      // by object id
	ServicePrincipals map[string]*ServicePrincipal // by object id
	Users             map[string]*User             // by object id

	appByClient map[string]*Application
	spByClient  map[string]*ServicePrincipal
	apps        []*Application // in the order of their creation; nil where one was deleted
	sps         []*ServicePrincipal

	Changes           []Change                     // what delta queries walk through, oldest first
	Audits            []Audit                      // directoryAudits, oldest first
	Deleted           map[string]*Application      // soft-deleted applications, by object id
	DeletedPrincipals map[string]*ServicePrincipal // soft-deleted service principals, by object id
	Delegated         []*DelegatedGrant            // oauth2PermissionGrants

	SignIns []SignIn // of clients that sign in as themselves, oldest first; a month of them
	signIns int      // how many there have ever been
	uses    map[string][]time.Time
}

// Holder is what applications and service principals share: credentials and owners.
type Holder struct {
	ID        string // object id
	AppID     string // client id
	Name      string // displayName
	Created   time.Time
	Changed   time.Time
	Notes     string
	Tags      []string
	Audience  string   // signInAudience
	Owners    []string // object ids of users and service principals
	Passwords []*Password
	Keys      []*Key
	DeletedAt time.Time // zero while it exists

	// Extra holds properties as they were written, by their name in Graph, where
	// the simulator has no field of its own: api, appRoles, spa, info, ...
	Extra map[string]json.RawMessage

	place int // in the directory's order
}

// Application is an app registration.
type Application struct {
	Holder
	Description     string
	IdentifierURIs  []string
	ServiceRef      string // serviceManagementReference
	PublisherDomain string
	Disabled        bool
	Requires        []RequiredResource
	Redirects       []string // web.redirectUris
	Federated       []*Federated
	AppRoles        []AppRole // what people can be assigned
	OptionalClaims  []string  // optionalClaims.idToken, such as auth_time
	GroupClaims     bool      // groupMembershipClaims: id tokens tell the person's groups
}

// ServicePrincipal is an application's presence in this tenant.
type ServicePrincipal struct {
	Holder
	Enabled   bool
	Type      string    // Application, ManagedIdentity, Legacy
	OwnerOrg  string    // appOwnerOrganizationId
	Names     []string  // servicePrincipalNames
	SSOMode   string    // preferredSingleSignOnMode: "saml" or ""
	Notify    []string  // notificationEmailAddresses
	Roles     []string  // Graph application permissions granted, such as Application.Read.All
	EnabledAt time.Time // when Enabled last changed
	Grants    []Grant
	Assigned  []PersonRole // people and their app roles
	Closed    bool         // appRoleAssignmentRequired: only those
	MemberOf  []string     // names of directory roles, such as Global Administrator
}

// RequiredResource is one line of requiredResourceAccess.
type RequiredResource struct {
	ResourceAppID string
	Access        []struct{ ID, Type string }
}

// Grant is an appRoleAssignment.
type Grant struct {
	ID, RoleID, RoleValue, ResourceID, ResourceName string
	Created                                         time.Time
}

// Password is a client secret. The directory keeps its text, as it keeps a hash
// in truth, to accept sign-ins.
type Password struct {
	KeyID, Name, Text, Hint string
	CustomKeyIdentifier     string // base64, old portals and SAML pairs
	Starts, Ends            time.Time
	Added                   time.Time // when it was really added; zero means for ever known
	Removed                 time.Time // zero while it exists; removed ones are kept until the lag has passed
	LastUsed                time.Time
}

// Key is a certificate, or one half of a SAML signing pair.
type Key struct {
	KeyID, Name  string
	Type, Usage  string // AsymmetricX509Cert/Verify, X509CertAndPassword/Sign
	Thumbprint   []byte // customKeyIdentifier: SHA-1
	DER          []byte // public certificate
	Starts, Ends time.Time
	Added        time.Time
	Removed      time.Time
	LastUsed     time.Time
}

// Federated is a federatedIdentityCredential: whose tokens are accepted in place of a secret.
type Federated struct {
	ID, Name, Issuer, Subject, Description string
	Audiences                              []string
}

// DelegatedGrant is an oauth2PermissionGrant.
type DelegatedGrant struct{ ID, ClientID, ConsentType, PrincipalID, ResourceID, Scope string }

// PersonRole is an appRoleAssignedTo of a person.
type PersonRole struct{ UserID, Role string }

// User is a person.
type User struct {
	ID, Name, UPN, Mail string
	Enabled             bool
	Groups              []string // object ids
}

// Change is one entry of the delta log.
type Change struct {
	Kind       string // "application" or "servicePrincipal"
	ID         string
	Time       time.Time
	Removed    string   // "", "changed" (soft-deleted) or "deleted"
	Properties []string // which changed, by their names in Graph; none means all
}

// Audit is one directoryAudits record.
type Audit struct {
	ID, Activity, Category string
	Time                   time.Time
	CorrelationID          string
	Operation              string // Add, Update, Delete
	ByAppID, BySPID, ByApp string // initiatedBy.app
	ByUserID, ByUser       string // initiatedBy.user
	ByUserIP               string
	TargetID, TargetType   string
	TargetName             string
	Properties             []AuditProperty
	Details                []AuditProperty // additionalDetails; only New is used
}

// AuditProperty is one of modifiedProperties.
type AuditProperty struct{ Name, Old, New string }

func (d *Directory) init() {
	d.Applications = map[string]*Application{}
	d.ServicePrincipals = map[string]*ServicePrincipal{}
	d.Users = map[string]*User{}
	d.Deleted = map[string]*Application{}
	d.DeletedPrincipals = map[string]*ServicePrincipal{}
	d.appByClient = map[string]*Application{}
	d.spByClient = map[string]*ServicePrincipal{}
	d.uses = map[string][]time.Time{}
}
