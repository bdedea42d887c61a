package clienttest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rekey.example/rekey/internal/sim/world"
)

// azure is the Azure CLI with a configuration of its own.
type azure struct {
	env []string
}

// call runs az and returns what it printed.
func (a *azure) call(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(t, a.env, "", "az", args...)
	if err != nil {
		t.Fatalf("az %s: %v", strings.Join(args[:min(4, len(args))], " "), err)
	}
	return string(out)
}

// refused runs az and insists that it fails with an error that says so.
func (a *azure) refused(t *testing.T, says string, args ...string) {
	t.Helper()
	out, err := run(t, a.env, "", "az", args...)
	if err == nil {
		t.Fatalf("az %s: done, but should have been refused: %s", strings.Join(args[:min(4, len(args))], " "), out)
	}
	if !strings.Contains(err.Error(), says) {
		t.Fatalf("az %s: got %v, want %q", strings.Join(args[:min(4, len(args))], " "), err, says)
	}
}

// get runs az and picks one text out of its JSON.
func (a *azure) get(t *testing.T, query string, args ...string) string {
	t.Helper()
	return strings.TrimSpace(a.call(t, append(args, "--query", query, "--output", "tsv")...))
}

// TestAzureCLI goes through what the README promises, signed in once, since az
// takes a second for each command and ten for the first.
func TestAzureCLI(t *testing.T) {
	need(t, "az", "apt-get install azure-cli")
	d := open(t, world.Lag{})
	az := &azure{env: d.environment(t, "AZURE_CONFIG_DIR="+t.TempDir(),
		"AZURE_CORE_COLLECT_TELEMETRY=false", "AZURE_CORE_NO_COLOR=true", "AZURE_CORE_ONLY_SHOW_ERRORS=true", "AZURE_CORE_DISABLE_CONFIRM_PROMPT=true")}
	admin := d.tenant.Admin

	t.Run("login with a wrong secret", func(t *testing.T) {
		az.refused(t, "AADSTS7000215", "login", "--service-principal", "-u", admin.ClientID, "-p", "wrong", "--tenant", d.tenant.ID)
	})
	t.Run("login with a secret", func(t *testing.T) {
		az.call(t, "login", "--service-principal", "-u", admin.ClientID, "-p", admin.Secret, "--tenant", d.tenant.ID)
		if got := az.get(t, "[id, tenantId]|join(' ', @)", "account", "show"); got != d.tenant.SubscriptionID+" "+d.tenant.ID {
			t.Errorf("account is %q", got)
		}
	})
	t.Run("ad app", az.apps)
	t.Run("ad sp", func(t *testing.T) { az.principals(t, d) })
	t.Run("keyvault", az.vaults)
	t.Run("keyvault create to purge", func(t *testing.T) { az.vaultLife(t, d) })
	t.Run("keyvault secret", az.secrets)
	t.Run("rest at a vault", az.secretsByRest)
	t.Run("resources", func(t *testing.T) { az.resources(t, d) })
	t.Run("login with a certificate", func(t *testing.T) {
		file := d.certify(t, admin)
		az.call(t, "logout")
		az.call(t, "login", "--service-principal", "-u", admin.ClientID, "-p", file, "--tenant", d.tenant.ID)
		if got := az.get(t, "id", "account", "show"); got != d.tenant.SubscriptionID {
			t.Errorf("account is %q", got)
		}
	})
}

