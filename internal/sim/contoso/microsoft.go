package contoso

import (
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// microsoftTenant is the tenant that Microsoft's own applications live in.
const microsoftTenant = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

// apis are Microsoft's applications that have a service principal in every
// tenant like ours, under their public client ids, by the short names in which
// permissions are written down here.
var apis = []struct{ short, appID, name, uri string }{
	{"graph", world.GraphAppID, "Microsoft Graph", "https://graph.microsoft.com"},
	{"legacy", world.LegacyGraph, "Windows Azure Active Directory", "https://graph.windows.net"},
	{"arm", "797f4846-ba00-4fd7-ba43-dac1f8f63013", "Windows Azure Service Management API", "https://management.azure.com"},
	{"vault", "cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "Azure Key Vault", "https://vault.azure.net"},
	{"storage", "e406a681-f3d4-42a8-90b6-c2b029497af1", "Azure Storage", "https://storage.azure.com"},
	{"erp", "00000015-0000-0000-c000-000000000000", "Microsoft Dynamics ERP", "https://erp.dynamics.com"},
	{"dataverse", "00000007-0000-0000-c000-000000000000", "Dataverse", "https://admin.services.crm.dynamics.com"},
	{"central", "996def3d-b36c-4153-8607-a6fd3c01b89f", "Dynamics 365 Business Central", "https://api.businesscentral.dynamics.com"},
	{"devops", "499b84ac-1321-427f-aa17-267ca6975798", "Azure DevOps", "https://app.vssps.visualstudio.com"},
	{"powerapps", "475226c6-020e-4fb2-8a90-7a972cbfc1d4", "PowerApps Service", "https://service.powerapps.com"},
	{"flow", "7df0a125-d3be-4c96-aa54-591f83ff541c", "Microsoft Flow Service", "https://service.flow.microsoft.com"},
	{"office", "c5393580-f805-4401-95e8-94b7a6ef2fc2", "Office 365 Management APIs", "https://manage.office.com"},
	{"sharepoint", "00000003-0000-0ff1-ce00-000000000000", "Office 365 SharePoint Online", "https://microsoft.sharepoint-df.com"},
	{"exchange", "00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online", "https://outlook.office365.com"},
	{"cli", "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Microsoft Azure CLI", ""},
}

// otherRoles are permissions the applications here ask for and the simulated
// Graph does not check itself.
var otherRoles = map[string]string{
	"Sites.Read.All":       "332a536c-c7ef-4017-ab91-336970924f0d",
	"Files.Read.All":       "01d4889c-1287-42c6-ac1f-5d1e02578ef6",
	"API.ReadWrite.All":    "a42b0b75-311e-488d-b67e-8fe84f924341",
	"user_impersonation":   "78ce3f0f-a1ce-49c2-8cde-64b5c0896db4",
	"Connector.FullAccess": "6397893c-2260-496b-a41d-2f1f15b16ff3",
}

func roleID(api, role string) string {
	if r, ok := world.GraphRole(role); ok && api == "graph" {
		return r.ID
	}
	id, ok := otherRoles[role]
	if !ok {
		panic("contoso: no permission " + role)
	}
	return id
}

func required(p permission) world.RequiredResource {
	for _, api := range apis {
		if api.short == p.api {
			kind := "Role"
			if p.role == "user_impersonation" {
				kind = "Scope"
			}
			return world.RequiredResource{ResourceAppID: api.appID, Access: []struct{ ID, Type string }{{roleID(p.api, p.role), kind}}}
		}
	}
	panic("contoso: no API " + p.api)
}

func (s *seeder) seedMicrosoft() {
	for _, api := range apis {
		names := []string{api.appID}
		if api.uri != "" {
			names = append(names, api.uri)
		}
		s.addPrincipal(&world.ServicePrincipal{
			Holder: world.Holder{AppID: api.appID, Name: api.name, Audience: "AzureADMultipleOrgs", Created: s.ago(3300)},
			Type:   "Application", OwnerOrg: microsoftTenant, Names: names,
		})
	}
}

func (s *seeder) addPrincipal(sp *world.ServicePrincipal) *world.ServicePrincipal {
	sp.ID, sp.Enabled, sp.Changed = s.w.GUID(), true, sp.Created
	if sp.AppID == "" {
		sp.AppID = s.w.GUID()
	}
	if sp.Names == nil {
		sp.Names = []string{sp.AppID}
	}
	s.d.AddServicePrincipal(sp)
	return sp
}

// seedEnterpriseApps adds partners' applications that were consented to, and
// gallery applications that sign people in with SAML.
func (s *seeder) seedEnterpriseApps() {
	for _, name := range []string{"DocuSign", "Basware AP Automation", "CreditSafe Connect", "Atlassian Cloud", "Zebra Device Manager", "Tradeshift"} {
		sp := s.addPrincipal(&world.ServicePrincipal{
			Holder: world.Holder{Name: name, Audience: "AzureADMultipleOrgs", Created: s.ago(500 + s.rnd.IntN(900)), Tags: portalTags},
			Type:   "Application", OwnerOrg: s.w.GUID(),
		})
		if name == "Atlassian Cloud" { // somebody added a secret of ours to a foreign application
			s.addSecret(&sp.Holder, secret{label: "added by admin script", ends: 22, life: 365, unused: never})
		}
	}
	for _, saml := range []struct {
		name   string
		ends   int
		notify []string
	}{
		{"Basware SSO", 25, []string{"claire.dubois", "emma.johansson"}},
		{"ServiceNow", 611, []string{"emma.johansson"}},
		{"SAP Concur", 130, nil},
	} {
		s.addSAML(saml.name, saml.ends, saml.notify)
	}
}

// addSAML adds a gallery application with its signing pair: a private key, the
// public half of it and a password, all under one customKeyIdentifier. Entra
// manages the three together; to remove one breaks the sign-in of everybody.
func (s *seeder) addSAML(name string, ends int, notify []string) {
	to := s.in(ends)
	p := selfSigned(s.rnd, "Microsoft Azure Federated SSO Certificate", to.AddDate(-3, 0, 0), to)
	sp := &world.ServicePrincipal{
		Holder: world.Holder{Name: name, Audience: "AzureADMyOrg", Created: p.from.AddDate(0, 0, -1), Owners: []string{s.people["emma"]},
			Tags: []string{"WindowsAzureActiveDirectoryCustomSingleSignOnApplication", "WindowsAzureActiveDirectoryIntegratedApp"}},
		Type: "Application", OwnerOrg: s.tenant.ID, SSOMode: "saml",
	}
	for _, who := range notify {
		sp.Notify = append(sp.Notify, who+"@"+s.tenant.Domain)
	}
	key := func(kind, usage string, der []byte) *world.Key {
		return &world.Key{KeyID: s.w.GUID(), Name: "CN=Microsoft Azure Federated SSO Certificate", Type: kind, Usage: usage,
			Thumbprint: p.thumb[:], DER: der, Starts: p.from, Ends: p.to}
	}
	sp.Keys = []*world.Key{key("X509CertAndPassword", "Sign", nil), key("AsymmetricX509Cert", "Verify", p.der)}
	sp.Passwords = []*world.Password{{KeyID: sp.Keys[0].KeyID, Name: "CN=Microsoft Azure Federated SSO Certificate", Text: s.w.SecretText(),
		CustomKeyIdentifier: base64Of(p.thumb[:]), Starts: p.from, Ends: p.to}}
	s.addPrincipal(sp)
	a := &world.Application{Holder: world.Holder{ID: s.w.GUID(), AppID: sp.AppID, Name: name, Created: sp.Created, Changed: sp.Created,
		Audience: "AzureADMyOrg", Owners: sp.Owners}, PublisherDomain: s.tenant.Domain}
	s.d.AddApplication(a)
}

// seedManagedIdentities adds the identities of Azure resources. Azure renews
// their certificates by itself, every 45 days or so.
func (s *seeder) seedManagedIdentities() {
	for _, name := range []string{"func-invoice-prod", "func-invoice-test", "logic-orders-prod", "aks-platform-agentpool", "vm-sftp-01"} {
		from := s.now.AddDate(0, 0, -20-s.rnd.IntN(20)).Add(-time.Duration(s.rnd.IntN(80000)) * time.Second)
		p := selfSigned(s.rnd, s.w.GUID(), from, from.AddDate(0, 0, 90))
		sp := s.addPrincipal(&world.ServicePrincipal{
			Holder: world.Holder{Name: name, Created: s.ago(200 + s.rnd.IntN(700))}, Type: "ManagedIdentity", OwnerOrg: s.tenant.ID,
		})
		sp.Keys = []*world.Key{{KeyID: s.w.GUID(), Name: "CN=" + sp.AppID, Type: "AsymmetricX509Cert", Usage: "Verify",
			Thumbprint: p.thumb[:], DER: p.der, Starts: p.from, Ends: p.to, LastUsed: s.ago(0)}}
	}
}
