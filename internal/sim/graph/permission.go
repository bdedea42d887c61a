package graph

import (
	"errors"
	"net/http"
	"slices"

	"rekey.example/rekey/internal/sim/world"
)

// Which application permissions open which door, see
// https://learn.microsoft.com/graph/permissions-reference
var (
	readApps         = []string{"Application.Read.All", "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	writeApps        = []string{"Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.ReadWrite.All"}
	writeAnyApp      = []string{"Application.ReadWrite.All", "Directory.ReadWrite.All"}
	readUsers        = []string{"User.Read.All", "User.ReadBasic.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readGroups       = []string{"Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readDirectory    = []string{"Directory.Read.All", "Directory.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All"}
	readOrganization = []string{"Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readAudits       = []string{"AuditLog.Read.All"}
	assignRoles      = []string{"AppRoleAssignment.ReadWrite.All"}
	delegate         = []string{"DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"}
)

const challenge = `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="` + world.GraphAppID + `"`

// authenticate checks the bearer token, and that its service principal is still there.
func (c *call) authenticate() *failure {
	claims, err := c.w.Bearer(c.r.Header.Get("Authorization"), "https://"+host, world.GraphAppID)
	if err != nil {
		return &failure{
			status: http.StatusUnauthorized, code: "InvalidAuthenticationToken", message: tokenTrouble(err),
			header: http.Header{"Www-Authenticate": {challenge}},
		}
	}
	c.claims = claims
	known := false
	c.w.Read(func() { known = c.w.Directory.ServicePrincipals[claims.ObjectID] != nil })
	if !known {
		return &failure{status: http.StatusUnauthorized, code: "Authorization_IdentityNotFound", message: "The identity of the calling application could not be established."}
	}
	return nil
}

func tokenTrouble(err error) string {
	switch {
	case errors.Is(err, world.ErrNoToken):
		return "Access token is empty."
	case errors.Is(err, world.ErrWrongAudience):
		return "Access token validation failure. Invalid audience."
	case errors.Is(err, world.ErrWrongTenant):
		return "Access token validation failure. Invalid issuer."
	case errors.Is(err, world.ErrExpiredToken):
		return "Lifetime validation failed, the token is expired."
	}
	return "IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be in JWS or JWE Compact Serialization Format. (JWS): 'EncodedHeader.EncodedPayload.EncodedSignature'. (JWE): 'EncodedProtectedHeader.EncodedEncryptedKey.EncodedInitializationVector.EncodedCiphertext.EncodedAuthenticationTag'."
}

// has reports whether the token carries any of the roles.
func (c *call) has(roles ...string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(c.claims.Roles, r) })
}

// mayWrite is the second half of the permission to change an object: all of them,
// or those the caller owns.
func (c *call) mayWrite(h *world.Holder) *failure {
	if c.has(writeAnyApp...) || slices.Contains(h.Owners, c.claims.ObjectID) {
		return nil
	}
	return denied()
}
