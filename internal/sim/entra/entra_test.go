package entra

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
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const (
	tenantID = "8d4f7c11-52a6-4b8e-9f0a-2f6f5f1b7c01"
	clientID = "c0ffee00-0000-4000-8000-000000000002"
	objectID = "c0ffee00-0000-4000-8000-000000000001"
	secret   = "abc8Q~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAcWd"
)

// signer is one token signing key for all tests.
var signer = sync.OnceValue(func() *world.Signer {
	s, err := world.NewSigner()
	if err != nil {
		panic(err)
	}
	return s
})

// tenant is a pretended Entra with one client.
type tenant struct {
	*testing.T
	w       *world.World
	handler http.Handler
	app     *world.Application
	sp      *world.ServicePrincipal
}

func newTenant(t *testing.T, c world.Config) *tenant {
	t.Helper()
	c.Tenant = world.Tenant{ID: tenantID, Domain: "contoso.com", Name: "Contoso"}
	c.Signer = signer()
	w, err := world.New(c)
	if err != nil {
		t.Fatal(err)
	}
	x := &tenant{T: t, w: w, handler: Handler(w)}
	now := time.Now()
	x.app = &world.Application{Holder: world.Holder{
		ID: "c0ffee00-0000-4000-8000-000000000003", AppID: clientID, Name: "client",
		Passwords: []*world.Password{
			{KeyID: "live", Text: secret, Starts: now.AddDate(-1, 0, 0), Ends: now.AddDate(1, 0, 0)},
			{KeyID: "old", Text: "expired", Starts: now.AddDate(-2, 0, 0), Ends: now.AddDate(0, 0, -1)},
			{KeyID: "next", Text: "future", Starts: now.AddDate(0, 0, 1), Ends: now.AddDate(1, 0, 0)},
		},
	}}
	x.sp = &world.ServicePrincipal{
		Holder: world.Holder{ID: objectID, AppID: clientID, Name: "client", Passwords: []*world.Password{
			{KeyID: "on the principal", Text: "sp secret", Starts: now.AddDate(-1, 0, 0), Ends: now.AddDate(1, 0, 0)},
		}},
		Enabled: true, Roles: []string{"Application.Read.All"},
	}
	api := &world.Application{Holder: world.Holder{ID: "a1", AppID: "aaaaaaaa-0000-4000-8000-00000000000a", Name: "api"}, IdentifierURIs: []string{"api://orders"}}
	apiPrincipal := &world.ServicePrincipal{Holder: world.Holder{ID: "a2", AppID: api.AppID, Name: "api"}, Enabled: true}
	x.sp.Grants = []world.Grant{{RoleValue: "Orders.Read", ResourceID: "a2"}}
	alone := &world.Application{Holder: world.Holder{ID: "b1", AppID: "bbbbbbbb-0000-4000-8000-00000000000b", Name: "without principal"}}
	off := &world.ServicePrincipal{Holder: world.Holder{ID: "d1", AppID: "dddddddd-0000-4000-8000-00000000000d", Name: "off"}}
	w.Change(func() {
		w.Directory.AddApplication(x.app)
		w.Directory.AddServicePrincipal(x.sp)
		w.Directory.AddApplication(api)
		w.Directory.AddServicePrincipal(apiPrincipal)
		w.Directory.AddApplication(alone)
		w.Directory.AddServicePrincipal(off)
	})
	return x
}

// form is a good request; pairs change it, an empty name takes the field away.
func form(pairs ...string) url.Values {
	v := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret}, "scope": {"https://graph.microsoft.com/.default"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		} else {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

type reply struct {
	status int
	header http.Header
	json   map[string]any
	text   string
}

func (x *tenant) send(r *http.Request) reply {
	x.Helper()
	rec := httptest.NewRecorder()
	x.handler.ServeHTTP(rec, r)
	p := reply{status: rec.Code, header: rec.Result().Header, text: rec.Body.String()}
	if err := json.Unmarshal(rec.Body.Bytes(), &p.json); err != nil && rec.Code != 404 {
		x.Fatalf("%s: not JSON: %s", r.URL, p.text)
	}
	return p
}

func (x *tenant) get(address string) reply {
	x.Helper()
	return x.send(httptest.NewRequest("GET", address, nil))
}

func post(path string, v url.Values) *http.Request {
	r := httptest.NewRequest("POST", "https://login.microsoftonline.com/"+path, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (x *tenant) token(v url.Values) reply {
	x.Helper()
	return x.send(post(tenantID+"/oauth2/v2.0/token", v))
}

// code is the AADSTS number of a refusal, 0 for a token.
func (p reply) code() int {
	codes, _ := p.json["error_codes"].([]any)
	if len(codes) == 0 {
		return 0
	}
	return int(codes[0].(float64))
}

// claims are those of the token.
func (x *tenant) claims(p reply) world.Claims {
	x.Helper()
	var c world.Claims
	token, _ := p.json["access_token"].(string)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		x.Fatalf("no token: %s", p.text)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &c) != nil {
		x.Fatalf("claims of %s", token)
	}
	return c
}

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// certify gives the client a certificate and returns it.
func (x *tenant) certify(keyID string, from, until time.Time) []byte {
	x.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: keyID}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &signingKey().PublicKey, signingKey())
	if err != nil {
		x.Fatal(err)
	}
	x.w.Change(func() {
		x.app.Keys = append(x.app.Keys, &world.Key{KeyID: keyID, Type: "AsymmetricX509Cert", Usage: "Verify", DER: der, Starts: from, Ends: until})
	})
	return der
}

// assertion signs claims with the client's key.
func assertion(t *testing.T, algorithm string, header, claims map[string]any) string {
	t.Helper()
	header["alg"], header["typ"] = algorithm, "JWT"
	h, err1 := json.Marshal(header)
	c, err2 := json.Marshal(claims)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	signed := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
	sum := sha256.Sum256([]byte(signed))
	var sig []byte
	var err error
	if algorithm == "PS256" {
		sig, err = rsa.SignPSS(rand.Reader, signingKey(), crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		sig, err = rsa.SignPKCS1v15(nil, signingKey(), crypto.SHA256, sum[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func thumb(der []byte) string {
	sum := sha1.Sum(der)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func thumb256(der []byte) string {
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
