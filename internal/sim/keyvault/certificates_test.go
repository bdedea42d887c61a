package keyvault

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"rekey.example/rekey/internal/sim/world"
)

func selfSigned(contentType string) map[string]any {
	return map[string]any{"policy": map[string]any{
		"key_props":    map[string]any{"kty": "EC", "crv": "P-256", "exportable": true},
		"secret_props": map[string]any{"contentType": contentType},
		"x509_props":   map[string]any{"subject": "CN=app.contoso.com, O=Contoso", "validity_months": 6, "sans": map[string]any{"dns_names": []string{"app.contoso.com"}}},
		"issuer":       map[string]any{"name": "Self"},
	}}
}

func TestASelfSignedCertificateIsMadeInItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := as(t, newWorld(t, world.Lag{Vault: 10 * time.Second}), officer)
		started := c.want(202, "POST", "/certificates/web/create", selfSigned(pfxType))
		if started.text("status") != "inProgress" || started.text("csr") == "" || !strings.Contains(started.header.Get("Location"), "/certificates/web/pending?api-version=7.4&request_id="+started.text("request_id")) {
			t.Errorf("create answered %v, Location %q", started.body, started.header.Get("Location"))
		}
		c.want(409, "POST", "/certificates/web/create", selfSigned(pfxType))
		c.fails(404, "CertificateNotFound", "", "GET", "/certificates/web", nil)
		if n := len(c.want(200, "GET", "/certificates", nil).items()); n != 0 {
			t.Errorf("list shows %d certificates before one is made", n)
		}
		if n := len(c.want(200, "GET", "/certificates?includePending=true", nil).items()); n != 1 {
			t.Errorf("list with pending shows %d", n)
		}
		time.Sleep(10 * time.Second)
		done := c.want(200, "GET", "/certificates/web/pending", nil)
		if done.text("status") != "completed" || done.text("target") != "https://kv-pay.vault.azure.net/certificates/web" {
			t.Errorf("operation is %v", done.body)
		}
		got := c.want(200, "GET", "/certificates/web/", nil)
		der, err := base64.StdEncoding.DecodeString(got.text("cer"))
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil || cert.Subject.CommonName != "app.contoso.com" || cert.DNSNames[0] != "app.contoso.com" {
			t.Errorf("certificate %v (%v)", cert, err)
		}
		if got.get("attributes", "exp") != float64(cert.NotAfter.Unix()) || got.text("policy", "issuer", "name") != "Self" || got.text("x5t") == "" {
			t.Errorf("bundle %v", got.body)
		}
		if policy := c.want(200, "GET", "/certificates/web/policy", nil); policy.text("x509_props", "subject") != "CN=app.contoso.com, O=Contoso" {
			t.Errorf("policy %v", policy.body)
		}
	})
}

func TestTheSecretBehindACertificate(t *testing.T) {
	for _, contentType := range []string{pfxType, pemType} {
		c := as(t, newWorld(t, world.Lag{}), officer)
		c.want(202, "POST", "/certificates/web/create", selfSigned(contentType))
		cert := c.want(200, "GET", "/certificates/web", nil)
		secret := c.want(200, "GET", strings.TrimPrefix(cert.text("sid"), "https://kv-pay.vault.azure.net"), nil)
		if secret.get("managed") != true || secret.text("kid") != cert.text("kid") || secret.text("contentType") != contentType {
			t.Errorf("secret is managed %v, kid %q, contentType %q", secret.get("managed"), secret.text("kid"), secret.text("contentType"))
		}
		if contentType == pfxType {
			pfx, err := base64.StdEncoding.DecodeString(secret.text("value"))
			if err != nil {
				t.Fatal(err)
			}
			if _, leaf, err := pkcs12.Decode(pfx, ""); err != nil || leaf.Subject.CommonName != "app.contoso.com" {
				t.Errorf("PFX holds %v (%v)", leaf, err)
			}
		} else if block, rest := pem.Decode([]byte(secret.text("value"))); block == nil || block.Type != "PRIVATE KEY" || !strings.Contains(string(rest), "CERTIFICATE") {
			t.Error("PEM secret does not hold key and certificate")
		}
		key := c.want(200, "GET", strings.TrimPrefix(cert.text("kid"), "https://kv-pay.vault.azure.net"), nil)
		if key.text("key", "kty") != "EC" || key.get("managed") != true {
			t.Errorf("key %v", key.body)
		}
		c.fails(403, "Forbidden", "SecretManagedByKeyVault", "PUT", "/secrets/web", map[string]any{"value": "v"})
		c.fails(403, "Forbidden", "SecretManagedByKeyVault", "DELETE", "/secrets/web", nil)

		c.want(200, "PATCH", "/certificates/web/", map[string]any{"attributes": map[string]any{"enabled": false}})
		c.fails(403, "Forbidden", "SecretDisabled", "GET", "/secrets/web", nil)
		c.want(200, "DELETE", "/certificates/web", nil)
		c.fails(404, "SecretNotFound", "", "GET", "/secrets/web", nil)
		c.want(200, "POST", "/deletedcertificates/web/recover", nil)
		c.want(200, "GET", "/keys/web", nil)
		c.want(200, "DELETE", "/certificates/web", nil)
		c.want(204, "DELETE", "/deletedcertificates/web", nil)
		c.want(200, "PUT", "/secrets/web", map[string]any{"value": "the name is free again"})
	}
}

