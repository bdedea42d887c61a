package arm

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"rekey.example/rekey/internal/sim/world"
)

// audiences are the manager's two addresses and its application id.
var audiences = []string{"https://management.azure.com", "https://management.core.windows.net", "797f4846-ba00-4fd7-ba43-dac1f8f63013"}

func (c *call) authenticate() error {
	claims, err := c.w.Bearer(c.r.Header.Get("Authorization"), audiences...)
	c.claims = claims
	if err == nil {
		return nil
	}
	f := fail(http.StatusUnauthorized, "InvalidAuthenticationToken", "The access token is invalid.")
	switch {
	case errors.Is(err, world.ErrNoToken):
		f = fail(http.StatusUnauthorized, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
	case errors.Is(err, world.ErrWrongTenant):
		f = fail(http.StatusUnauthorized, "InvalidAuthenticationTokenTenant", fmt.Sprintf("The access token is from the wrong issuer '%s'. It must match the tenant "+
			"'https://sts.windows.net/%s/' associated with this subscription. Please use the authority (URL) 'https://login.windows.net/%s' to get the token.",
			claims.Issuer, c.w.Tenant.ID, c.w.Tenant.ID))
	case errors.Is(err, world.ErrWrongAudience):
		f = fail(http.StatusUnauthorized, "InvalidAuthenticationTokenAudience", fmt.Sprintf("The access token has been obtained for wrong audience or resource '%s'. "+
			"It should exactly match with one of the allowed audiences 'https://management.core.windows.net/','https://management.azure.com/'.", claims.Audience))
	case errors.Is(err, world.ErrExpiredToken):
		f = fail(http.StatusUnauthorized, "ExpiredAuthenticationToken", "The access token expiry UTC time is in the past.")
	}
	f.challenge = fmt.Sprintf(`Bearer authorization_uri="https://login.windows.net/%s", error="invalid_token", error_description=%q`, c.w.Tenant.ID, f.message)
	return f
}

var versionForm = regexp.MustCompile(`^20\d\d-\d\d-\d\d(-preview)?$`)

func (c *call) checkVersion() error {
	v := c.r.URL.Query().Get("api-version")
	if v == "" {
		return badRequest("MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	}
	if !versionForm.MatchString(v) {
		return badRequest("InvalidApiVersionParameter", "The api-version '"+v+"' is invalid. The supported versions are of the form yyyy-MM-dd or yyyy-MM-dd-preview.")
	}
	return nil
}
