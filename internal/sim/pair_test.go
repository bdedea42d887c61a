package sim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// assertion signs in with what a vault hands out, as an application would.
func assertion(t *testing.T, rt http.RoundTripper, tenant contoso.Tenant, clientID, value string) int {
	t.Helper()
	var key any
	var leaf *x509.Certificate
	if raw, err := base64.StdEncoding.DecodeString(value); err == nil {
		if key, leaf, err = pkcs12.Decode(raw, ""); err != nil {
			t.Fatal(err)
		}
	} else {
		block, rest := pem.Decode([]byte(value))
		if key, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
			t.Fatal(err)
		}
		block, _ = pem.Decode(rest)
		if leaf, err = x509.ParseCertificate(block.Bytes); err != nil {
			t.Fatal(err)
		}
	}
	endpoint := "https://login.microsoftonline.com/" + tenant.ID + "/oauth2/v2.0/token"
	sum := sha256.Sum256(leaf.Raw)
	text := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	signed := text(map[string]any{"alg": "RS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}) + "." +
		text(map[string]any{"iss": clientID, "sub": clientID, "aud": endpoint, "nbf": time.Now().Unix(), "exp": time.Now().Unix() + 300, "jti": "x"})
	digest := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(nil, key.(*rsa.PrivateKey), crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "scope": {"https://graph.microsoft.com/.default"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {signed + "." + base64.RawURLEncoding.EncodeToString(sig)}}
	req, _ := http.NewRequestWithContext(t.Context(), "POST", endpoint, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := send(rt, req)
	if a.status != 200 && !strings.Contains(a.body, "AADSTS700027") {
		t.Errorf("an assertion is answered %v", a)
	}
	return a.status
}

// The vaults' key pairs sign in, and the truth says so whatever form they have.
func TestSeededCertificatesSignIn(t *testing.T) {
	cloud := newCloud(t, Config{})
	rt, tenant := cloud.RoundTripper(Hooks{}), cloud.Tenant()
	for _, demo := range []contoso.Demo{tenant.DemoCertificate, tenant.DemoPEM} {
		value, ok := cloud.Current(demo.Vault, demo.Secret)
		if status := assertion(t, rt, tenant, demo.ClientID, value); !ok || status != 200 {
			t.Errorf("%s: the pair in the vault is answered %d", demo.Name, status)
		}
		if n := cloud.Accepts(demo.ClientID, value); n != cloud.World().Replicas() {
			t.Errorf("%s: the truth is that %d replicas accept it", demo.Name, n)
		}
		if n := cloud.Accepts(tenant.Demo.ClientID, value); n != 0 {
			t.Errorf("%s: its pair opens another application", demo.Name)
		}
		half, _, _ := strings.Cut(value, "-----BEGIN CERTIFICATE")
		if n := cloud.Accepts(demo.ClientID, half[:len(half)-100]); n != 0 {
			t.Errorf("%s: half of it opens the application", demo.Name)
		}
	}
	demo := tenant.DemoPrincipal
	value, _ := cloud.Current(demo.Vault, demo.Secret)
	if status, _ := signIn(t, rt, tenant, contoso.Identity{ClientID: demo.ClientID, Secret: value}, "https://graph.microsoft.com/.default"); status != 200 {
		t.Errorf("the secret on a service principal is answered %d", status)
	}
}

// A certificate spreads and disappears replica by replica, as a secret does.
func TestCertificatesLagLikeSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, Config{World: world.Config{Lag: world.Lag{Secret: 2 * time.Minute}}})
		rt, w, demo := cloud.RoundTripper(Hooks{}), cloud.World(), cloud.Tenant().DemoPEM
		value, _ := cloud.Current(demo.Vault, demo.Secret)
		var k *world.Key
		w.Change(func() {
			k = w.Directory.ApplicationByClient(demo.ClientID).Keys[0]
			k.Added = time.Now()
		})
		for _, change := range []func(){func() {}, func() { w.Change(func() { k.Removed = time.Now() }) }} {
			change()
			var heard []int
			for range 13 {
				n := cloud.Accepts(demo.ClientID, value)
				heard = append(heard, n)
				good := 0
				for range 8 {
					if assertion(t, rt, cloud.Tenant(), demo.ClientID, value) == 200 {
						good++
					}
				}
				if n == 0 && good > 0 || n == w.Replicas() && good < 8 {
					t.Errorf("%d of %d replicas accept the certificate, and %d of 8 sign-ins succeed", n, w.Replicas(), good)
				}
				time.Sleep(10 * time.Second)
			}
			if heard[0] == heard[len(heard)-1] || heard[0]+heard[len(heard)-1] != w.Replicas() {
				t.Errorf("the replicas that accept it are %v", heard)
			}
		}
	})
}

// Every fault of the wire treats a write of certificates as it treats any other.
func TestFaultsOnTheListOfCertificates(t *testing.T) {
	for _, c := range []struct {
		fault   string
		answers bool
		applied int
	}{
		{"lost-answer", false, 1}, {"lost-request", false, 0}, {"error-before", true, 0}, {"error-after", true, 1},
		{"duplicate", true, 2}, {"late-effect:delay=10s", false, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud := newCloud(t, Config{})
			rt, demo := cloud.RoundTripper(Hooks{}), cloud.Tenant().DemoCertificate
			_, token := signIn(t, rt, cloud.Tenant(), cloud.Tenant().Writer, "https://graph.microsoft.com/.default")
			name, rest, _ := strings.Cut(c.fault, ":")
			switchOn(t, cloud, strings.TrimSuffix(name+":PATCH graph.microsoft.com/v1.0/applications/*:times=1,"+rest, ","))
			req, _ := http.NewRequest("PATCH", "https://graph.microsoft.com/v1.0/applications/"+demo.ApplicationID, strings.NewReader(`{"keyCredentials":[]}`))
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/json")
			a := send(rt, req)
			time.Sleep(time.Minute)
			if facts := cloud.World().Facts("patchKeys"); (a.err == nil) != c.answers || len(facts) != c.applied {
				t.Errorf("%s: answered %v, applied %d times", c.fault, a, len(facts))
			}
			if left := len(cloud.Keys(demo.ClientID)); (left == 0) != (c.applied > 0) {
				t.Errorf("%s: %d certificates are left", c.fault, left)
			}
		})
	}
}
