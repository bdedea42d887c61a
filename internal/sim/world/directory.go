package world

import (
	"time"
)

// Directory is the tenant's Entra directory.
type Directory struct {
	Applications      map[string]*Application      // by object id
	ServicePrincipals map[string]*ServicePrincipal // by object id
	Users             map[string]*User             // by object id

	appByClient map[string]*Application
	spByClient  map[string]*ServicePrincipal
	order       []string // object ids of applications in the order of their creation
	spOrder     []string

	Changes []Change                // what delta queries walk through, oldest first
	Audits  []Audit                 // directoryAudits, oldest first
	Deleted map[string]*Application // soft-deleted applications, by object id
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

// User is a person.
type User struct {
	ID, Name, UPN, Mail string
	Enabled             bool
}

// Change is one entry of the delta log.
type Change struct {
	Kind    string // "application" or "servicePrincipal"
	ID      string
	Time    time.Time
	Removed string // "", "changed" (soft-deleted) or "deleted"
}

// Audit is one directoryAudits record.
type Audit struct {
	ID, Activity, Category string
	Time                   time.Time
	CorrelationID          string
	Operation              string // Add, Update, Delete
	ByAppID, BySPID, ByApp string // initiatedBy.app
	ByUserID, ByUser       string // initiatedBy.user
	TargetID, TargetType   string
	TargetName             string
	Properties             []AuditProperty
}

// AuditProperty is one of modifiedProperties.
type AuditProperty struct{ Name, Old, New string }

func (d *Directory) init() {
	d.Applications = map[string]*Application{}
	d.ServicePrincipals = map[string]*ServicePrincipal{}
	d.Users = map[string]*User{}
	d.Deleted = map[string]*Application{}
	d.appByClient = map[string]*Application{}
	d.spByClient = map[string]*ServicePrincipal{}
}

// AddApplication puts a into the directory. The caller holds Change.
func (d *Directory) AddApplication(a *Application) {
	d.Applications[a.ID], d.appByClient[a.AppID] = a, a
	d.order = append(d.order, a.ID)
	d.Changes = append(d.Changes, Change{Kind: "application", ID: a.ID, Time: time.Now()})
}

// AddServicePrincipal puts s into the directory. The caller holds Change.
func (d *Directory) AddServicePrincipal(s *ServicePrincipal) {
	d.ServicePrincipals[s.ID], d.spByClient[s.AppID] = s, s
	d.spOrder = append(d.spOrder, s.ID)
	d.Changes = append(d.Changes, Change{Kind: "servicePrincipal", ID: s.ID, Time: time.Now()})
}

// ApplicationByClient finds an application by its client id, or nil.
func (d *Directory) ApplicationByClient(appID string) *Application { return d.appByClient[appID] }

// ServicePrincipalByClient finds a service principal by its client id, or nil.
func (d *Directory) ServicePrincipalByClient(appID string) *ServicePrincipal {
	return d.spByClient[appID]
}