func (a *azure) apps(t *testing.T) {
	var made struct{ ID, AppID string }
	if err := json.Unmarshal([]byte(a.call(t, "ad", "app", "create", "--display-name", "made by az")), &made); err != nil {
		t.Fatal(err)
	}
	if got := a.get(t, "[].appId", "ad", "app", "list", "--display-name", "made by"); got != made.AppID {
		t.Errorf("list by name finds %q, want %q", got, made.AppID)
	}
	if got := a.get(t, "length(@)", "ad", "app", "list", "--all"); got == "0" || got == "1" {
		t.Errorf("list of all has %s", got)
	}
	for _, id := range []string{made.ID, made.AppID} {
		if got := a.get(t, "displayName", "ad", "app", "show", "--id", id); got != "made by az" {
			t.Errorf("show --id %s: %q", id, got)
		}
	}
	first := a.get(t, "password", "ad", "app", "credential", "reset", "--id", made.AppID, "--display-name", "one")
	second := a.get(t, "password", "ad", "app", "credential", "reset", "--id", made.AppID, "--append", "--display-name", "two", "--end-date", "2031-01-31")
	if first == "" || second == "" || first == second {
		t.Error("credential reset gave no two passwords")
	}
	if got := a.get(t, "sort([].displayName)|join(' ', @)", "ad", "app", "credential", "list", "--id", made.AppID); got != "one two" {
		t.Errorf("credentials are %q", got)
	}
	key := a.get(t, "[?displayName=='one'].keyId", "ad", "app", "credential", "list", "--id", made.AppID)
	a.call(t, "ad", "app", "credential", "delete", "--id", made.AppID, "--key-id", key)
	if got := a.get(t, "[].displayName", "ad", "app", "credential", "list", "--id", made.AppID); got != "two" {
		t.Errorf("after the deletion the credentials are %q", got)
	}
	if got := a.get(t, "length(@)", "ad", "app", "owner", "list", "--id", made.AppID); got == "" {
		t.Error("owner list answers nothing")
	}
	a.call(t, "ad", "app", "delete", "--id", made.ID)
	a.refused(t, "does not exist", "ad", "app", "show", "--id", made.ID)
}

func (a *azure) principals(t *testing.T, d *door) {
	var made struct{ AppID, Password, Tenant string }
	out := a.call(t, "ad", "sp", "create-for-rbac", "--name", "made-for-rbac")
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Password == "" || made.Tenant != d.tenant.ID {
		t.Fatalf("create-for-rbac: %v", err)
	}
	id := a.get(t, "id", "ad", "sp", "show", "--id", made.AppID)
	if got := a.get(t, "[].id", "ad", "sp", "list", "--display-name", "made-for-rbac"); got != id || id == "" {
		t.Errorf("sp list finds %q, want %q", got, id)
	}
	a.roles(t, id)
	fresh := a.get(t, "password", "ad", "sp", "credential", "reset", "--id", made.AppID)
	if fresh == "" || fresh == made.Password {
		t.Error("sp credential reset gave no new password")
	}
	a.call(t, "ad", "sp", "credential", "list", "--id", made.AppID)
	a.call(t, "ad", "sp", "delete", "--id", made.AppID)
	a.call(t, "ad", "app", "delete", "--id", made.AppID)
}

// roles gives a principal a role and takes it again. It is "az rest", since
// "az role assignment" of Debian 12 stops before it has sent anything: it does
// not fit the libraries it comes with.
func (a *azure) roles(t *testing.T, principal string) {
	t.Helper()
	scope := "https://management.azure.com" + a.get(t, "id", "keyvault", "show", "--name", "kv-contoso-prod") + "/providers/Microsoft.Authorization/"
	role := a.get(t, "value[0].id", "rest", "--url", scope+"roleDefinitions?api-version=2022-04-01&$filter=roleName eq 'Key Vault Secrets User'")
	if !strings.HasSuffix(role, "/4633458b-17de-408a-b874-0445c86b69e6") {
		t.Errorf("role definition is %q", role)
	}
	assignment := scope + "roleAssignments/aaaaaaaa-1111-4111-8111-000000000001?api-version=2022-04-01"
	a.call(t, "rest", "--method", "put", "--url", assignment, "--body", `{"properties":{"principalId":"`+principal+`","roleDefinitionId":"`+role+`"}}`)
	if got := a.get(t, "value[].properties.roleDefinitionId", "rest", "--url", scope+"roleAssignments?api-version=2022-04-01&$filter=principalId eq '"+principal+"'"); got != role {
		t.Errorf("assigned are %q", got)
	}
	a.call(t, "rest", "--method", "delete", "--url", assignment)
}

func (a *azure) vaults(t *testing.T) {
	if got := a.get(t, "sort([].name)|join(' ', @)", "keyvault", "list"); got != "kv-contoso-finance kv-contoso-hr kv-contoso-prod kv-contoso-test" {
		t.Errorf("vaults: %q", got)
	}
	if got := a.get(t, "properties.vaultUri", "keyvault", "show", "--name", vault); got != "https://"+vault+".vault.azure.net/" {
		t.Errorf("vault uri: %q", got)
	}
}

// vaultLife makes a vault, opens it, and takes it away again.
func (a *azure) vaultLife(t *testing.T, d *door) {
	key := []string{"--resource", "https://vault.azure.net", "--method", "post", "--body", `{"kty":"EC"}`, "--url", "https://kv-from-az.vault.azure.net/keys/k/create?api-version=7.4"}
	a.call(t, "keyvault", "create", "--name", "kv-from-az", "--resource-group", "rg-integration-test", "--location", "westeurope", "--no-self-perms", "true")
	a.refused(t, "does not have keys create permission", append([]string{"rest"}, key...)...)
	a.call(t, "keyvault", "set-policy", "--name", "kv-from-az", "--object-id", d.tenant.Admin.PrincipalID, "--key-permissions", "create", "get", "list")
	a.call(t, append([]string{"rest"}, key...)...)
	if got := a.get(t, "value[].kid", "rest", "--resource", "https://vault.azure.net", "--url", "https://kv-from-az.vault.azure.net/keys?api-version=7.4"); got != "https://kv-from-az.vault.azure.net/keys/k" {
		t.Errorf("list of keys finds %q", got)
	}
	a.call(t, "keyvault", "delete", "--name", "kv-from-az")
	if got := a.get(t, "[].name", "keyvault", "list-deleted", "--resource-type", "vault"); got != "kv-from-az" {
		t.Errorf("list of deleted vaults finds %q", got)
	}
	a.call(t, "keyvault", "purge", "--name", "kv-from-az")
}

// secrets are the commands for secrets. Debian 12's package lacks a module they
// need and fails before it has sent anything; the folder debian puts it in its
// place. An az that is whole does not look there.
func (a *azure) secrets(t *testing.T) {
	repair, err := filepath.Abs("debian")
	if err != nil {
		t.Fatal(err)
	}
	a = &azure{env: append(slices.Clone(a.env), "PYTHONPATH="+repair, "PYTHONDONTWRITEBYTECODE=1")}
	a.refused(t, "ForbiddenByFirewall", "keyvault", "secret", "list", "--vault-name", "kv-contoso-hr")
	of := func(verb string, more ...string) []string {
		return append([]string{"keyvault", "secret", verb, "--vault-name", vault}, more...)
	}
	a.call(t, of("set", "--name", "from-az", "--value", "one", "--tags", "owner=ann")...)
	a.call(t, of("set", "--name", "from-az", "--value", "two", "--expires", "2031-01-31T00:00:00Z")...)
	if got := a.get(t, "value", of("show", "--name", "from-az")...); got != "two" {
		t.Errorf("value is %q", got)
	}
	if got := a.get(t, "value", "keyvault", "secret", "show", "--id", "https://"+vault+".vault.azure.net/secrets/from-az"); got != "two" {
		t.Errorf("value by id is %q", got)
	}
	if got := a.get(t, "[?name=='from-az'].name", of("list")...); got != "from-az" {
		t.Errorf("list finds %q", got)
	}
	if got := a.get(t, "length(@)", of("list-versions", "--name", "from-az")...); got != "2" {
		t.Errorf("there are %s versions", got)
	}
	a.call(t, of("set-attributes", "--name", "from-az", "--content-type", "text/plain")...)
	file := filepath.Join(t.TempDir(), "backup")
	a.call(t, of("backup", "--name", "from-az", "--file", file)...)
	a.call(t, of("delete", "--name", "from-az")...)
	a.refused(t, "SecretNotFound", of("show", "--name", "from-az")...)
	if got := a.get(t, "[?name=='from-az'].name", of("list-deleted")...); got != "from-az" {
		t.Errorf("list of deleted ones finds %q", got)
	}
	a.refused(t, "ObjectIsDeletedButRecoverable", of("set", "--name", "from-az", "--value", "three")...)
	a.call(t, of("recover", "--name", "from-az")...)
	if got := a.get(t, "value", of("show", "--name", "from-az")...); got != "two" {
		t.Errorf("recovered value is %q", got)
	}
	a.call(t, of("delete", "--name", "from-az")...)
	a.call(t, of("purge", "--name", "from-az")...)
	a.call(t, of("restore", "--file", file)...)
	if got := a.get(t, "value", of("show", "--name", "from-az")...); got != "two" {
		t.Errorf("restored value is %q", got)
	}
	if blob, err := os.ReadFile(file); err != nil || strings.Contains(string(blob), "two") {
		t.Errorf("backup shows the value, or is not there: %v", err)
	}
}

