package diagnosis

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/rest"
)

// identity is one of rekey's own, signed in.
type identity struct {
	*azure.Identity
	clientID  string
	principal string   // object id of its service principal
	roles     []string // application permissions in its Graph token
	graph     *rest.Client
}

const (
	graphAPI   = "00000003-0000-0000-c000-000000000000" // Microsoft Graph's own client id
	graphScope = graphHost + "/.default"
	vaultScope = "https://vault.azure.net/.default"
)

// permission is an application permission of Microsoft Graph.
type permission struct{ name, id string }

// The permissions of the smallest grant.
var (
	readApps  = permission{"Application.Read.All", "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30"}
	writeOwn  = permission{"Application.ReadWrite.OwnedBy", "18a4783c-866b-4cc7-a460-3d5e5662c884"}
	readAudit = permission{"AuditLog.Read.All", "b0afded3-3588-46d8-8b3d-9842eff778da"}
)

// reads checks the identity that reads.
func (d *doctor) reads(ctx context.Context) {
	c := d.Reader
	c.Tenant, c.Wire = d.Tenant, d.Wire
	d.reader = d.signIn(ctx, "Reader", c)
	if d.reader == nil {
		return
	}
	d.role("Reader permission", d.reader, readApps, "Directory.Read.All", "Application.ReadWrite.All", "Directory.ReadWrite.All")
	if d.reader.may(readAudit.name) {
		d.ok("Reader sign-in records", "%s", readAudit.name)
	} else {
		d.warn("Reader sign-in records", d.reader.grant(readAudit), "without %s rekey cannot tell when a credential was last used, nor see that an old one still is", readAudit.name)
	}
	var page struct {
		Value []struct {
			ID string `json:"id"`
		} `json:"value"`
	}
	if err := ask(ctx, d.reader.graph, "/v1.0/applications?$select=id&$top=1", &page); err != nil {
		d.fail("Directory", d.reader.grant(readApps), "cannot read applications: %v", err)
		return
	}
	d.ok("Directory", "applications can be read")
}

// signIn signs in as one of our own identities and says as whom.
func (d *doctor) signIn(ctx context.Context, name string, c azure.Config) *identity {
	opened, err := azure.Open(c)
	if err != nil {
		d.fail(name, "look at "+strings.ToLower(name)+" in rekey.yaml", "%v", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	token, err := opened.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{graphScope}})
	if err != nil {
		what, cure := refusal(err, c)
		d.fail(name, cure, "%s", what)
		d.links(ctx, name, c, opened)
		return nil
	}
	claims := claimsOf(token.Token)
	i := &identity{Identity: opened, clientID: claims.AppID, principal: claims.ObjectID, roles: claims.Roles}
	i.graph, err = rest.New(rest.Config{Base: graphHost, Transport: d.plain.Transport, Credential: opened, Scope: graphScope, Tries: 2})
	if err != nil {
		d.fail(name, "", "%v", err)
		return nil
	}
	how := d.how(ctx, c, opened)
	switch ends := certificateEnd(c.CertificateFile); {
	case opened.Standing():
		d.warn(name, "use a certificate (rekey init --script az makes one), or a managed identity: a secret has to be renewed by hand, and leaks more easily", "signs in as %s with a client secret", claims.AppID)
	case !ends.IsZero() && time.Until(ends) < 30*24*time.Hour:
		d.warn(name, "make another and register it: az ad app credential reset --id "+c.Client+" --create-cert --append", "signs in as %s, and its certificate ends on %s", claims.AppID, day(ends))
	default:
		d.ok(name, "signs in as %s%s", claims.AppID, how)
	}
	return i
}

// how names the link of the chain that won.
func (d *doctor) how(ctx context.Context, c azure.Config, opened *azure.Identity) string {
	if c.Client != "" {
		return " with a certificate"
	}
	for _, l := range opened.Explain(ctx, graphScope) {
		if l.Err == nil {
			return " by " + l.Name
		}
	}
	return ""
}

