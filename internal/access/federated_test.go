package access_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/issuer"
	"rekey.example/rekey/internal/sim/world"
)

const audience = "api://rekey"

// jobs is a federation that trusts the three issuers of the pretended clouds.
type jobs struct {
	cloud      *sim.Cloud
	federation *access.Federation
	asked      int // requests for documents
}

func newJobs(t testing.TB) *jobs {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	j := &jobs{cloud: cloud}
	tenant := cloud.Tenant().ID
	j.federation = access.NewFederation(tenant, []access.Trust{
		{Name: "github", Issuer: "https://" + issuer.GitHub, Audience: audience, Subject: "repo:contoso/*:ref:refs/heads/main", Claims: map[string]string{"repository_owner": "contoso"}, Role: access.User},
		{Name: "devops", Issuer: "https://" + issuer.DevOps + "/org-1", Audience: audience, Subject: "sc://contoso/finance/rekey", Role: access.Auditor},
		{Name: "identity", Issuer: "https://sts.windows.net/" + tenant + "/", Audience: audience, Subject: "11111111-2222-4333-8444-555555555555", Role: access.User, Only: []access.Action{access.ReadInventory}},
	}, cloud.RoundTripper(sim.Hooks{Before: func(*http.Request) { j.asked++ }}))
	return j
}

func (j *jobs) claims(kind string) map[string]any {
	now := time.Now()
	c := map[string]any{"aud": audience, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix()}
	switch kind {
	case "github":
		maps.Copy(c, map[string]any{"iss": "https://" + issuer.GitHub, "sub": "repo:contoso/infra:ref:refs/heads/main", "repository_owner": "contoso", "jti": "x"})
	case "devops":
		maps.Copy(c, map[string]any{"iss": "https://" + issuer.DevOps + "/org-1", "sub": "sc://contoso/finance/rekey"})
	case "identity":
		id := "11111111-2222-4333-8444-555555555555"
		maps.Copy(c, map[string]any{"iss": "https://sts.windows.net/" + j.cloud.Tenant().ID + "/", "sub": id, "oid": id, "tid": j.cloud.Tenant().ID, "idtyp": "app"})
	}
	return c
}