func TestImportTakesWhatExportGives(t *testing.T) {
	for _, contentType := range []string{pfxType, pemType} {
		c := as(t, newWorld(t, world.Lag{}), officer)
		c.want(202, "POST", "/certificates/web/create", selfSigned(contentType))
		value := c.want(200, "GET", "/secrets/web", nil).text("value")
		first := c.want(200, "GET", "/certificates/web", nil)
		copied := c.want(200, "POST", "/certificates/copy/import", map[string]any{"value": value, "tags": map[string]string{"a": "b"}})
		if copied.text("x5t") != first.text("x5t") || copied.text("tags", "a") != "b" || copied.text("policy", "secret_props", "contentType") != contentType {
			t.Errorf("%s: imported %v", contentType, copied.body)
		}
		if n := len(c.want(200, "GET", "/certificates", nil).items()); n != 2 {
			t.Errorf("%d certificates", n)
		}
		c.want(200, "POST", "/certificates/copy/import", map[string]any{"value": value})
		if n := len(c.want(200, "GET", "/certificates/copy/versions", nil).items()); n != 2 {
			t.Errorf("%d versions", n)
		}
		c.fails(400, "BadParameter", "", "POST", "/certificates/bad/import", map[string]any{"value": "nonsense"})
		c.fails(400, "BadParameter", "", "POST", "/certificates/bad/import", map[string]any{"value": value[:len(value)/2]})
		c.want(200, "PUT", "/secrets/taken", map[string]any{"value": "v"})
		c.want(409, "POST", "/certificates/taken/import", map[string]any{"value": value})
	}
}

func TestImportWantsTheKeyOfItsCertificate(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	var keys, certs []string
	for _, name := range []string{"a", "b"} {
		c.want(202, "POST", "/certificates/"+name+"/create", selfSigned(pemType))
		key, cert, _ := strings.Cut(c.want(200, "GET", "/secrets/"+name, nil).text("value"), "-----BEGIN CERTIFICATE")
		keys, certs = append(keys, key), append(certs, "-----BEGIN CERTIFICATE"+cert)
	}
	c.want(200, "POST", "/certificates/whole/import", map[string]any{"value": keys[0] + certs[0]})
	got := c.fails(400, "BadParameter", "", "POST", "/certificates/mixed/import", map[string]any{"value": keys[0] + certs[1]})
	if !strings.Contains(got.message(), "does not match") {
		t.Errorf("message %q", got.message())
	}
}