// links tells of each link of azidentity's chain why it did not help.
func (d *doctor) links(ctx context.Context, name string, c azure.Config, opened *azure.Identity) {
	if c.Client != "" {
		return
	}
	for _, l := range opened.Explain(ctx, graphScope) {
		if l.Err != nil {
			d.note(name+" by "+l.Name, Skipped, "", "%v", l.Err)
		}
	}
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// refusal tells why a sign-in failed.
func refusal(err error, c azure.Config) (what, cure string) {
	e, ok := errors.AsType[*azure.SignInError](err)
	if !ok {
		return err.Error(), "try again; if it stays so, look at the network checks above"
	}
	if e.Code == 0 {
		if c.Client == "" {
			return "no identity was found: " + e.Text, "give rekey one: rekey init --script az makes two applications with certificates; or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_CERTIFICATE_PATH; or run it where a managed identity is"
		}
		return e.Text, e.Cure
	}
	cause, known := Causes[e.Code]
	what = e.Text
	if known {
		what = fmt.Sprintf("AADSTS%d: %s", e.Code, cause.Meaning)
		cure = strings.ReplaceAll(cause.Cure, "CLIENT-ID", c.Client)
	}
	if e.Code == 7000215 && guid.MatchString(strings.TrimSpace(c.Secret.Reveal())) {
		return what + "; what is configured looks like the secret's ID, not its value", "put the secret's value there. It is shown only once: if nobody has it, make a new secret"
	}
	if e.Code == 7000222 || e.Code == 7000215 {
		cure += "\nFor rekey itself a certificate is better: az ad app credential reset --id " + c.Client + " --create-cert --append"
	}
	return what, cure
}

type claims struct {
	AppID    string   `json:"appid"`
	ObjectID string   `json:"oid"`
	Roles    []string `json:"roles"`
}

// claimsOf reads what a token says, without checking it: it is our own, and
// whoever it is sent to checks it.
func claimsOf(token string) claims {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return claims{}
	}
	return c
}

func (i *identity) may(roles ...string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(i.roles, r) })
}

// role checks a permission; wider ones do as well, and deserve a remark.
func (d *doctor) role(name string, i *identity, p permission, wider ...string) {
	switch {
	case i.may(p.name):
		for _, w := range wider {
			if i.may(w) && strings.Contains(w, "Write") {
				d.warn(name, "take "+w+" away: whoever has it can take over any application of the tenant", "%s, and %s beside it, which rekey does not need", p.name, w)
				return
			}
		}
		d.ok(name, "%s", p.name)
	case i.may(wider...):
		d.warn(name, i.grant(p)+"\nand take the wider ones away", "not %s, but more than that: %s", p.name, strings.Join(i.roles, ", "))
	default:
		d.fail(name, i.grant(p), "%s is missing; the token has %s", p.name, words(i.roles))
	}
}

func words(list []string) string {
	if len(list) == 0 {
		return "no permission at all"
	}
	return strings.Join(list, ", ")
}

// grant is how an administrator gives a permission, in both shells.
func (i *identity) grant(p permission) string {
	return fmt.Sprintf(`an administrator grants %s (a token learns of it within an hour):
az ad app permission add --id %s --api %s --api-permissions %s=Role && az ad app permission admin-consent --id %[2]s
or in PowerShell:
New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId %[5]s -PrincipalId %[5]s -AppRoleId %[4]s -ResourceId (Get-MgServicePrincipal -Filter "appId eq '%[3]s'").Id`,
		p.name, i.clientID, graphAPI, p.id, i.principal)
}

// certificateEnd is when our own certificate ends; zero if it cannot be told.
func certificateEnd(file string) time.Time {
	raw, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}
	}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			return c.NotAfter
		}
	}
	return time.Time{}
}

// ask reads one document, with the patience of a check.
func ask(ctx context.Context, c *rest.Client, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	head, query, _ := strings.Cut(path, "?")
	return c.Get(ctx, head+"?"+escape(query), v)
}

// escape makes an OData query fit for a request line.
func escape(query string) string {
	return strings.NewReplacer(" ", "%20", "'", "%27").Replace(query)
}
