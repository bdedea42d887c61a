package keyvault

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// versionForm is the form of the numbered values of api-version that the service
// accepts; dated ones are listed.
var (
	versionForm = regexp.MustCompile(`^7\.[0-6](-preview(\.[0-9])?)?$`)
	versions    = []string{"2016-10-01", "2025-06-01-preview", "2025-07-01", "2026-03-01-preview", "2026-04-01"}
)

func (c *call) checkVersion() error {
	v := c.r.URL.Query().Get("api-version")
	if v == "" {
		return badParameter("The request URI is missing the required query parameter api-version.")
	}
	if !versionForm.MatchString(v) && !slices.Contains(versions, v) {
		return badParameter("The specified version (" + v + ") is not recognized. Consider using the latest supported version (" + versions[len(versions)-1] + ").")
	}
	return nil
}

// authenticate checks the token, or sends the challenge that tells a client
// where to get one. The audiences are the service's address and its application id.
func (c *call) authenticate() error {
	claims, err := c.w.Bearer(c.r.Header.Get("Authorization"), "https://vault.azure.net", "cfa8b339-82a2-471a-a3c9-0fc0be7a4093")
	c.claims = claims
	if err == nil {
		return nil
	}
	return &failure{status: http.StatusUnauthorized, code: "Unauthorized", message: c.tokenText(err), challenge: c.challenge()}
}

func (c *call) challenge() string {
	return fmt.Sprintf(`Bearer authorization="https://login.microsoftonline.com/%s", resource="https://vault.azure.net"`, c.w.Tenant.ID)
}

func (c *call) tokenText(err error) string {
	switch {
	case errors.Is(err, world.ErrNoToken):
		return "AKV10000: Request is missing a Bearer or PoP token."
	case errors.Is(err, world.ErrWrongTenant):
		t := c.w.Tenant.ID
		return fmt.Sprintf("AKV10032: Invalid issuer. Expected one of https://sts.windows.net/%s/, https://login.microsoftonline.com/%s/v2.0, found %s.", t, t, c.claims.Issuer)
	case errors.Is(err, world.ErrWrongAudience):
		return "AKV10022: Invalid audience. Expected https://vault.azure.net or cfa8b339-82a2-471a-a3c9-0fc0be7a4093, found: " + c.claims.Audience + "."
	case errors.Is(err, world.ErrExpiredToken):
		return "[TokenExpired] Error validating token: 'S2S12086'."
	}
	return "AKV10046: Unable to resolve the key used for signature validation."
}

// caller names the caller as the service's messages do.
func (c *call) caller() string {
	return fmt.Sprintf("appid=%s;oid=%s;iss=%s", c.claims.AppID, c.claims.ObjectID, c.claims.Issuer)
}

func (c *call) place() string { return c.seen.Name + ";location=" + c.seen.Location }

// network refuses callers who may not reach the vault at all.
func (c *call) network() error {
	struck := c.strikes(world.Firewall)
	var public, deny bool
	c.w.Read(func() { public, deny = c.seen.PublicAccess, c.seen.FirewallDeny })
	if !public {
		return forbidden("ForbiddenByConnection", strings.Join([]string{
			"Public network access is disabled and request is not from a trusted service nor via an approved private link.",
			"Caller: " + c.caller(), "Vault: " + c.place(),
		}, "\r\n"))
	}
	if deny || struck {
		return forbidden("ForbiddenByFirewall", strings.Join([]string{
			"Client address is not authorized and caller is not a trusted service.",
			"Client address: " + c.client(), "Caller: " + c.caller(), "Vault: " + c.place(),
		}, "\r\n"))
	}
	return nil
}

// authorize lets the caller do op, by RBAC or by the vault's access policies.
func (c *call) authorize(op operation) error {
	var err error
	c.w.Read(func() {
		if !c.seen.RBAC {
			err = c.byPolicy(op)
			return
		}
		scope := c.w.Azure.VaultID(c.seen)
		if op.name != "" {
			scope += "/" + op.kind + "/" + op.name
		}
		action := "Microsoft.KeyVault/vaults/" + op.action
		found, allowed := c.w.Azure.Allowed(c.claims.ObjectID, action, true, scope, now(), c.w.Lag.Role)
		if !allowed {
			err = forbidden("ForbiddenByRbac", strings.Join([]string{
				"Caller is not authorized to perform action on resource.",
				"If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.",
				"Caller: " + c.caller(), "Action: '" + action + "'", "Resource: '" + strings.ToLower(scope) + "'",
				"Assignment: (not found)", "DenyAssignmentId: null", "DecisionReason: 'DeniedWithNoValidRBAC' ", "Vault: " + c.place(), "",
			}, "\r\n"))
		}
		c.role = strings.ReplaceAll(found.ID, "-", "")
	})
	return err
}

func (c *call) byPolicy(op operation) error {
	for _, p := range c.seen.Policies {
		if !strings.EqualFold(p.ObjectID, c.claims.ObjectID) {
			continue
		}
		given := map[string][]string{"secrets": p.Secrets, "certificates": p.Certificates, "keys": p.Keys}[op.kind]
		may := func(s string) bool { return strings.EqualFold(s, op.permission) || strings.EqualFold(s, "all") }
		if slices.ContainsFunc(given, may) {
			return nil
		}
	}
	return forbidden("AccessDenied", fmt.Sprintf("The user, group or application '%s' does not have %s %s permission on key vault '%s'. "+
		"For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287", c.caller(), op.kind, op.permission, c.place()))
}
