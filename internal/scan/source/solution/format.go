package solution

import (
	"bytes"
	"path"
	"strings"
)

// A format is a kind of file and how its places are found.
type format struct {
	kind   string // the first word of its place: flow, app, connector
	folder string // the folder of a solution in which it lies
	advice string // what to use instead
	read   func(s *sheet)
}

// What to use at each place instead of a value.
const (
	adviceHTTP       = "read the secret at run time, from a secret environment variable or with the Key Vault connector, or use a managed identity; turn on secure inputs and secure outputs"
	adviceFlow       = "use a secret environment variable, or read the secret with the Key Vault connector, with secure inputs and outputs turned on"
	adviceConnection = "use a connection reference: the connection keeps the credential, the solution does not"
	adviceVariable   = "make it an environment variable of type Secret, which names a secret in Azure Key Vault"
	adviceConnector  = "leave the secret out of the definition: it belongs into the connection, or into the connector's security settings of each environment"
	adviceApp        = "formulas can be read by everybody who may open the app: call a flow or a custom connector whose connection keeps the credential"
	adviceStep       = "everybody can read a step's unsecure configuration: use a secret environment variable, read with RetrieveEnvironmentVariableSecretValue, or a managed identity"
	adviceResource   = "a web resource runs in the browser of every user: call a custom API or a flow that keeps the credential"
	adviceAssembly   = "a plug-in assembly can be downloaded and read: use a secret environment variable or a managed identity"
	adviceDesktop    = "use a credential of the machine (desktop flow credential from Azure Key Vault), or a sensitive input variable of the desktop flow"
	adviceLogic      = "use a managed identity, or a parameter of type SecureString that is a Key Vault reference; turn on secure inputs and outputs"
	adviceTemplate   = "use a parameter of type secureString with a Key Vault reference, getSecret in Bicep, or a managed identity"
	adviceSettings   = "use a Key Vault reference, @Microsoft.KeyVault(SecretUri=...), user secrets while developing, or a managed identity"
	adviceFinance    = "keep it in Azure Key Vault and name it in the Key Vault parameters of Finance and Operations"
	advicePipeline   = "use a secret variable, a variable group linked to Azure Key Vault, or a service connection with workload identity federation"
	adviceActions    = "use an encrypted secret, ${{ secrets.NAME }}, or sign in with OpenID Connect"
	adviceShell      = "read it at run time: Get-AzKeyVaultSecret, Get-Secret of SecretManagement, or a managed identity"
	adviceState      = "state holds values in clear: use ephemeral resources or write-only arguments, and keep the state in an encrypted, restricted backend"
	adviceHelm       = "name an existing Kubernetes Secret, or use External Secrets or the Key Vault CSI driver"
	adviceNotebook   = "use a secret scope, mssparkutils.credentials.getSecret or an environment variable, and clear the outputs"
)

