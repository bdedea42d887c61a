package graph

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

var sharedKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// certificate makes a self-signed one that is valid for a year.
func certificate(t *testing.T, name string) (der []byte) {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &sharedKey().PublicKey, sharedKey())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// proofToken signs a proof for addKey.
func proofToken(t *testing.T, issuer, audience string, from time.Time, life time.Duration) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"iss": issuer, "aud": audience, "nbf": from.Unix(), "exp": from.Add(life).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(nil, sharedKey(), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func keyJSON(der []byte) string {
	return `{"type":"AsymmetricX509Cert","usage":"Verify","key":"` + base64.StdEncoding.EncodeToString(der) + `"}`
}

func TestPatchOfKeysIsTheWholeCollection(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	path := "/applications/" + x.add("a").ID
	first := certificate(t, "first")
	x.want(204, "PATCH", path, `{"keyCredentials":[`+keyJSON(first)+`]}`)
	read := x.get(path)
	keys := read.json["keyCredentials"].([]any)
	one := keys[0].(map[string]any)
	sum := sha1.Sum(first)
	if got := one["customKeyIdentifier"]; got != fmt.Sprintf("%X", sum) {
		t.Errorf("customKeyIdentifier %v", got)
	}
	if one["key"] != nil {
		t.Error("the bytes are shown without being selected")
	}
	if got := x.get(path + "?$select=keyCredentials").text; !strings.Contains(got, base64.StdEncoding.EncodeToString(first)) {
		t.Errorf("the bytes are not shown when selected: %s", got)
	}
	if got := x.get("/applications?$select=keyCredentials").text; !strings.Contains(got, `"key":null`) {
		t.Errorf("the bytes are shown in a list: %s", got)
	}

	// Read, add, write back: az does it like this, with the dates as it read them.
	existing, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	both := strings.TrimSuffix(string(existing), "]") + "," + keyJSON(certificate(t, "second")) + "]"
	x.want(204, "PATCH", path, `{"keyCredentials":`+both+`}`)
	if n := len(x.get(path).json["keyCredentials"].([]any)); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
	edited := strings.Replace(string(existing), one["endDateTime"].(string), "2099-01-01T00:00:00Z", 1)
	if p := x.want(400, "PATCH", path, `{"keyCredentials":`+edited+`}`); !strings.Contains(p.text, `"code":"KeyNotUpdatable"`) {
		t.Errorf("edit: %s", p.text)
	}
	// Who writes back only what he knew of wipes out the rest.
	x.want(204, "PATCH", path, `{"keyCredentials":`+string(existing)+`}`)
	if n := len(x.get(path).json["keyCredentials"].([]any)); n != 1 {
		t.Errorf("%d keys, want 1", n)
	}
	if x.facts("patchKeys") != 3 {
		t.Errorf("%d facts, want 3", x.facts("patchKeys"))
	}
}

func TestKeyIsTakenInEveryForm(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	path := "/applications/" + x.add("a").ID
	der := certificate(t, "c")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	lines := strings.Join(strings.Split(string(block), "\n")[1:len(strings.Split(string(block), "\n"))-2], `\n`) // as az sends it
	for form, key := range map[string]string{
		"DER": base64.StdEncoding.EncodeToString(der), "DER with line breaks": lines, "PEM": base64.StdEncoding.EncodeToString(block),
	} {
		x.want(204, "PATCH", path, `{"keyCredentials":[{"type":"AsymmetricX509Cert","usage":"Verify","key":"`+key+`"}]}`)
		if got := x.get(path + "?$select=keyCredentials").text; !strings.Contains(got, base64.StdEncoding.EncodeToString(der)) {
			t.Errorf("%s: %s", form, got)
		}
	}
	for _, bad := range []string{
		`{"type":"AsymmetricX509Cert","usage":"Verify","key":"AAAA"}`,
		`{"type":"AsymmetricX509Cert","usage":"Sign","key":"` + base64.StdEncoding.EncodeToString(der) + `"}`,
		`{"type":"AsymmetricX509Cert","usage":"Verify"}`,
		`{"type":"AsymmetricX509Cert","usage":"Verify","endDateTime":"2199-01-01T00:00:00Z","key":"` + base64.StdEncoding.EncodeToString(der) + `"}`,
	} {
		x.want(400, "PATCH", path, `{"keyCredentials":[`+bad+`]}`)
	}
}

func TestRollingItsOwnKeyNeedsProofAndNoPermission(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a", func(a *world.Application) { a.AppID = x.caller.AppID })
	path := "/applications/" + a.ID
	second := certificate(t, "second")
	add := func(proof string) string {
		return `{"keyCredential":` + keyJSON(second) + `,"passwordCredential":null,"proof":"` + proof + `"}`
	}
	good := proofToken(t, a.ID, world.LegacyGraph, time.Now(), 10*time.Minute)
	x.want(403, "POST", path+"/addKey", add(good)) // no certificate yet to have signed with

	x.want(204, "PATCH", path, `{"keyCredentials":[`+keyJSON(certificate(t, "first"))+`]}`)
	x.signIn("")
	for what, proof := range map[string]string{
		"nothing":       "x",
		"client id":     proofToken(t, a.AppID, world.LegacyGraph, time.Now(), 10*time.Minute),
		"wrong place":   proofToken(t, a.ID, "https://graph.microsoft.com", time.Now(), 10*time.Minute),
		"too long":      proofToken(t, a.ID, world.LegacyGraph, time.Now(), 11*time.Minute),
		"expired":       proofToken(t, a.ID, world.LegacyGraph, time.Now().Add(-time.Hour), 10*time.Minute),
		"not yet valid": proofToken(t, a.ID, world.LegacyGraph, time.Now().Add(time.Hour), 10*time.Minute),
	} {
		if p := x.do("POST", path+"/addKey", add(proof)); p.status != 403 {
			t.Errorf("%s: %d %s", what, p.status, p.text)
		}
	}
	made := x.want(200, "POST", path+"/addKey", add(good))
	x.want(204, "POST", path+"/removeKey", `{"keyId":"`+made.string("keyId")+`","proof":"`+good+`"}`)
	x.want(400, "POST", path+"/removeKey", `{"keyId":"`+made.string("keyId")+`","proof":"`+good+`"}`)
}

func TestRollingAForeignKeyNeedsPermissionToo(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	path := "/applications/" + a.ID
	x.want(204, "PATCH", path, `{"keyCredentials":[`+keyJSON(certificate(t, "first"))+`]}`)
	body := func(name string) string {
		proof := proofToken(t, a.ID, world.LegacyGraph, time.Now(), 10*time.Minute)
		return `{"keyCredential":` + keyJSON(certificate(t, name)) + `,"proof":"` + proof + `"}`
	}
	for _, roles := range []string{"", "Application.Read.All", "Application.ReadWrite.OwnedBy"} {
		x.signIn(roles)
		if p := x.want(403, "POST", path+"/addKey", body("second")); p.code() != "Authorization_RequestDenied" {
			t.Errorf("%q: %s", roles, p.text)
		}
	}
	x.w.Change(func() { a.Owners = []string{x.caller.ID} })
	x.want(200, "POST", path+"/addKey", body("second"))
	x.signIn("Application.ReadWrite.All")
	x.w.Change(func() { a.Owners = nil })
	x.want(200, "POST", path+"/addKey", body("third"))
}

// The lost update that makes PATCH dangerous: nothing tells the second writer
// that the list he read is old.
func TestTheLastWriterOfKeysWins(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	path := "/applications/" + x.add("a").ID
	read, err := json.Marshal(x.get(path + "?$select=keyCredentials").json["keyCredentials"])
	if err != nil || string(read) != "[]" {
		t.Fatalf("read %s, %v", read, err)
	}
	x.want(204, "PATCH", path, `{"keyCredentials":[`+keyJSON(certificate(t, "one"))+`]}`)
	x.want(204, "PATCH", path, `{"keyCredentials":[`+keyJSON(certificate(t, "other"))+`]}`, "If-Match", "*")
	keys := x.get(path).json["keyCredentials"].([]any)
	if len(keys) != 1 || keys[0].(map[string]any)["displayName"] != "CN=other" {
		t.Errorf("left are %v", keys)
	}
}

// A client may draw the key id itself; then a request that is delivered twice has
// made one certificate.
func TestKeyIDOfTheClientIsKept(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	path := "/applications/" + x.add("a").ID
	entry := `{"keyId":"11111111-2222-4333-8444-555555555555",` + keyJSON(certificate(t, "c"))[1:]
	for range 2 {
		x.want(204, "PATCH", path, `{"keyCredentials":[`+entry+`]}`)
	}
	keys := x.get(path).json["keyCredentials"].([]any)
	if len(keys) != 1 || keys[0].(map[string]any)["keyId"] != "11111111-2222-4333-8444-555555555555" {
		t.Errorf("made %v", keys)
	}
	x.want(204, "PATCH", path, `{"keyCredentials":[`+keyJSON(certificate(t, "d"))+`]}`)
	for range 2 { // without one it is another each time
		x.want(204, "PATCH", path, `{"keyCredentials":[`+keyJSON(certificate(t, "d"))+`]}`)
	}
	if n := x.facts("patchKeys"); n != 5 {
		t.Errorf("%d facts", n)
	}
}

// Entries of a SAML signing pair come back without their private half and have to
// go back as they came.
func TestSigningKeysGoBackAsTheyCame(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	der := certificate(t, "Microsoft Azure Federated SSO Certificate")
	sum := sha1.Sum(der)
	sp := &world.ServicePrincipal{Holder: world.Holder{ID: "5a5a5a5a-0000-4000-8000-000000000001", AppID: "5a5a5a5a-0000-4000-8000-000000000002", Name: "sso"}, Enabled: true, SSOMode: "saml"}
	from, to := time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0).Add(-time.Hour)
	sp.Keys = []*world.Key{
		{KeyID: "5a5a5a5a-0000-4000-8000-000000000003", Type: "X509CertAndPassword", Usage: "Sign", Thumbprint: sum[:], Starts: from, Ends: to},
		{KeyID: "5a5a5a5a-0000-4000-8000-000000000004", Type: "AsymmetricX509Cert", Usage: "Verify", Thumbprint: sum[:], DER: der, Starts: from, Ends: to},
	}
	x.w.Change(func() { x.w.Directory.AddServicePrincipal(sp) })
	path := "/servicePrincipals/" + sp.ID
	before := x.get(path + "?$select=keyCredentials")
	read, err := json.Marshal(before.json["keyCredentials"])
	if err != nil {
		t.Fatal(err)
	}
	x.want(204, "PATCH", path, `{"keyCredentials":`+strings.TrimSuffix(string(read), "]")+","+keyJSON(certificate(t, "mine"))+`]}`)
	after := x.get(path + "?$select=keyCredentials").json["keyCredentials"].([]any)
	kept, err := json.Marshal(after[:2])
	if err != nil || string(kept) != string(read) || len(after) != 3 {
		t.Errorf("the pair was\n%s\nand is\n%s", read, kept)
	}
	x.want(400, "PATCH", path, `{"keyCredentials":`+strings.Replace(string(read), "Sign", "Verify", 1)+`}`)
}
