package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"rekey.example/rekey/internal/connector/rest"
)

const vaultVersion = "api-version=7.4"

// vaults checks each vault: that it is there, lets us through, and what we may do.
func (d *doctor) vaults(ctx context.Context) {
	if len(d.Vaults) == 0 {
		d.warn("Vaults", "name them under vaults in rekey.yaml", "none is configured: rekey cannot see where secrets are kept, and puts new ones only into its own sealed vault")
		return
	}
	for _, v := range d.Vaults {
		d.vault(ctx, v)
	}
}

func (d *doctor) vault(ctx context.Context, v Vault) {
	name := "Vault " + strings.TrimSuffix(v.Host, ".vault.azure.net")
	resp, err := d.get(ctx, "https://"+v.Host+"/secrets?"+vaultVersion)
	if err != nil {
		what, cure := d.unreachable(err)
		if strings.Contains(what, "is not found") || strings.Contains(err.Error(), "no such host") {
			what, cure = "there is no vault of this name", "check the name under vaults: az keyvault list --query \"[].name\"\nIf it has a private endpoint only, this machine must use the network's DNS."
		}
		d.fail(name, cure, "%s", what)
		return
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		d.fail(name, "something between here and the vault answers in its place; ask who runs the network", "it answers with status %d to a request without a token, as no Key Vault does", resp.StatusCode)
		return
	}
	d.list(ctx, name, v)
	d.set(ctx, name, v)
	if v.Pairs {
		d.pairs(ctx, name, v)
	}
}

// list checks that the reader sees the entries, and their values where it should.
func (d *doctor) list(ctx context.Context, name string, v Vault) {
	if d.reader == nil {
		d.skip("the reader has to sign in first", name+" list")
		return
	}
	api, err := d.vaultAPI(v, d.reader)
	if err != nil {
		d.fail(name, "", "%v", err)
		return
	}
	var page struct {
		Value []struct {
			ID string `json:"id"`
		} `json:"value"`
	}
	if err := ask(ctx, api, "/secrets?maxresults=1&"+vaultVersion, &page); err != nil {
		what, cure := d.barred(err, v, d.reader, "Key Vault Reader", "list")
		d.fail(name+" list", cure, "%s", what)
		return
	}
	d.ok(name+" list", "entries can be listed")
	if !v.ReadValues || len(page.Value) == 0 {
		return
	}
	u, err := url.Parse(page.Value[0].ID)
	if err != nil {
		d.fail(name+" get", "", "the vault's answer cannot be read")
		return
	}
	var none struct{} // the value itself is not looked at
	err = ask(ctx, api, u.EscapedPath()+"?"+vaultVersion, &none)
	if e, ok := errors.AsType[*rest.Error](err); ok && (e.Inner == "SecretDisabled" || e.Status == http.StatusNotFound) {
		err = nil // it may be read; this one is switched off, or gone meanwhile
	}
	if err != nil {
		what, cure := d.barred(err, v, d.reader, "Key Vault Secrets User", "get")
		d.fail(name+" get", cure+"\nor set readValues: false for it", "%s", what)
		return
	}
	d.ok(name+" get", "values can be read")
}

// set checks that the writer may deposit, by a request that is too incomplete to
// do anything: who lacks the right is told so, everybody else that the value is missing.
func (d *doctor) set(ctx context.Context, name string, v Vault) {
	if d.writer == nil {
		d.skip("the writer has to sign in first", name+" set")
		return
	}
	api, err := d.vaultAPI(v, d.writer)
	if err != nil {
		d.fail(name, "", "%v", err)
		return
	}
	err = refused(ctx, api, http.MethodPut, "/secrets/rekey-doctor?"+vaultVersion)
	if err == nil {
		d.ok(name+" set", "the writer may deposit")
		return
	}
	if errors.Is(err, errTaken) {
		d.warn(name+" set", "delete the secret rekey-doctor in the vault", "the vault took a secret without a value")
		return
	}
	what, cure := d.barred(err, v, d.writer, "Key Vault Secrets Officer", "get list set")
	d.fail(name+" set", cure, "%s", what)
}