func (j *jobs) sign(t testing.TB, kind string, claims map[string]any) string {
	t.Helper()
	var token string
	var err error
	switch kind {
	case "identity":
		token, err = j.cloud.World().Signer.Sign(claims)
	case "devops":
		token, err = j.cloud.Issue(issuer.DevOps, claims)
	default:
		token, err = j.cloud.Issue(issuer.GitHub, claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestProgramsComeWithTokensOfOtherIssuers(t *testing.T) {
	j := newJobs(t)
	for kind, want := range map[string]access.Actor{
		"github":   {ID: "federated:github:repo:contoso/infra:ref:refs/heads/main", Person: "federated:github", Role: access.User},
		"devops":   {ID: "federated:devops:sc://contoso/finance/rekey", Person: "federated:devops", Role: access.Auditor},
		"identity": {ID: "federated:identity:11111111-2222-4333-8444-555555555555", Person: access.EntraPerson(j.cloud.Tenant().ID, "11111111-2222-4333-8444-555555555555"), Role: access.User, Owner: "11111111-2222-4333-8444-555555555555", Only: "inventory.read"},
	} {
		for range 3 {
			got, err := j.federation.Authenticate(t.Context(), secret.New(j.sign(t, kind, j.claims(kind))))
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if got.ID != want.ID || got.Person != want.Person || got.Role != want.Role || got.Owner != want.Owner || got.Only != want.Only || got.Tenant != j.cloud.Tenant().ID {
				t.Errorf("%s: %+v", kind, got)
			}
		}
	}
	if j.asked != 6 {
		t.Errorf("%d requests, want two for each issuer: keys are kept", j.asked)
	}
}

// TestBadTokens: 500 and more tokens that must not be taken, each with one answer
// (SAFETY S1).
func TestBadTokens(t *testing.T) {
	j := newJobs(t)
	refused := 0
	refuse := func(what, token string) {
		t.Helper()
		refused++
		a, err := j.federation.Authenticate(t.Context(), secret.New(token))
		if !errors.Is(err, access.ErrUnauthenticated) || err.Error() != access.ErrUnauthenticated.Error() || a != (access.Actor{}) {
			t.Errorf("%s: %+v, %v", what, a, err)
		}
	}
	for _, kind := range []string{"github", "devops", "identity"} {
		good := j.sign(t, kind, j.claims(kind))
		if _, err := j.federation.Authenticate(t.Context(), secret.New(good)); err != nil {
			t.Fatal(err)
		}
		for what, change := range wrongClaims(j, kind) {
			c := j.claims(kind)
			for name, v := range change {
				if v == nil {
					delete(c, name)
				} else {
					c[name] = v
				}
			}
			refuse(kind+" "+what, j.sign(t, kind, c))
		}
		for what, token := range forged(t, good, j.cloud.World().Signer) {
			refuse(kind+" "+what, token)
		}
		parts := strings.Split(good, ".")
		for i := range 60 { // one letter of each part is another
			for p := range parts {
				changed := append([]string(nil), parts...)
				at := (i * 7) % (len(changed[p]) - 1)
				letter := byte('A')
				if changed[p][at] == 'A' {
					letter = 'B'
				}
				changed[p] = changed[p][:at] + string(letter) + changed[p][at+1:]
				refuse(fmt.Sprintf("%s part %d letter %d", kind, p, at), strings.Join(changed, "."))
			}
		}
	}
	for _, token := range []string{"", ".", "..", "...", "a.b.c", "a.b", "rk_x", strings.Repeat("a", 100_000), strings.Repeat("a.", 50_000), "\x00.\x00.\x00", "eyJ.eyJ.eyJ", "e30.e30.e30", "e30.e30.", "null", "bnVsbA.bnVsbA.bnVsbA", "W10.W10.W10"} {
		refuse("malformed", token)
	}
	if refused < 500 {
		t.Errorf("only %d tokens were tried", refused)
	}
	if j.asked > 12 {
		t.Errorf("strangers caused %d requests", j.asked)
	}
	t.Logf("%d bad tokens were refused, with %d requests to issuers", refused, j.asked)
}

func wrongClaims(j *jobs, kind string) map[string]map[string]any {
	now := time.Now()
	ago := func(d time.Duration) int64 { return now.Add(-d).Unix() }
	list := map[string]map[string]any{
		"expired": {"exp": ago(2 * time.Minute)}, "expired long ago": {"exp": 1}, "without an end": {"exp": nil}, "end as text": {"exp": "9999999999"}, "end is not a number": {"exp": 1e300},
		"not yet": {"nbf": ago(-2 * time.Minute)}, "made in the future": {"iat": ago(-2 * time.Minute)}, "too long": {"exp": ago(-48 * time.Hour)}, "negative": {"exp": -1},
		"another audience": {"aud": "api://other"}, "no audience": {"aud": nil}, "several audiences": {"aud": []string{audience, "api://other"}}, "audience as number": {"aud": 1},
		"empty audiences": {"aud": []string{}}, "audience with a slash": {"aud": audience + "/"}, "audience in capitals": {"aud": strings.ToUpper(audience)},
		"another issuer": {"iss": "https://evil.example"}, "no issuer": {"iss": nil}, "issuer with a slash more": {"iss": fmt.Sprint(j.claims(kind)["iss"]) + "/"}, "issuer as list": {"iss": []string{"x"}},
		"issuer in capitals": {"iss": strings.ToUpper(fmt.Sprint(j.claims(kind)["iss"]))}, "no subject": {"sub": nil}, "another subject": {"sub": "x"}, "subject as number": {"sub": 7},
		"subject longer": {"sub": fmt.Sprint(j.claims(kind)["sub"]) + "x"}, "subject with a line": {"sub": fmt.Sprint(j.claims(kind)["sub"]) + "\n"},
	}
	switch kind {
	case "github":
		maps.Copy(list, map[string]map[string]any{
			"another owner": {"repository_owner": "evil"}, "owner missing": {"repository_owner": nil}, "owner as list": {"repository_owner": []string{"contoso"}},
			"a fork": {"sub": "repo:evil/infra:ref:refs/heads/main"}, "a branch": {"sub": "repo:contoso/infra:ref:refs/heads/evil"}, "a pull request": {"sub": "repo:contoso/infra:pull_request"},
			"a star across segments": {"sub": "repo:contoso/x:ref:refs/heads/evil:ref:refs/heads/main"}, "a slash in the star": {"sub": "repo:contoso/x/y:ref:refs/heads/main"}, "main-evil": {"sub": "repo:contoso/infra:ref:refs/heads/main-evil"},
		})
	case "identity":
		maps.Copy(list, map[string]map[string]any{
			"another tenant": {"tid": "22222222-2222-4222-8222-222222222222"}, "no tenant": {"tid": nil}, "a person's": {"scp": "user_impersonation"}, "no object": {"oid": nil}, "an object that is none": {"oid": "x"},
		})
	}
	return list
}

// forged are tokens that the issuer has not signed.
func forged(t testing.TB, good string, other *world.Signer) map[string]string {
	t.Helper()
	parts := strings.Split(good, ".")
	var header map[string]any
	raw, _ := base64.RawURLEncoding.DecodeString(parts[0])
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	mine, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{
		"no signature": parts[0] + "." + parts[1] + ".", "twice": good + "." + good, "nested": enc([]byte(good)) + "." + enc([]byte(good)) + "." + parts[2], "a tail": good + ".x",
		"spaces": good + " ", "padding": good + "==", "JSON serialization": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
	}
	for what, change := range map[string]map[string]any{
		"alg none": {"alg": "none"}, "alg None": {"alg": "None"}, "alg empty": {"alg": ""}, "alg HS256": {"alg": "HS256"}, "alg HS512": {"alg": "HS512"}, "alg ES256": {"alg": "ES256"}, "alg EdDSA": {"alg": "EdDSA"},
		"alg RS384": {"alg": "RS384"}, "alg PS256": {"alg": "PS256"}, "alg RS1": {"alg": "RS1"}, "alg missing": {"alg": nil}, "alg as number": {"alg": 256},
		"unknown key": {"kid": "nobody's"}, "no key": {"kid": nil}, "key as a path": {"kid": "../../../dev/null"}, "key as SQL": {"kid": "x' UNION SELECT 'y"},
		"own key in the header": {"jwk": map[string]any{"kty": "RSA", "n": enc(mine.N.Bytes()), "e": "AQAB"}}, "own key by address": {"jku": "https://evil.example/keys", "kid": "evil"}, "own certificate": {"x5u": "https://evil.example/cert", "kid": "evil"},
		"critical": {"crit": []string{"b64"}, "b64": false}, "zipped": {"zip": "DEF"}, "encrypted": {"enc": "A256GCM", "alg": "dir"},
	} {
		h := maps.Clone(header)
		for name, v := range change {
			if v == nil {
				delete(h, name)
			} else {
				h[name] = v
			}
		}
		raw, _ := json.Marshal(h)
		signed := enc(raw) + "." + parts[1]
		out[what+", unsigned"] = signed + "."
		out[what+", old signature"] = signed + "." + parts[2]
		sum := sha256.Sum256([]byte(signed))
		sig, err := rsa.SignPKCS1v15(nil, mine, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		out[what+", own signature"] = signed + "." + enc(sig)
		public, _ := json.Marshal(other.Key())
		mac := hmac.New(sha256.New, public)
		mac.Write([]byte(signed))
		out[what+", HMAC with the public key"] = signed + "." + enc(mac.Sum(nil))
	}
	return out
}

func enc(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func FuzzFederated(f *testing.F) {
	j := newJobs(f)
	good := j.sign(f, "github", j.claims("github"))
	f.Add(good)
	f.Add("e30.e30.e30")
	f.Fuzz(func(t *testing.T, token string) {
		if token == good {
			return
		}
		if a, err := j.federation.Authenticate(t.Context(), secret.New(token)); err == nil && strings.TrimRight(token, "=") != good {
			t.Errorf("%q is %+v", token, a)
		}
	})
}
