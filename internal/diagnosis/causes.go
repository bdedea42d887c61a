package diagnosis

import (
	"regexp"
	"strconv"
)

// Cause is what an error code of Entra means, and what to do.
type Cause struct {
	Meaning string
	Cure    string
}

// Causes are Entra's codes that have to do with applications and their
// credentials, by number. See
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
var Causes = map[int]Cause{
	7000215: {"the client secret is wrong", "Compare its first three characters with the hint in the portal (Certificates & secrets). Often the secret ID was copied instead of the value; the value is shown only once, so make a new one. A new secret is refused for up to two minutes."},
	7000222: {"the client secret has expired", "It was the right one: make a new secret and put it where the application reads it. rekey rotate does both for the applications it manages."},
	700016:  {"the application is not in this tenant", "Check the client id (not the object id) and the tenant id. For an application of another tenant, an administrator has to consent once."},
	700027:  {"the certificate is not registered on the application, or has expired", "Upload the certificate's public part to the application: az ad app credential reset --id CLIENT-ID --cert @FILE --append"},
	700024:  {"the certificate's assertion is not valid at Entra's time", "Set this machine's clock: timedatectl set-ntp true"},
	7000112: {"the application is switched off in this tenant", "az ad sp update --id CLIENT-ID --set accountEnabled=true, after asking who switched it off"},
	7000218: {"no secret and no certificate was sent", "The application's configuration holds an empty secret; fill it."},
	7000216: {"no secret and no certificate was sent", "The application's configuration holds an empty secret; fill it."},
	7000229: {"the application has no service principal in this tenant", "az ad sp create --id CLIENT-ID"},
	700211:  {"no federated credential fits the token's issuer", "Compare issuer, subject and audience of the workload's token with the federated credential; case counts."},
	700212:  {"no federated credential fits the token's audience", "The audience has to be api://AzureADTokenExchange."},
	700213:  {"no federated credential fits the token's subject", "Compare the subject with the federated credential; case counts."},
	70021:   {"no federated credential fits the token", "Compare issuer, subject and audience of the workload's token with the federated credential; case counts."},
	90002:   {"there is no such tenant", "Check tenant.id. The portal shows it under Microsoft Entra ID, Overview, and so does: az account show --query tenantId. A tenant of another national cloud needs AZURE_AUTHORITY_HOST."},
	900023:  {"the tenant is neither a GUID nor a domain", "Check tenant.id. The portal shows it under Microsoft Entra ID, Overview, and so does: az account show --query tenantId"},
	90038:   {"the tenant is in another national cloud", "Set AZURE_AUTHORITY_HOST, for example https://login.microsoftonline.us"},
	53003:   {"a Conditional Access policy blocks the sign-in", "Look at the sign-in log of the service principal in the portal; it names the policy. Exclude the application or allow its address."},
	500011:  {"the resource is not known in this tenant", "Check the address that a token is asked for; its service principal may be missing."},
	70011:   {"the scope is not valid", "Ask for one resource with /.default at its end."},
	1002012: {"the scope is not valid for an application", "It has to end with /.default."},
	50034:   {"a user is meant, and is not in the directory", "The program signs in as a user, not as an application."},
	50196:   {"the same token was asked for too often", "Keep tokens until they end instead of asking each time."},
	90055:   {"the tenant is throttled", "Wait, and ask less often."},
	65001:   {"nobody has consented to the permission", "az ad app permission admin-consent --id CLIENT-ID"},
}

var codeText = regexp.MustCompile(`^(?i:AADSTS)?(\d{4,9})$`)

// older finds a code that no symptom has.
func older(code string) (Cause, bool) {
	n, err := strconv.Atoi(code)
	if err != nil {
		return Cause{}, false
	}
	c, ok := Causes[n]
	return c, ok
}