// formatOf finds the format of a file, or one without a reader.
func formatOf(name string, head []byte) format {
	p := "/" + strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(name, "!", "/"), `\`, "/"))
	base, ext := path.Base(p), path.Ext(p)
	switch ext {
	case ".json", ".tfstate", ".ipynb", ".backup":
		return jsonFormat(p, base, head)
	case ".xml", ".xaml", ".config":
		return xmlFormat(p, base, head)
	case ".yml", ".yaml":
		return yamlFormat(p, base, head)
	case ".ps1", ".psm1", ".psd1":
		return format{kind: "script", advice: adviceShell, read: plain}
	case ".bicep", ".bicepparam":
		return format{kind: "template", advice: adviceTemplate, read: plain}
	case ".csx":
		return format{kind: "connector", folder: "connectors/", advice: adviceConnector, read: plain}
	case ".msapp", ".zip", ".png", ".gif", ".jpg", ".ico", ".svg":
		return format{}
	}
	switch {
	case in(p, "webresources/"):
		return format{kind: "web resource", folder: "webresources/", advice: adviceResource, read: plain}
	case in(p, "workflows/") && ext == ".robin", ext == ".robin", in(p, "desktopflows/") && bytes.Contains(head, []byte("$'''")):
		return format{kind: "flow", folder: "workflows/", advice: adviceDesktop, read: robin}
	}
	return format{}
}

func in(p, folder string) bool { return strings.Contains(p, "/"+folder) }

func jsonFormat(p, base string, head []byte) format {
	has := func(text string) bool { return bytes.Contains(head, []byte(text)) }
	switch {
	case strings.HasSuffix(base, ".data.json"):
		return format{}
	case in(p, "workflows/") && !strings.HasPrefix(base, "package") && (has(`"properties"`) || has(`"definition"`) || has(`$'''`)):
		return format{kind: "flow", folder: "workflows/", advice: adviceFlow, read: document}
	case in(p, "microsoft.flow/flows/") && base == "definition.json":
		return format{kind: "flow", advice: adviceFlow, read: document}
	case has("workflowdefinition.json"), base == "workflow.json":
		return format{kind: "workflow", advice: adviceLogic, read: document}
	case has("deploymentTemplate.json"), has("deploymentParameters.json"), has("DeploymentTemplate.json"), has("subscriptionDeploymentTemplate"):
		return format{kind: "template", advice: adviceTemplate, read: document}
	case in(p, "controls/"), in(p, "components/") && has(`"TopParent"`), has(`"TopParent"`):
		return format{kind: "app", folder: "canvasapps/", advice: adviceApp, read: document}
	case in(p, "references/") && (base == "datasources.json" || base == "resources.json"), base == "properties.json" && has("LocalConnectionReferences"):
		return format{kind: "app", folder: "canvasapps/", advice: adviceApp, read: document}
	case strings.HasPrefix(base, "environmentvariablevalues"):
		return format{kind: "environment variable", folder: "environmentvariabledefinitions/", advice: adviceVariable, read: variableValues}
	case base == "apiproperties.json", base == "apidefinition.swagger.json", strings.HasSuffix(base, "_openapidefinition.json"), strings.HasSuffix(base, "_connectionparameters.json"),
		strings.HasSuffix(base, "_connectionparametersets.json"), strings.HasSuffix(base, "_policytemplateinstances.json"), in(p, "connectors/"):
		return format{kind: "connector", folder: "connectors/", advice: adviceConnector, read: document}
	case base == "connections.json", base == "connectionsmap.json":
		return format{kind: "connections", advice: adviceConnection, read: document}
	case base == "local.settings.json", strings.HasPrefix(base, "appsettings"), base == "secrets.json":
		return format{kind: "settings", advice: adviceSettings, read: document}
	case strings.HasSuffix(base, ".tfstate"), strings.HasSuffix(base, ".tfstate.backup"):
		return format{kind: "state", advice: adviceState, read: document}
	case strings.HasSuffix(base, ".ipynb"):
		return format{kind: "notebook", advice: adviceNotebook, read: notebook}
	case strings.Contains(base, "parameters") && has(`"parameters"`):
		return format{kind: "template", advice: adviceTemplate, read: document}
	case in(p, "webresources/"):
		return format{kind: "web resource", folder: "webresources/", advice: adviceResource, read: plain}
	}
	return format{}
}

func xmlFormat(p, base string, head []byte) format {
	has := func(text string) bool { return bytes.Contains(head, []byte(text)) }
	switch {
	case base == "environmentvariabledefinition.xml", has("<environmentvariabledefinition "):
		return format{kind: "environment variable", folder: "environmentvariabledefinitions/", advice: adviceVariable, read: variableDefinition}
	case base == "customizations.xml", in(p, "sdkmessageprocessingsteps/"), has("<SdkMessageProcessingStep"), in(p, "serviceendpoints/"):
		return format{kind: "customizations", folder: "other/", advice: adviceStep, read: steps}
	case strings.HasSuffix(base, ".xaml") && in(p, "workflows/"):
		return format{kind: "workflow", folder: "workflows/", advice: adviceFlow, read: plain}
	case base == "web.config" && (has("Aad.") || in(p, "aosservice/") || has("DataAccess.")), in(p, "deployablepackage/"), in(p, "aosservice/"), strings.HasPrefix(base, "defaulttopologydata"):
		return format{kind: "configuration", advice: adviceFinance, read: settingsXML}
	case strings.HasSuffix(base, ".config"):
		return format{kind: "configuration", advice: adviceSettings, read: settingsXML}
	case in(p, "webresources/"):
		return format{kind: "web resource", folder: "webresources/", advice: adviceResource, read: plain}
	}
	return format{}
}

func yamlFormat(p, base string, head []byte) format {
	switch {
	case in(p, ".github/workflows/"):
		return format{kind: "workflow", advice: adviceActions, read: yamlText}
	case strings.Contains(base, "pipeline"), in(p, ".azuredevops/"), in(p, "pipelines/"), bytes.Contains(head, []byte("\nsteps:")) && bytes.Contains(head, []byte("task:")):
		return format{kind: "pipeline", advice: advicePipeline, read: yamlText}
	case strings.HasPrefix(base, "values"), bytes.Contains(head, []byte("apiVersion:")) && bytes.Contains(head, []byte("kind:")):
		return format{kind: "values", advice: adviceHelm, read: yamlText}
	case strings.HasSuffix(base, ".pa.yaml"), strings.HasSuffix(base, ".fx.yaml"):
		return format{kind: "app", folder: "canvasapps/", advice: adviceApp, read: appSource}
	}
	return format{}
}

// plain scans the file as it is, with its name and advice.
func plain(*sheet) {}
