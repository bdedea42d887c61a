package entra

import (
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// signed is the form of a request with an assertion.
func (x *tenant) signed(jwt string) reply {
	x.Helper()
	return x.token(form("client_secret", "", "client_assertion", jwt, "client_assertion_type", assertionType))
}

func own(from time.Time) map[string]any {
	return map[string]any{
		"aud": "https://login.microsoftonline.com/" + tenantID + "/oauth2/v2.0/token",
		"iss": clientID, "sub": clientID, "jti": "1", "nbf": from.Unix(), "exp": from.Add(10 * time.Minute).Unix(),
	}
}

func with(claims map[string]any, name string, value any) map[string]any {
	claims[name] = value
	return claims
}

func TestCertificate(t *testing.T) {
	x := newTenant(t, world.Config{})
	now := time.Now()
	der := x.certify("cert", now.Add(-time.Hour), now.AddDate(1, 0, 0))
	for what, jwt := range map[string]string{
		"PS256, x5t#S256":  assertion(t, "PS256", map[string]any{"x5t#S256": thumb256(der)}, own(now)),
		"RS256, x5t":       assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, own(now)),
		"audience v1":      assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, with(own(now), "aud", "https://login.microsoftonline.com/"+tenantID+"/oauth2/token")),
		"audience domain":  assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, with(own(now), "aud", "https://login.windows.net/contoso.com/oauth2/token")),
		"list of audience": assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, with(own(now), "aud", []string{"https://login.microsoftonline.com/" + tenantID + "/v2.0"})),
		"clock a bit fast": assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, own(now.Add(4*time.Minute))),
	} {
		p := x.signed(jwt)
		if p.status != 200 {
			t.Errorf("%s: %s", what, p.text)
			continue
		}
		if c := x.claims(p); c.AppIDACR != "2" {
			t.Errorf("%s: appidacr %s", what, c.AppIDACR)
		}
	}
	if f := x.w.Facts("token"); f[0].Key != "cert" || x.app.Keys[0].LastUsed.IsZero() {
		t.Errorf("fact %+v", f[0])
	}
	forged := assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, own(now))
	for what, k := range map[string]struct {
		jwt  string
		code int
	}{
		"unknown key":   {assertion(t, "RS256", map[string]any{"x5t": "AAAA"}, own(now)), 700027},
		"no key named":  {assertion(t, "RS256", map[string]any{}, own(now)), 700027},
		"forged":        {forged[:len(forged)-8] + "AAAAAAAA", 700027},
		"other alg":     {assertion(t, "HS256", map[string]any{"x5t": thumb(der)}, own(now)), 700027},
		"other issuer":  {assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, with(own(now), "iss", objectID)), 700021},
		"other subject": {assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, with(own(now), "sub", objectID)), 700021},
		"audience":      {assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, with(own(now), "aud", "https://login.microsoftonline.com/fabrikam.com/oauth2/token")), 700023},
		"expired":       {assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, own(now.Add(-time.Hour))), 700024},
		"not yet valid": {assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, own(now.Add(time.Hour))), 700024},
		"for ever":      {assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, with(own(now), "exp", now.AddDate(1, 0, 0).Unix())), 700024},
		"no expiry":     {assertion(t, "RS256", map[string]any{"x5t": thumb(der)}, with(own(now), "exp", 0)), 700024},
	} {
		if p := x.signed(k.jwt); p.code() != k.code || p.status != 401 {
			t.Errorf("%s: %s", what, p.text)
		}
	}
}

func TestCertificatesExpireAndLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Seed: 4, Lag: world.Lag{Secret: time.Minute}})
		der := x.certify("cert", time.Now(), time.Now().AddDate(0, 0, 1))
		sign := func() int {
			return x.signed(assertion(t, "PS256", map[string]any{"x5t#S256": thumb256(der)}, own(time.Now()))).code()
		}
		x.w.Change(func() { x.app.Keys[0].Removed = time.Now() })
		worked := false
		for range 20 {
			worked = worked || sign() == 0
		}
		if !worked {
			t.Error("refused everywhere at once")
		}
		time.Sleep(time.Minute)
		if sign() != 700027 {
			t.Error("a removed certificate works after the lag")
		}
		x.w.Change(func() { x.app.Keys[0].Removed = time.Time{} })
		if sign() != 0 {
			t.Error("the certificate does not work")
		}
		time.Sleep(24 * time.Hour)
		if sign() != 700027 {
			t.Error("an expired certificate works")
		}
	})
}

func TestFederatedTokens(t *testing.T) {
	x := newTenant(t, world.Config{})
	const issuer, subject, audience = "https://token.actions.githubusercontent.com", "repo:a/b:ref:refs/heads/main", "api://AzureADTokenExchange"
	x.app.Federated = []*world.Federated{{ID: "f", Issuer: issuer, Subject: subject, Audiences: []string{audience}}}
	for what, k := range map[string]struct {
		iss, sub, aud string
		code          int
	}{
		"right":    {issuer, subject, audience, 0},
		"issuer":   {issuer + "/", subject, audience, 700211},
		"audience": {issuer, subject, "api://other", 700212},
		"subject":  {issuer, "Repo:a/b:ref:refs/heads/main", audience, 700213},
	} {
		claims := map[string]any{"iss": k.iss, "sub": k.sub, "aud": k.aud, "nbf": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix()}
		if p := x.signed(assertion(t, "RS256", map[string]any{"kid": "k"}, claims)); p.code() != k.code {
			t.Errorf("%s: %s", what, p.text)
		}
	}
}
