package diagnosis

import (
	"regexp"
	"strings"
)

// fault is a cause that an answer can name: what it is in one sentence, and how a
// person mends it. Words in braces are filled in; a line with one that is not known
// shows it in capitals instead, for the reader to fill in.
type fault struct {
	title string
	cure  string
}

var blank = regexp.MustCompile(`\{([a-z]+)\}`)

// cureOf is a cause's cure with its blanks filled.
func cureOf(cause string, words map[string]string) string {
	return blank.ReplaceAllStringFunc(faults[cause].cure, func(b string) string {
		name := strings.Trim(b, "{}")
		if v := words[name]; v != "" {
			return v
		}
		return strings.ToUpper(name)
	})
}

const newSecret = "Make a new one and put it where the consumer reads it: rekey rotate {client} does both where rekey manages it. By hand: Entra admin center, App registrations, {app}, Certificates & secrets, New client secret; or\naz ad app credential reset --id {client} --append --years 1\nCopy the value (not the ID) at once: it is shown only then."

// faults are all causes, by key.
var faults = map[string]fault{
	"way.dns":           {"The name of a Microsoft host does not resolve there.", "{cure}\nFrom the failing machine: nslookup login.microsoftonline.com"},
	"way.blocked":       {"A firewall or the network keeps the connection from being made.", "Allow TCP 443 from the failing machine to login.microsoftonline.com, graph.microsoft.com and the vault's host, or set HTTPS_PROXY there.\nTry: curl -v https://login.microsoftonline.com/common/discovery/instance?api-version=1.1"},
	"way.proxy":         {"The proxy does not let the connection through.", "Look at HTTPS_PROXY and NO_PROXY on the failing machine, and at the proxy's user and password (407). The instance metadata address 169.254.169.254 must never go through a proxy: put it into NO_PROXY.\nTry: curl -v -x $HTTPS_PROXY https://login.microsoftonline.com/common/discovery/instance?api-version=1.1"},
	"way.configuration": {"Rekey's own proxy or CA file is not configured well.", "Correct proxy or caFile in rekey.yaml: rekey doctor tells what is wrong."},
	"way.page":          {"Something else than Microsoft's service answered: a proxy, or a sign-in page.", "Ask who runs the network to let the host through untouched, and look whether the address in the consumer's configuration is the right one."},
	"tls.untrusted":     {"The certificate of the host was issued by somebody the machine does not trust: an inspecting proxy, usually.", "{cure}\nTo see who issued it: openssl s_client -connect login.microsoftonline.com:443 -showcerts </dev/null\nIf it is your company's proxy: add its root certificate to the machine's store (update-ca-certificates; Import-Certificate -CertStoreLocation Cert:\\LocalMachine\\Root), or NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE, or keytool -importcert. If not, somebody is listening."},
	"tls.roots":         {"The machine lacks the root certificates that Microsoft's hosts use.", "Update them: apt-get install --reinstall ca-certificates; on Windows let the root certificate update run; in Java use a current JDK's cacerts."},
	"tls.name":          {"The certificate is for another name: something answers in the host's place.", "Ask who runs the network. A private DNS zone that points to the wrong address does this too: nslookup {host}"},
	"tls.version":       {"The program speaks a TLS version that Microsoft no longer takes.", "TLS 1.2 is the least. In .NET Framework: set SchUseStrongCrypto and SystemDefaultTlsVersions, or update to 4.7 or newer; in PowerShell 5: [Net.ServicePointManager]::SecurityProtocol = 'Tls12'."},
	"clock":             {"The machine's clock is wrong.", "Let the machine keep its time: timedatectl set-ntp true\non Windows: w32tm /resync\nIn a virtual machine or a container the host's clock counts. Then start the program again."},
	"assertion.reused":  {"An assertion was kept and sent again after it had ended.", "Make a new assertion for each request, for five to ten minutes; a library (MSAL) does."},
	"assertion.long":    {"The assertion was made for too long a time.", "Let it end five to ten minutes after it begins; a library (MSAL) does."},
	"assertion.claims":  {"The assertion's issuer, subject or audience is not what it has to be.", "iss and sub are the client id, aud is the token endpoint of the tenant: https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token. A library (MSAL) does it right."},

	"tenant.missing":   {"There is no such tenant.", "Correct the tenant id in the consumer's configuration. The portal shows it under Microsoft Entra ID, Overview; or\naz account show --query tenantId"},
	"tenant.malformed": {"What is configured as the tenant is neither a GUID nor a domain.", "Write the tenant's GUID, or a domain of it such as contoso.onmicrosoft.com, with nothing around it."},
	"tenant.cloud":     {"The tenant is in another national cloud.", "Use that cloud's login host: https://login.microsoftonline.us, https://login.partner.microsoftonline.cn (AZURE_AUTHORITY_HOST)."},
	"tenant.wrong":     {"The application is in another tenant than the one that is asked.", "Set the tenant to {ours}{tenant} in the consumer's configuration, or make the application multi-tenant and let an administrator of the other tenant consent."},
	"tenant.common":    {"The program asks the common endpoint, which takes no applications of a single tenant.", "Use https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token instead of /common or /organizations."},

	"application.missing":   {"No application with this client id is in the tenant.", "Compare with Entra admin center, App registrations, Overview: Application (client) ID and Directory (tenant) ID.\naz ad app show --id {client}\nAn application of another company needs an administrator's consent here once: az ad sp create --id {client}"},
	"application.deleted":   {"The application was deleted.", "Restore it within 30 days: Entra admin center, App registrations, Deleted applications, {client}, Restore; or\naz rest --method POST --url https://graph.microsoft.com/v1.0/directory/deletedItems/{object}/restore\nThen look whether its service principal came back: az ad sp show --id {client}"},
	"application.object-id": {"The object id was taken for the client id.", "Put the client id {right} into the consumer's configuration (Overview, Application (client) ID)."},
	"application.disabled":  {"The application was deactivated.", "Ask who deactivated it and why; then\naz rest --method PATCH --url https://graph.microsoft.com/beta/applications/{object} --body '{\"isDisabled\":false}'"},
	"application.public":    {"A public client sent a secret, which it must not.", "Entra admin center, App registrations, {app}, Authentication: register the platform Web instead, or sign in without a secret."},
	"principal.missing":     {"The application has no service principal in the tenant.", "az ad sp create --id {client}\nor in PowerShell: New-MgServicePrincipal -AppId {client}\nand grant its permissions anew."},
	"principal.disabled":    {"The service principal is switched off.", "Ask who switched it off and why; then Entra admin center, Enterprise applications, {app}, Properties, Enabled for users to sign-in: Yes; or\naz ad sp update --id {principal} --set accountEnabled=true"},

	"credential.none":          {"The application has no credential at all.", newSecret},
	"secret.expired":           {"The client secret has expired.", newSecret + "\nIf a newer one is there already (see above), only the consumer or its vault entry has to be given it."},
	"secret.removed":           {"The client secret was withdrawn.", "It cannot be brought back. Ask who withdrew it whether it had leaked. " + newSecret},
	"secret.id-pasted":         {"The secret's ID was configured instead of its value.", "Put the value there (column Value, 40 characters with a ~ in it), not the Secret ID. The value is shown once, when the secret is made; if nobody has it:\n" + newSecret},
	"secret.mangled":           {"The secret was damaged on its way into the configuration.", "Enter it anew. Quote it for the shell with '...' (a ~, a $ or a - at its beginning is taken for something else); no white space or line end around it; %7E is a ~; in a form body encode it once, not twice; look for a field that cuts it off. It is 40 characters long."},
	"secret.of-another":        {"It is the secret of another application.", "Client id and secret belong together: the secret is {other}'s. Configure the secret of {app}, or the client id of {other}."},
	"secret.unknown":           {"The secret is none of the application's.", "Compare its first three characters with Entra admin center, App registrations, {app}, Certificates & secrets.\n" + newSecret},
	"secret.young":             {"The secret was made a moment ago and is not known everywhere yet.", "Try again in two minutes. Programs should try a new secret until it has worked several times in a row before the old one goes."},
	"secret.empty":             {"No secret and no certificate was sent.", "The setting that should hold it is empty, has another name, or its Key Vault reference was not resolved. Look at what the program really gets, by its length."},
	"certificate.expired":      {"The certificate has expired.", "Register a new one: rekey rotate {client}; or\naz ad app credential reset --id {client} --cert @NEW.pem --append\nand give the consumer its private key."},
	"certificate.removed":      {"The certificate was taken from the application.", "Ask who took it away; if it had not leaked, register it again:\naz ad app credential reset --id {client} --cert @CERT.pem --append"},
	"certificate.unregistered": {"The certificate is not registered on the application.", "Register its public part: Entra admin center, App registrations, {app}, Certificates & secrets, Certificates, Upload; or\naz ad app credential reset --id {client} --cert @CERT.pem --append\nor configure the consumer with the certificate that is registered."},
	"certificate.mismatch":     {"The assertion was not signed with the private key of the registered certificate.", "Compare: openssl x509 -in cert.pem -noout -pubkey | sha256sum; openssl pkey -in key.pem -pubout | sha256sum\nand give the consumer the key pair that belongs together."},
	"certificate.issuer":       {"The certificate's subject or issuer is not trusted for this application.", "Send the chain (x5c: AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=true), and compare subject and issuer with the application's trusted ones."},
	"federated.none":           {"The application trusts no foreign issuer.", "Add a federated credential: Entra admin center, App registrations, {app}, Certificates & secrets, Federated credentials; or\naz ad app federated-credential create --id {client} --parameters @credential.json"},
	"federated.issuer":         {"No federated credential has the token's issuer.", "az ad app federated-credential list --id {client}\nSet issuer to exactly {issuer}: case and a slash at the end count."},
	"federated.subject":        {"No federated credential has the token's subject.", "az ad app federated-credential list --id {client}\nSet subject to exactly {subject}: case counts, and so do branch, environment and service account."},
	"federated.audience":       {"No federated credential has the token's audience.", "The audience is api://AzureADTokenExchange; set it where the token is requested, and in the federated credential:\naz ad app federated-credential list --id {client}"},

	"scope.malformed":       {"The scope is not one that an application can ask for.", "Ask for one resource with /.default at its end, such as https://vault.azure.net/.default. Behind /oauth2/token (version 1) use resource=https://vault.azure.net instead."},
	"resource.missing":      {"The resource that a token is asked for is not known in the tenant.", "Correct the address (https://graph.microsoft.com, https://vault.azure.net: no path, no second slash), or bring the API's service principal into the tenant: az ad sp create --id ID-OF-THE-API"},
	"request.malformed":     {"The request to the token endpoint lacks a part, or is not well-formed.", "Send a form (application/x-www-form-urlencoded) with grant_type, client_id, client_secret and scope; the text names the part."},
	"flow.user":             {"The program signs in as a user, not as an application.", "Use the client credentials flow with the application's own secret or certificate; or correct the user's name."},
	"conditional-access":    {"A Conditional Access policy blocks the sign-in.", "Entra admin center, Monitoring, Sign-in logs, Service principal sign-ins, {app}: the tab Conditional Access names the policy. Then let an administrator add the address {address} to the trusted locations, or exclude the application: Protection, Conditional Access, Workload identities."},
	"throttled":             {"Microsoft asks to wait: too many requests.", "Keep tokens and values until they end instead of fetching them for every call; wait as long as Retry-After says."},
	"looping":               {"The same token is asked for again and again.", "Keep the token until it ends (about an hour), and do not repeat a sign-in that was refused."},
	"transient":             {"Microsoft's service had a passing failure.", "Try again with growing pauses. If it lasts: https://status.cloud.microsoft, with the correlation id."},
	"permission.missing":    {"The application lacks a permission.", "Entra admin center, App registrations, {app}, API permissions: add the application permission that the call needs, then Grant admin consent.\naz ad app permission list --id {client}\naz ad app permission admin-consent --id {client}"},
	"permission.young":      {"The permission was granted after the token was made.", "Fetch a new token: an old one has the old permissions until it ends, a managed identity's for up to a day. Start the program again."},
	"permission.consent":    {"Nobody has consented.", "az ad app permission admin-consent --id {client}\nor Entra admin center, Enterprise applications, {app}, Permissions, Grant admin consent."},
	"permission.assignment": {"The application is not assigned to the other application.", "Entra admin center, Enterprise applications, the application that is called, Users and groups, Add; or assign the role to the service principal {principal}:\naz rest --method POST --url https://graph.microsoft.com/v1.0/servicePrincipals/{principal}/appRoleAssignments"},
	"permission.manager":    {"The identity has no role in the subscription for that.", "az role assignment create --assignee {client} --role ROLE --scope SCOPE\nThe text names the action and the scope."},
	"token.audience":        {"The token is for another service.", "Ask for a token of the service that is called: https://vault.azure.net/.default for a vault, https://management.azure.com/.default for the manager, the environment's own address for Dynamics 365."},
	"token.missing":         {"The request carried no token.", "The program called the service before it had signed in, or a proxy took the header away. This answer alone is normal: clients get it first, and sign in then."},
	"token.expired":         {"The token had ended.", "Fetch a new one before the old one ends; look at the machine's clock."},

	"vault.missing":      {"There is no vault of that name.", "Correct the name in the consumer's configuration: https://NAME.vault.azure.net/\naz keyvault list --query '[].name' -o tsv"},
	"vault.malformed":    {"The vault's address is misspelt.", "Write https://NAME.vault.azure.net/ : vault in the singular, no path, no port, https."},
	"vault.deleted":      {"The vault was deleted.", "az keyvault recover --name {vault} --location {location}\nor portal: Key vaults, Manage deleted vaults."},
	"vault.dns":          {"The vault exists, and its name does not resolve there.", "A private DNS zone privatelink.vaultcore.azure.net that is linked to the network and lacks the vault's record does this: add the record, or link the zone to the network.\nnslookup {vault}.vault.azure.net"},
	"vault.other-tenant": {"The vault belongs to another tenant than the application.", "A vault takes tokens of its own tenant only: use an application of the tenant {other}, or a vault of {tenant}."},
	"vault.firewall":     {"The vault's firewall does not let the consumer in.", "az keyvault network-rule add --name {vault} --ip-address {address}\nor portal: {vault}, Networking. Finance and Operations and Power Platform are no trusted services: their address ranges have to be added, or the vault opened."},
	"vault.private":      {"The vault takes connections through a private endpoint only.", "Give the consumer a way through the private endpoint (virtual network, DNS zone privatelink.vaultcore.azure.net), or open the vault to chosen networks: az keyvault update --name {vault} --public-network-access Enabled\nFinance and Operations cannot come through a private endpoint of yours."},
	"vault.policy":       {"A policy of Azure refuses the operation.", "az policy state list --resource {vault} shows which; ask who owns it."},

	"rights.role":             {"The identity has no role that lets it read the value.", "az role assignment create --assignee-object-id {caller} --assignee-principal-type ServicePrincipal --role \"Key Vault Secrets User\" --scope {scope}\nor portal: {vault}, Access control (IAM), Add role assignment. It takes some minutes to act."},
	"rights.set":              {"The identity has no role that lets it write.", "az role assignment create --assignee-object-id {caller} --assignee-principal-type ServicePrincipal --role \"Key Vault Secrets Officer\" --scope {scope}"},
	"rights.policy":           {"No access policy lets the identity get secrets.", "az keyvault set-policy --name {vault} --object-id {caller} --secret-permissions get list\nor portal: {vault}, Access policies, Create."},
	"rights.list":             {"The identity may get secrets, not list them, and the consumer does both.", "Access policy: az keyvault set-policy --name {vault} --object-id {caller} --secret-permissions get list\nRole: Key Vault Secrets User on the vault has both."},
	"rights.policies-ignored": {"The vault uses roles; the identity has an access policy only, which no longer counts.", "az role assignment create --assignee-object-id {caller} --assignee-principal-type ServicePrincipal --role \"Key Vault Secrets User\" --scope {scope}"},
	"rights.roles-ignored":    {"The vault uses access policies; the identity has a role only, which does not count there.", "az keyvault set-policy --name {vault} --object-id {caller} --secret-permissions get list\nor move the vault to roles: az keyvault update --name {vault} --enable-rbac-authorization true (then nobody's policy counts any more)"},
	"rights.young":            {"The role was assigned a moment ago and is not known everywhere.", "Try again in ten minutes; a managed identity's token can take a day to learn of a new group."},
	"rights.maker":            {"The person who saves the variable may not read the secret.", "Give that person the role Key Vault Secrets User on the vault: az role assignment create --assignee PERSON --role \"Key Vault Secrets User\" --scope {scope}"},

	"entry.missing":   {"The vault has no secret of that name.", "Correct the name: az keyvault secret list --vault-name {vault} --query '[].name' -o tsv"},
	"entry.deleted":   {"The secret was deleted and can be recovered.", "az keyvault secret recover --vault-name {vault} --name {secret}\nor portal: {vault}, Secrets, Manage deleted secrets."},
	"entry.disabled":  {"The version of the secret is disabled.", "az keyvault secret set-attributes --vault-name {vault} --name {secret} --version {version} --enabled true\nIf it was disabled on purpose, put a new version instead."},
	"entry.version":   {"There is no such version of the secret.", "Take the version out of the reference, so that it follows the newest; or name one that is there: az keyvault secret list-versions --vault-name {vault} --name {secret}"},
	"entry.name":      {"The name cannot be that of a secret: letters, digits and dashes only.", "Use the name as the vault has it: az keyvault secret list --vault-name {vault} --query '[].name' -o tsv\nMY_SECRET is usually kept as MY-SECRET."},
	"entry.busy":      {"The secret is being deleted, recovered or purged just now.", "Try again in half a minute."},
	"entry.stale":     {"The vault holds a secret that is no longer valid, and a newer one is there.", "Put the newer value ({key}) into {vault}/{secret}; nobody can read it again, so if it was not kept make another: rekey rotate {client}"},
	"entry.mangled":   {"The value in the vault was damaged when it was put there.", "Put it again without white space, quotes or %-codes. From a file use printf, not echo: az keyvault secret set --vault-name {vault} --name {secret} --file value.txt --encoding utf-8"},
	"entry.id-stored": {"The vault holds the secret's ID instead of its value.", "Put the value there. It is shown only once; if nobody has it make a new secret: rekey rotate {client}"},

	"reference.identity":    {"The app has no managed identity.", "az webapp identity assign --name {site} --resource-group GROUP\nand give the identity the role Key Vault Secrets User on the vault. For a user-assigned one set keyVaultReferenceIdentity too."},
	"reference.syntax":      {"The Key Vault reference is not well-formed.", "Write @Microsoft.KeyVault(SecretUri=https://NAME.vault.azure.net/secrets/SECRET) or @Microsoft.KeyVault(VaultName=NAME;SecretName=SECRET), with nothing around it. Now it is: {reference}"},
	"reference.unresolved":  {"The Key Vault reference is not resolved.", "Portal: the app, Environment variables: the state beside the setting says why. After the cause is mended, ask for a new reading:\naz rest --method POST --url https://management.azure.com{siteid}/config/configreferences/appsettings/refresh?api-version=2022-03-01"},
	"consumer.pinned":       {"The consumer is pinned to an old version.", "Take the version out of the reference of {setting}: @Microsoft.KeyVault(VaultName={vault};SecretName={secret})"},
	"consumer.cached":       {"The consumer still has the old value: App Service reads a reference anew within 24 hours.", "az rest --method POST --url https://management.azure.com{siteid}/config/configreferences/appsettings/refresh?api-version=2022-03-01\nor restart the app after any change of its settings."},
	"endpoint.missing":      {"The environment has no such endpoint.", "System administration, Setup, Business events, Business events catalog, Endpoints: add {endpoint}. After a database refresh: rekey diagnose refresh {environment}"},
	"endpoint.secret-empty": {"The endpoint has no application secret: a database refresh does that.", "Business events catalog, Endpoints, {endpoint}: enter every field again, the application secret too. rekey diagnose refresh {environment} lists all that have to be set up again."},
	"endpoint.inactive":     {"The endpoint is not active.", "Business events catalog, Active events: activate the events for {endpoint}."},
	"power.provider":        {"The resource provider Microsoft.PowerPlatform is not registered in the subscription.", "az provider register --namespace Microsoft.PowerPlatform --subscription {subscription}"},
	"power.path":            {"The variable's path is not that of a secret in Azure.", "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.KeyVault/vaults/VAULT/secrets/NAME: no address, no version."},
	"power.subscription":    {"The variable's path names a subscription that is not there.", "Correct the subscription id in the variable's current value: az account list --query '[].id'"},
	"power.user":            {"The application has no user in the Dataverse environment.", "Power Platform admin center, the environment, Settings, Users + permissions, Application users, New app user: {client}, with a security role."},
	"power.bots":            {"Copilot Studio may not use the secret.", "Tag the vault or the secret with AllowedBots, or AllowedEnvironments, as the documentation says."},
	"power.flow":            {"The secret variable is used where secrets cannot be read.", "Read it in the flow with the action RetrieveEnvironmentVariableSecretValue (Perform an unbound action), with secure outputs on; a canvas app cannot."},
	"finance.application":   {"The application is not registered in the Finance and Operations environment.", "System administration, Setup, Microsoft Entra applications: add {client} with a user."},

	"target.missing":  {"The topic or namespace is not there.", "Correct the endpoint's address, or make it again: az eventgrid topic list -o table; az servicebus namespace list -o table"},
	"target.entity":   {"The namespace has no queue or topic of that name.", "az servicebus queue list --namespace-name NAMESPACE --resource-group GROUP --query '[].name'\nand correct the name {entity} in the endpoint."},
	"target.key-old":  {"The key in the vault is no longer one of the resource's.", "Put the present key into {vault}/{secret}:\naz eventgrid topic key list --name TOPIC --resource-group GROUP\naz servicebus namespace authorization-rule keys list --namespace-name NAMESPACE --name RULE --resource-group GROUP\nService Bus: the whole primary connection string; Event Grid: the key alone. rekey rotate does both where it manages the key."},
	"target.keys-off": {"The resource takes no keys (local authentication is off).", "Finance and Operations needs keys: az resource update --ids {id} --set properties.disableLocalAuth=false ; or let the consumer sign in to Entra instead."},
	"target.rights":   {"The key's rule does not allow to send.", "Use a rule with the right Send: az servicebus namespace authorization-rule list --namespace-name NAMESPACE --resource-group GROUP"},
	"target.full":     {"The queue is full, or the namespace over its quota.", "Look at the queue's size and at who should empty it."},
	"target.firewall": {"The namespace or topic does not let the consumer's network in.", "Portal: the resource, Networking. Finance and Operations comes from addresses of Microsoft."},
}