func TestImportNeedsThePassword(t *testing.T) {
	p, err := readPolicy(selfSigned(pfxType)["policy"].(map[string]any))
	if err != nil {
		t.Fatal(err)
	}
	key, err := newKey("RSA", 2048, "")
	if err != nil {
		t.Fatal(err)
	}
	made, err := p.selfSign(key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(made.DER)
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := pkcs12.Modern.Encode(key, leaf, nil, "sesame")
	if err != nil {
		t.Fatal(err)
	}
	c := as(t, newWorld(t, world.Lag{}), officer)
	body := map[string]any{"value": base64.StdEncoding.EncodeToString(pfx), "pwd": "wrong"}
	if m := c.fails(400, "BadParameter", "", "POST", "/certificates/web/import", body).message(); !strings.Contains(m, "password") || strings.Contains(m, "wrong") {
		t.Errorf("message %q", m)
	}
	body["pwd"] = "sesame"
	c.want(200, "POST", "/certificates/web/import", body)
}

func TestMergeTakesOnlyACertificateForItsKey(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	body := selfSigned(pfxType)
	body["policy"].(map[string]any)["issuer"] = map[string]any{"name": "Unknown"}
	c.want(202, "POST", "/certificates/web/create", body)
	if got := c.want(200, "GET", "/certificates/web/pending", nil).text("status"); got != "inProgress" {
		t.Errorf("status %q", got)
	}
	c.want(202, "POST", "/certificates/other/create", selfSigned(pfxType))
	foreign := c.want(200, "GET", "/certificates/other", nil).text("cer")
	c.fails(400, "BadParameter", "", "POST", "/certificates/web/pending/merge", map[string]any{"x5c": []string{foreign}})
	started := c.want(200, "GET", "/certificates/web/pending", nil)
	signed := signFor(t, started.text("csr"))
	merged := c.want(201, "POST", "/certificates/web/pending/merge", map[string]any{"x5c": []string{signed}})
	if merged.text("cer") != signed {
		t.Error("the merged certificate is not the one that was signed")
	}
	pfx, err := base64.StdEncoding.DecodeString(c.want(200, "GET", "/secrets/web", nil).text("value"))
	if err != nil {
		t.Fatal(err)
	}
	if _, leaf, err := pkcs12.Decode(pfx, ""); err != nil || base64.StdEncoding.EncodeToString(leaf.Raw) != signed {
		t.Errorf("the secret does not hold the merged certificate: %v", err)
	}

	c.want(202, "POST", "/certificates/web/create", body)
	c.want(200, "PATCH", "/certificates/web/pending", map[string]any{"cancellation_requested": true})
	c.want(200, "DELETE", "/certificates/web/pending", nil)
	c.fails(404, "PendingCertificateNotFound", "", "GET", "/certificates/web/pending", nil)
	c.fails(404, "CertificateIssuerNotFound", "", "POST", "/certificates/web/create", map[string]any{"policy": map[string]any{
		"issuer": map[string]any{"name": "DigiCert"}, "x509_props": map[string]any{"subject": "CN=x"}}})
	c.fails(404, "ContactsNotFound", "", "GET", "/certificates/contacts", nil)
}

// signFor is an authority that signs any request.
func signFor(t *testing.T, csr string) string {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(csr)
	if err != nil {
		t.Fatal(err)
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := newKey("EC", 0, "P-256")
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: request.Subject, NotBefore: time.Now(), NotAfter: time.Now().AddDate(1, 0, 0)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, request.PublicKey, authority)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signed)
}

func TestKeys(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	made := c.want(200, "POST", "/keys/k/create", map[string]any{"kty": "EC", "crv": "P-384"})
	if made.text("key", "crv") != "P-384" || made.text("key", "x") == "" || made.get("key", "d") != nil {
		t.Errorf("key %v", made.body)
	}
	c.want(200, "GET", "/keys/k", nil)
	c.want(200, "DELETE", "/keys/k", nil)
	c.fails(404, "KeyNotFound", "", "GET", "/keys/k", nil)
	c.want(200, "POST", "/deletedkeys/k/recover", nil)
	if n := len(c.want(200, "GET", "/keys/k/versions", nil).items()); n != 1 {
		t.Errorf("%d versions", n)
	}
	c.fails(400, "BadParameter", "", "POST", "/keys/k/create", map[string]any{"kty": "RSA", "key_size": 512})
}

func TestFaultsOfTheVaultStrikeCertificatesToo(t *testing.T) {
	w := newWorld(t, world.Lag{})
	c := as(t, w, officer)
	c.want(202, "POST", "/certificates/web/create", selfSigned(pemType))
	value := c.want(200, "GET", "/secrets/web", nil).text("value")
	c.want(202, "POST", "/certificates/web/create", selfSigned(pemType))
	second := c.want(200, "GET", "/certificates/web", nil).text("x5t")
	if err := w.Faults.Set(world.Fault{Name: world.StaleVault, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if stale := c.want(200, "GET", "/certificates/web", nil).text("x5t"); stale == second {
		t.Error("a stale vault knows the newest version")
	}
	for _, path := range []string{"/certificates/new/import", "/certificates/new/create"} {
		if err := w.Faults.Set(world.Fault{Name: world.SoftDeleted, Times: 1}); err != nil {
			t.Fatal(err)
		}
		body := selfSigned(pemType)
		body["value"] = value
		c.fails(409, "Conflict", "ObjectIsDeletedButRecoverable", "POST", path, body)
		w.Faults.Clear(world.SoftDeleted)
	}
	c.want(200, "POST", "/certificates/new/import", map[string]any{"value": value})
}
