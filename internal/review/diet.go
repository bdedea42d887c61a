package review

import (
	"fmt"
	"strings"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// Diet is a way for one consumer to do without a secret.
type Diet struct {
	Consumer string
	Runs     string // on what: "App Service or Functions", "GitHub Actions"; empty: not known
	Instead  string // ManagedIdentity, FederatedCredential, or Keep
	Why      string
	Steps    []string
}

// What can take a secret's place.
const (
	ManagedIdentity     = "managed identity"
	FederatedCredential = "federated credential"
	Keep                = "none known"
)

// home is a platform that consumers run on.
type home struct {
	name    string
	words   []string // that give it away in a consumer's name or reference
	instead string
	why     string
	steps   []string
}

// The platforms. {client} is the application's client id, {object} its object id,
// {tenant} the tenant.
var homes = []home{
	{
		"GitHub Actions", []string{"github"}, FederatedCredential, "GitHub gives each run a token of its own that Entra can trust",
		[]string{
			"az ad app federated-credential create --id {client} --parameters '{\"name\":\"github\",\"issuer\":\"https://token.actions.githubusercontent.com\",\"subject\":\"repo:OWNER/REPOSITORY:environment:ENVIRONMENT\",\"audiences\":[\"api://AzureADTokenExchange\"]}'",
			"in the workflow: permissions: id-token: write, and azure/login with client-id {client}, tenant-id {tenant} and no client-secret",
			"delete the secret in the repository's or organization's settings",
		},
	},
	{
		"GitLab CI", []string{"gitlab"}, FederatedCredential, "GitLab gives each job an ID token that Entra can trust",
		[]string{
			"az ad app federated-credential create --id {client} --parameters '{\"name\":\"gitlab\",\"issuer\":\"https://gitlab.com\",\"subject\":\"project_path:GROUP/PROJECT:ref_type:branch:ref:main\",\"audiences\":[\"api://AzureADTokenExchange\"]}'",
			"in the job: id_tokens with aud api://AzureADTokenExchange, and az login --service-principal -u {client} -t {tenant} --federated-token",
		},
	},
	{
		"Azure DevOps", []string{"azure devops", "devops", "azure pipelines", "pipeline", "service connection", "dev.azure.com"}, FederatedCredential,
		"a service connection can use workload identity federation",
		[]string{
			"in the project's settings: Service connections, the one that uses {client}, Convert to workload identity federation",
			"run a pipeline; Azure DevOps can turn the connection back for seven days",
			"a connection that was made by hand gets a federated credential: issuer and subject stand on its page",
		},
	},
	{
		"AKS", []string{"aks", "kubernetes", "k8s", "helm"}, FederatedCredential, "a cluster's service account can sign in by itself (workload identity)",
		[]string{
			"az aks update -g GROUP -n CLUSTER --enable-oidc-issuer --enable-workload-identity",
			"az ad app federated-credential create --id {client} --parameters '{\"name\":\"aks\",\"issuer\":\"ISSUER OF THE CLUSTER\",\"subject\":\"system:serviceaccount:NAMESPACE:ACCOUNT\",\"audiences\":[\"api://AzureADTokenExchange\"]}'",
			"annotate the service account with azure.workload.identity/client-id: {client}, label the pods azure.workload.identity/use: \"true\", and let the program use DefaultAzureCredential",
		},
	},
	{
		"Terraform Cloud", []string{"terraform cloud", "hcp terraform", "app.terraform.io"}, FederatedCredential, "HCP Terraform has dynamic provider credentials for Azure",
		[]string{
			"add two federated credentials to {client}: issuer https://app.terraform.io, subject organization:ORG:project:PROJECT:workspace:WORKSPACE:run_phase:plan, and the same with apply",
			"set TFC_AZURE_PROVIDER_AUTH=true and TFC_AZURE_RUN_CLIENT_ID={client} in the workspace, and delete ARM_CLIENT_SECRET",
		},
	},
	{"Logic Apps", []string{"logic app"}, ManagedIdentity, "a Logic App can have an identity of its own", append(identitySteps("az logicapp identity assign -g GROUP -n NAME"), "choose Managed identity in the HTTP actions and connections")},
	{"Data Factory", []string{"data factory", "adf ", "synapse"}, ManagedIdentity, "a factory has an identity of its own", append(identitySteps("the factory has one already: its name"), "choose System-assigned managed identity in the linked services")},
	{"Automation", []string{"automation account", "runbook"}, ManagedIdentity, "an Automation account can have an identity of its own", append(identitySteps("az automation account update ... (identity: system-assigned)"), "in the runbook: Connect-AzAccount -Identity")},
	{"Container Apps", []string{"container app"}, ManagedIdentity, "a container app can have an identity of its own", identitySteps("az containerapp identity assign -g GROUP -n NAME --system-assigned")},
	{
		"App Service or Functions", []string{"app service", "azure function", "function app", "functions", "web app", "webapp", ".azurewebsites.net"}, ManagedIdentity,
		"an app of App Service or Functions can have an identity of its own", identitySteps("az webapp identity assign -g GROUP -n NAME  (az functionapp for Functions)"),
	},
	{"a virtual machine in Azure", []string{"azure vm", "virtual machine"}, ManagedIdentity, "a virtual machine in Azure can have an identity of its own", identitySteps("az vm identity assign -g GROUP -n NAME")},
	{"Finance and Operations", []string{"f&o", "finance and operations", "d365fo", "business event"}, Keep, "Finance and Operations takes a client secret out of a Key Vault, and nothing else", nil},
	{"Business Central", []string{"business central", "al extension"}, Keep, "an outgoing call of Business Central has a client secret or a certificate", nil},
	{
		"Power Platform", []string{"power automate", "power app", "power platform", "dataverse", "flow "}, Keep,
		"a flow's connection has a secret or a certificate; Dataverse plug-ins alone can have a managed identity", nil,
	},
}

// identitySteps let an application's work be done by a managed identity: as itself,
// or as what the application trusts, which keeps the application's permissions.
func identitySteps(assign string) []string {
	return []string{
		assign,
		"either give the identity what {client} has now (see the grants above), and let the program use ManagedIdentityCredential",
		"or keep {client} and its permissions, and let it trust the identity: az ad app federated-credential create --id {client} --parameters '{\"name\":\"identity\",\"issuer\":\"https://login.microsoftonline.com/{tenant}/v2.0\",\"subject\":\"OBJECT ID OF THE IDENTITY\",\"audiences\":[\"api://AzureADTokenExchange\"]}'",
	}
}

// diets looks for each consumer whether it could do without a secret.
func diets(tenant string, r *Review, consumers []inventory.Binding) []Diet {
	list, seen := []Diet{}, map[string]bool{}
	switch a := r.Application; {
	case a.Kind == "ManagedIdentity":
		return []Diet{{Instead: ManagedIdentity, Steps: []string{}, Why: "it is a managed identity already: Azure keeps its credentials, and nobody holds them"}}
	case a.Home != "" && tenant != "" && !strings.EqualFold(a.Home, tenant):
		return []Diet{{Instead: Keep, Steps: []string{}, Why: "its application is at home in another tenant, whose people hold the credentials; ask them"}}
	}
	for _, c := range consumers {
		if key := strings.ToLower(c.Consumer); c.Consumer == "" || seen[key] {
			continue
		} else {
			seen[key] = true
		}
		list = append(list, diet(tenant, r, c))
	}
	if len(list) == 0 {
		list = append(list, Diet{Consumer: "", Instead: Keep, Steps: []string{}, Why: "nobody is known to use the credentials; name the consumers first: a tag on the vault entry, or bindings in the configuration"})
	}
	return list
}

func diet(tenant string, r *Review, c inventory.Binding) Diet {
	h, known := homeOf(c)
	if !known {
		return Diet{Consumer: c.Consumer, Instead: Keep, Steps: []string{}, Why: "on what it runs is not known; if it is Azure, a pipeline or a cluster, it can do without a secret"}
	}
	d := Diet{Consumer: c.Consumer, Runs: h.name, Instead: h.instead, Why: h.why, Steps: []string{}}
	fill := strings.NewReplacer("{client}", string(r.Application.ClientID), "{object}", string(r.Application.ObjectID), "{tenant}", tenant)
	for _, s := range h.steps {
		d.Steps = append(d.Steps, fill.Replace(s))
	}
	if h.instead != Keep {
		d.Steps = append(d.Steps,
			fmt.Sprintf("wait until nobody uses the secret any more: rekey credentials use KEYID (list them with: rekey applications show %s)", r.Application.ObjectID),
			"end it: rekey revoke KEYID")
	}
	return d
}

// homeOf is the platform that a consumer runs on. Its reference is sure; what its
// name says is what people wrote.
func homeOf(c inventory.Binding) (home, bool) {
	if ref, err := connector.ParseReference(c.Reference); err == nil && ref.Route == connector.ReadsAsApp || c.Source == inventory.FromAppService {
		for _, h := range homes {
			if h.name == "App Service or Functions" {
				return h, true
			}
		}
	}
	text := " " + strings.ToLower(c.Consumer+" "+c.Reference) + " "
	for _, h := range homes {
		for _, w := range h.words {
			if contains(text, w) {
				return h, true
			}
		}
	}
	return home{}, false
}

// contains reports whether a text has a word: "aks" is none of "breaks".
func contains(text, word string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		i += at
		if i == 0 || !letter(text[i-1]) || word[0] == '.' {
			if end := i + len(word); end >= len(text) || !letter(text[end]) || text[end] == 's' || word[len(word)-1] == ' ' {
				return true
			}
		}
		at = i + 1
	}
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }
