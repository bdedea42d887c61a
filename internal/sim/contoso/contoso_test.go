package contoso

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"rekey.example/rekey/internal/sim/world"
)

// signer is one token signing key for all tests: making one takes longer than most of them.
var signer = sync.OnceValue(func() *world.Signer {
	s, err := world.NewSigner()
	if err != nil {
		panic(err)
	}
	return s
})

func seeded(t *testing.T, seed uint64, apps int) (*world.World, Tenant) {
	t.Helper()
	w, err := world.New(world.Config{Seed: seed, Signer: signer(), Tenant: world.Tenant{
		ID: "6f0d1c5e-2b34-4c8f-9a51-0c2a7b6f1d11", Domain: "contoso.com", Name: "Contoso", SubscriptionID: "b7e9a1d0-4b0c-4a58-8d3b-7a1f4e2c9d22",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return w, Seed(w, apps)
}

func TestSameSeedSameTenant(t *testing.T) {
	text := func(seed uint64) (text []byte) {
		synctest.Test(t, func(t *testing.T) { // a bubble begins at the same moment every time
			w, tenant := seeded(t, seed, 300)
			var secrets []any
			for _, v := range []string{prod, test, finance, hr} {
				secrets = append(secrets, w.Azure.Vaults[v].Secrets)
			}
			var err error
			text, err = json.Marshal([]any{tenant, w.Directory.Applications, w.Directory.ServicePrincipals, w.Directory.Users,
				w.Directory.Audits, w.Azure.Assignments, w.Azure.Resources, secrets})
			if err != nil {
				t.Fatal(err)
			}
		})
		return text
	}
	if !bytes.Equal(text(7), text(7)) {
		t.Error("two tenants of one seed differ")
	}
	if bytes.Equal(text(7), text(8)) {
		t.Error("two tenants of two seeds are equal")
	}
}

// byKey finds every client secret of the tenant by its key id.
func byKey(w *world.World) map[string]*world.Password {
	all := map[string]*world.Password{}
	for _, a := range w.Directory.Applications {
		for _, p := range a.Passwords {
			all[p.KeyID] = p
		}
	}
	for _, sp := range w.Directory.ServicePrincipals {
		for _, p := range sp.Passwords {
			all[p.KeyID] = p
		}
	}
	return all
}

func TestVaultsHoldTheSecretsOfTheApplications(t *testing.T) {
	w, _ := seeded(t, 1, 0)
	texts, tagged, untagged := map[string]bool{}, 0, 0
	for _, p := range byKey(w) {
		texts[p.Text] = true
	}
	passwords := byKey(w)
	for _, v := range w.Azure.Vaults {
		for _, s := range v.Secrets {
			newest := s.Versions[len(s.Versions)-1]
			if id := newest.Tags["key-id"]; id != "" && !s.Managed {
				tagged++
				p := passwords[id]
				if p == nil || p.Text != newest.Value || p.Hint != newest.Value[:3] {
					t.Errorf("%s/%s is tagged with key id %s but does not hold that secret", v.Name, s.Name, id)
				}
			} else if texts[newest.Value] {
				untagged++
			}
		}
	}
	if tagged < 25 || untagged < 3 {
		t.Errorf("%d vault secrets are tagged and %d hold a secret without a tag; want at least 25 and 3", tagged, untagged)
	}
}

func TestSecretsEndWhenTheStorySaysSo(t *testing.T) {
	w, tenant := seeded(t, 1, 0)
	days := map[int]int{}
	for _, a := range w.Directory.Applications {
		for _, p := range a.Passwords {
			if !p.Starts.Before(p.Ends) || a.Created.After(p.Starts) {
				t.Errorf("%s: a secret of an application made %v starts %v and ends %v", a.Name, a.Created, p.Starts, p.Ends)
			}
			if p.Ends.Year() != 2299 {
				days[int(time.Until(p.Ends).Hours())/24]++
			}
		}
	}
	for _, want := range []int{1, 3, 6, 9, 20, 28} {
		if days[want] == 0 {
			t.Errorf("no secret ends in %d days", want)
		}
	}
	demo := byKey(w)[tenant.Demo.KeyID]
	if demo == nil || int(time.Until(demo.Ends).Hours())/24 != 6 {
		t.Errorf("the secret of the demonstration is %v, want one that ends in 6 days", demo)
	}
	live := w.Azure.Vaults[tenant.Demo.Vault].Secrets[tenant.Demo.Secret].Versions
	if newest := live[len(live)-1]; newest.Value != demo.Text || newest.Tags["consumer"] != tenant.Demo.Consumer {
		t.Error("the vault does not hold the secret of the demonstration for its consumer")
	}
	if !slices.Contains(w.Directory.Applications[tenant.Demo.ApplicationID].Owners, tenant.Writer.PrincipalID) {
		t.Error("rekey-writer does not own the application of the demonstration")
	}
}

func TestDemonstrationsOfOtherKinds(t *testing.T) {
	w, tenant := seeded(t, 1, 0)
	d := &w.Directory
	for _, demo := range []Demo{tenant.Demo, tenant.DemoCertificate, tenant.DemoPEM, tenant.DemoPrincipal} {
		a, sp := d.Applications[demo.ApplicationID], d.ServicePrincipals[demo.PrincipalID]
		if a == nil || sp == nil || a.AppID != demo.ClientID || sp.AppID != demo.ClientID || !slices.Contains(a.Owners, tenant.Writer.PrincipalID) {
			t.Errorf("%s: application and principal do not belong together, or to rekey-writer", demo.Name)
		}
		s := w.Azure.Vaults[demo.Vault].Secrets[demo.Secret]
		if s == nil || s.Versions[0].Tags["consumer"] != demo.Consumer {
			t.Errorf("%s: its value is not in %s/%s for %q", demo.Name, demo.Vault, demo.Secret, demo.Consumer)
		}
	}
	if sp := d.ServicePrincipals[tenant.DemoPrincipal.PrincipalID]; !slices.Contains(sp.Owners, tenant.Writer.PrincipalID) || sp.Passwords[0].KeyID != tenant.DemoPrincipal.KeyID {
		t.Error("the secret of the principal is not on a principal that rekey-writer owns")
	}
	for demo, contentType := range map[Demo]string{tenant.DemoCertificate: "application/x-pkcs12", tenant.DemoPEM: "application/x-pem-file"} {
		k := d.Applications[demo.ApplicationID].Keys[0]
		if left := time.Until(k.Ends).Hours() / 24; k.KeyID != demo.KeyID || left < 6 || left > 12 {
			t.Errorf("%s: the certificate ends in %.0f days", demo.Name, left)
		}
		v := w.Azure.Vaults[demo.Vault].Secrets[demo.Secret].Versions[0]
		if v.ContentType != contentType {
			t.Errorf("%s: the vault hands out %s", demo.Name, v.ContentType)
		}
		var key any
		var der []byte
		if raw, err := base64.StdEncoding.DecodeString(v.Value); err == nil {
			private, leaf, err := pkcs12.Decode(raw, "")
			if err != nil {
				t.Fatal(err)
			}
			key, der = private, leaf.Raw
		} else {
			block, rest := pem.Decode([]byte(v.Value))
			private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			block, _ = pem.Decode(rest)
			key, der = private, block.Bytes
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		private, ok := key.(*rsa.PrivateKey)
		if !ok || !private.PublicKey.Equal(leaf.PublicKey) || !bytes.Equal(der, k.DER) {
			t.Errorf("%s: the vault does not hold the RSA key of the certificate", demo.Name)
		}
	}
}

func TestTenantReadsLikeARealOne(t *testing.T) {
	w, tenant := seeded(t, 1, 0)
	names, noOwner, left, twoSlots, own := map[string]bool{}, 0, 0, 0, 0
	for _, a := range w.Directory.Applications {
		if names[a.Name] {
			t.Errorf("two applications are named %s", a.Name)
		}
		names[a.Name] = true
		if len(a.Owners) == 0 {
			noOwner++
		}
		for _, id := range a.Owners {
			switch u := w.Directory.Users[id]; {
			case u != nil && !u.Enabled:
				left++
			case u == nil && id == tenant.Writer.PrincipalID:
				own++
			case u == nil:
				t.Errorf("%s belongs to %s, which does not exist", a.Name, id)
			}
		}
		if a.Audience == personal && len(a.Passwords) == 2 {
			twoSlots++
		}
	}
	if n := len(names); n < 45 || n > 65 {
		t.Errorf("%d applications, want about 50", n)
	}
	for what, n := range map[string]int{"without an owner": noOwner, "whose owner has left": left, "with both places taken": twoSlots} {
		if n == 0 {
			t.Errorf("no application %s", what)
		}
	}
	if own < 20 || own > len(names)-15 {
		t.Errorf("rekey-writer owns %d of %d applications, want most of the integrations and not all", own, len(names))
	}
}

func TestSigningPairsBelongTogether(t *testing.T) {
	w, _ := seeded(t, 1, 0)
	found := 0
	for _, sp := range w.Directory.ServicePrincipals {
		if sp.SSOMode != "saml" {
			continue
		}
		found++
		sign, verify, password := sp.Keys[0], sp.Keys[1], sp.Passwords[0]
		sum := sha1.Sum(verify.DER)
		if sign.Usage != "Sign" || verify.Usage != "Verify" || !bytes.Equal(sign.Thumbprint, verify.Thumbprint) || !bytes.Equal(sum[:], sign.Thumbprint) {
			t.Errorf("%s: the two keys are not one pair", sp.Name)
		}
		if password.CustomKeyIdentifier != base64Of(sign.Thumbprint) {
			t.Errorf("%s: the password has another customKeyIdentifier than the keys", sp.Name)
		}
		if cert, err := x509.ParseCertificate(verify.DER); err != nil || !cert.NotAfter.Equal(verify.Ends) {
			t.Errorf("%s: certificate and credential disagree: %v", sp.Name, err)
		}
	}
	if found < 3 {
		t.Errorf("%d SAML applications, want at least 3", found)
	}
}

func TestTenantGrows(t *testing.T) {
	const apps = 20000
	began := time.Now()
	w, _ := seeded(t, 1, apps)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v to seed %d applications", took, apps)
	}
	if got := len(w.Directory.Applications); got != apps {
		t.Errorf("%d applications, want %d", got, apps)
	}
	credentials, ending, ended, clients := 0, 0, 0, map[string]bool{}
	for _, a := range w.Directory.Applications {
		clients[a.AppID] = true
		credentials += len(a.Passwords) + len(a.Keys)
		if a.Audience == personal && len(a.Passwords) > 2 {
			t.Errorf("%s lets personal accounts in and has %d secrets", a.Name, len(a.Passwords))
		}
		for _, p := range a.Passwords {
			if !world.SecretTextValid(p.Text) && len(p.Text) != 44 {
				t.Fatalf("%s has a secret in no known form", a.Name)
			}
			switch left := time.Until(p.Ends); {
			case left < 0:
				ended++
			case left < 30*24*time.Hour:
				ending++
			}
		}
	}
	if len(clients) != apps {
		t.Errorf("%d client ids for %d applications", len(clients), apps)
	}
	share := func(n int) float64 { return float64(n) / float64(credentials) }
	if average := float64(credentials) / apps; average < 1.8 || average > 2.2 {
		t.Errorf("%.2f credentials an application, want about 2", average)
	}
	if share(ended) < 0.08 || share(ended) > 0.2 || share(ending) < 0.04 || share(ending) > 0.12 {
		t.Errorf("%.2f of the credentials have ended and %.2f end within a month, want about 0.13 and 0.07", share(ended), share(ending))
	}
}

func BenchmarkSeed100000(b *testing.B) {
	for b.Loop() {
		w, err := world.New(world.Config{Seed: 1, Tenant: world.Tenant{Domain: "contoso.com"}})
		if err != nil {
			b.Fatal(err)
		}
		Seed(w, 100000)
	}
}

func TestIdentitiesCanBePasted(t *testing.T) {
	for seed := range uint64(40) {
		_, tenant := seeded(t, seed, 0)
		for _, id := range []Identity{tenant.Reader, tenant.Writer, tenant.Admin} {
			if strings.ContainsAny(id.Secret[:1], ".-_~") || !world.SecretTextValid(id.Secret) {
				t.Errorf("seed %d: the secret of %s is no good on a command line", seed, id.Name)
			}
		}
	}
}