// secretsByRest does the same with az's own tokens and requests.
func (a *azure) secretsByRest(t *testing.T) {
	rest := func(method, path string, more ...string) []string {
		return append([]string{"rest", "--method", method, "--resource", "https://vault.azure.net",
			"--url", "https://" + vault + ".vault.azure.net/" + path + "?api-version=7.4"}, more...)
	}
	a.call(t, rest("put", "secrets/from-rest", "--body", `{"value":"one"}`)...)
	if got := a.get(t, "value", rest("get", "secrets/from-rest")...); got != "one" {
		t.Errorf("value is %q", got)
	}
	a.call(t, rest("delete", "secrets/from-rest")...)
	a.refused(t, "SecretNotFound", rest("get", "secrets/from-rest")...)
	a.refused(t, "ObjectIsDeletedButRecoverable", rest("put", "secrets/from-rest", "--body", `{"value":"two"}`)...)
	a.call(t, rest("post", "deletedsecrets/from-rest/recover")...)
	if got := a.get(t, "value[?ends_with(id,'/from-rest')]|length(@)", rest("get", "secrets")...); got != "1" {
		t.Errorf("list has %s of it", got)
	}
	a.call(t, rest("delete", "secrets/from-rest")...)
	a.call(t, rest("delete", "deletedsecrets/from-rest")...)
	a.refused(t, "ForbiddenByFirewall", "rest", "--resource", "https://vault.azure.net", "--url", "https://kv-contoso-hr.vault.azure.net/secrets?api-version=7.4")
}

func (a *azure) resources(t *testing.T, d *door) {
	topic := "/subscriptions/" + d.tenant.SubscriptionID + "/resourceGroups/rg-integration-test/providers/Microsoft.EventGrid/topics/evgt-fno-business-events-test"
	before := a.get(t, "key1", "resource", "invoke-action", "--ids", topic, "--action", "listKeys", "--api-version", "2022-06-15")
	after := a.get(t, "key1", "resource", "invoke-action", "--ids", topic, "--action", "regenerateKey", "--api-version", "2022-06-15", "--request-body", `{"keyName":"key1"}`)
	if before == "" || after == "" || before == after {
		t.Error("the topic's key was not regenerated")
	}
	if got := a.get(t, "[].keyName|join(' ', @)", "storage", "account", "keys", "list", "--account-name", "stcontosobankfiles", "--resource-group", "rg-finance"); got != "key1 key2" {
		t.Errorf("storage keys: %q", got)
	}
	a.call(t, "storage", "account", "keys", "renew", "--account-name", "stcontosobankfiles", "--resource-group", "rg-finance", "--key", "primary")
	if got := a.get(t, "[].name", "group", "list"); !strings.Contains(got, "rg-integration-test") {
		t.Errorf("groups: %q", got)
	}
	if got := a.get(t, "length(@)", "resource", "list", "--resource-type", "Microsoft.Storage/storageAccounts"); got != "3" {
		t.Errorf("%s storage accounts", got)
	}
}