// pairs checks in the same way that the writer may put certificates, and let the
// vault make them: one role has both rights.
func (d *doctor) pairs(ctx context.Context, name string, v Vault) {
	name += " certificates"
	if d.writer == nil {
		d.skip("the writer has to sign in first", name)
		return
	}
	api, err := d.vaultAPI(v, d.writer)
	if err != nil {
		d.fail(name, "", "%v", err)
		return
	}
	err = refused(ctx, api, http.MethodPost, "/certificates/rekey-doctor/import?"+vaultVersion)
	if err == nil {
		d.ok(name, "the writer may make and put certificates")
		return
	}
	if errors.Is(err, errTaken) {
		d.warn(name, "delete the certificate rekey-doctor in the vault", "the vault took a certificate without a value")
		return
	}
	what, cure := d.barred(err, v, d.writer, "Key Vault Certificates Officer", "get list create import delete")
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Inner == "AccessDenied" {
		cure = strings.NewReplacer("--secret-permissions", "--certificate-permissions", "-PermissionsToSecrets", "-PermissionsToCertificates").Replace(cure)
	}
	d.fail(name, cure+"\nor let rekey make key pairs itself: rotation.vaultPairs: false", "%s", what)
}

// errTaken means that a vault did what nobody can have asked for.
var errTaken = errors.New("the vault took a request without a value")

// refused sends a request that is too incomplete to do anything. Nil means that
// the vault said just that, and so would have taken a whole one.
func refused(ctx context.Context, api *rest.Client, method, path string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := api.Once(ctx, rest.Request{Method: method, Path: path, Body: []byte("{}")}, nil)
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Status == http.StatusBadRequest {
		return nil
	}
	if err == nil {
		return errTaken
	}
	return err
}

func (d *doctor) vaultAPI(v Vault, as *identity) (*rest.Client, error) {
	return rest.New(rest.Config{Base: "https://" + v.Host, Transport: d.plain.Transport, Credential: as, Scope: vaultScope, Tries: 2})
}

// barred tells why a vault refused, and how to be let in.
func (d *doctor) barred(err error, v Vault, as *identity, role, rights string) (what, cure string) {
	e, ok := errors.AsType[*rest.Error](err)
	if !ok {
		return err.Error(), "try again; if it stays so, look at the network checks above"
	}
	vault, _, _ := strings.Cut(v.Host, ".")
	switch e.Inner {
	case "ForbiddenByFirewall":
		return "the vault's firewall does not let this machine through: " + e.Message,
			fmt.Sprintf("allow this machine's address as the vault sees it (it is named above):\naz keyvault network-rule add --name %s --ip-address ADDRESS\nor in PowerShell:\nAdd-AzKeyVaultNetworkRule -VaultName %[1]s -IpAddressRange ADDRESS", vault)
	case "ForbiddenByConnection":
		return "the vault is reached through its private endpoint only", "run rekey in a network that has the endpoint, or open the vault to this machine's address"
	case "AccessDenied":
		return "an access policy is missing (" + rights + ")",
			fmt.Sprintf("az keyvault set-policy --name %s --object-id %s --secret-permissions %s\nor in PowerShell:\nSet-AzKeyVaultAccessPolicy -VaultName %[1]s -ObjectId %[2]s -PermissionsToSecrets %[4]s", vault, as.principal, rights, strings.ReplaceAll(rights, " ", ","))
	case "ForbiddenByPolicy":
		return "an Azure Policy forbids it: " + e.Message, "ask who keeps the policies of the subscription"
	}
	if e.Status != http.StatusForbidden {
		return e.Error(), "try again; the vault answered with an error of its own"
	}
	return "the role " + role + " is missing",
		fmt.Sprintf("az role assignment create --role \"%s\" --assignee-object-id %s --assignee-principal-type ServicePrincipal --scope $(az keyvault show --name %s --query id -o tsv)\nor in PowerShell:\nNew-AzRoleAssignment -RoleDefinitionName \"%[1]s\" -ObjectId %[2]s -Scope (Get-AzKeyVault -VaultName %[3]s).ResourceId\nIt takes up to ten minutes to be known everywhere.", role, as.principal, vault)
}
