package entra

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey.example/rekey/internal/inventory"
)

// general is what an application looks like to encoding/json.
type general struct {
	ID                        string     `json:"id"`
	AppID                     string     `json:"appId"`
	DisplayName               string     `json:"displayName"`
	CreatedDateTime           *time.Time `json:"createdDateTime"`
	SignInAudience            string     `json:"signInAudience"`
	Notes                     string     `json:"notes"`
	AccountEnabled            *bool      `json:"accountEnabled"`
	ServicePrincipalType      string     `json:"servicePrincipalType"`
	PreferredSingleSignOnMode string     `json:"preferredSingleSignOnMode"`
	AppOwnerOrganizationID    string     `json:"appOwnerOrganizationId"`
	Owners                    []struct {
		Type              string `json:"@odata.type"`
		ID                string `json:"id"`
		DisplayName       string `json:"displayName"`
		Mail              string `json:"mail"`
		UserPrincipalName string `json:"userPrincipalName"`
	} `json:"owners"`
	PasswordCredentials []generalCredential `json:"passwordCredentials"`
	KeyCredentials      []generalCredential `json:"keyCredentials"`
}

type generalCredential struct {
	KeyID               string     `json:"keyId"`
	DisplayName         string     `json:"displayName"`
	Hint                string     `json:"hint"`
	CustomKeyIdentifier string     `json:"customKeyIdentifier"`
	Usage               string     `json:"usage"`
	StartDateTime       *time.Time `json:"startDateTime"`
	EndDateTime         *time.Time `json:"endDateTime"`
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// read gives what the reader should give.
func (g *general) read() inventory.Object {
	o := inventory.Object{Application: inventory.Application{
		ObjectID: inventory.ObjectID(g.ID), ClientID: inventory.ClientID(g.AppID), Holder: inventory.InServicePrincipals, Name: g.DisplayName,
		Audience: g.SignInAudience, Home: g.AppOwnerOrganizationID, Kind: g.ServicePrincipalType, SSO: g.PreferredSingleSignOnMode,
		Notes: g.Notes, Enabled: g.AccountEnabled == nil || *g.AccountEnabled, Created: at(g.CreatedDateTime),
	}}
	for _, x := range g.Owners {
		kind := "user"
		if x.Type != "" {
			kind = strings.TrimPrefix(x.Type, "#microsoft.graph.")
		}
		mail := x.Mail
		if mail == "" {
			mail = x.UserPrincipalName
		}
		o.Owners = append(o.Owners, inventory.Owner{ObjectID: inventory.ObjectID(x.ID), Kind: kind, Name: x.DisplayName, Mail: mail})
	}
	signing := map[string]bool{}
	for _, c := range g.KeyCredentials {
		if c.Usage == "Sign" && c.CustomKeyIdentifier != "" {
			signing[c.CustomKeyIdentifier] = true
		}
	}
	add := func(c generalCredential, kind inventory.Kind) {
		if c.Usage == "Sign" || signing[c.CustomKeyIdentifier] {
			kind = inventory.SAMLSigning
		}
		n := inventory.Credential{KeyID: c.KeyID, Kind: kind, Label: c.DisplayName, Hint: c.Hint, Starts: at(c.StartDateTime), Expires: at(c.EndDateTime)}
		for _, k := range o.Credentials {
			if k.KeyID == n.KeyID {
				return
			}
		}
		o.Credentials = append(o.Credentials, n)
	}
	for _, c := range g.PasswordCredentials {
		add(c, inventory.ClientSecret)
	}
	for _, c := range g.KeyCredentials {
		add(c, inventory.Certificate)
	}
	return o
}

var examples = []string{
	`{"id":"o1","appId":"c1","displayName":"D365 Basware invoice export","passwordCredentials":[{"customKeyIdentifier":null,"displayName":"key1","endDateTime":"2024-05-07T06:52:43Z","hint":"yXo","keyId":"k1","secretText":null,"startDateTime":"2022-05-07T06:52:43.1234567Z"}],"keyCredentials":[]}`,
	` { "id" : "o2" , "web" : { "a":[1,2.5e3,{"b":"}]\""}], "c":null } , "displayName" : "Gr\u00fc\u00dfe \ud83d\ude00 \ud800 \\ \/ \n" , "accountEnabled" : false , "notes" : null } `,
	`{"id":"o3","owners":[{"@odata.type":"#microsoft.graph.servicePrincipal","id":"p1","displayName":"robot"},{"@odata.type":"#microsoft.graph.user","id":"u1","displayName":"Åsa","mail":null,"userPrincipalName":"asa@contoso.com"}],"createdDateTime":"2024-02-29T23:59:59Z"}`,
	`{"id":"o4","preferredSingleSignOnMode":"saml","passwordCredentials":[{"keyId":"s1","customKeyIdentifier":"AAAA"}],"keyCredentials":[{"keyId":"s1","usage":"Sign","customKeyIdentifier":"AAAA","type":"X509CertAndPassword"},{"keyId":"v1","usage":"Verify","customKeyIdentifier":"AAAA"},{"keyId":"other","usage":"Verify","customKeyIdentifier":"BBBB"}]}`,
	`{"id":"o5","display\u004eame":"escaped name","tags":[],"api":{},"info":{"x":"` + strings.Repeat(`\\`, 70) + `"}}`,
	`{"id":"o6","displayName":"` + strings.Repeat("long ", 2000) + `\u0000\u001b[31m"}`,
}

func TestReaderReadsWhatEncodingJSONReads(t *testing.T) {
	for _, text := range examples {
		compare(t, []byte(text))
	}
}

func compare(t *testing.T, raw []byte) {
	t.Helper()
	var g general
	if err := json.Unmarshal(raw, &g); err != nil || g.ID == "" {
		return
	}
	want := g.read()
	var r reader
	var got inventory.Object
	if err := r.read(raw, &got, inventory.InServicePrincipals); err != nil {
		t.Fatalf("refused a document that encoding/json takes: %v\n%s", err, raw)
	}
	for i := range got.Credentials {
		got.Credentials[i].Thumbprint = "" // compared in the thumbprint's own test
	}
	got.Has, got.Hidden, want.Hidden = 0, false, false
	if len(got.Owners) == 0 {
		got.Owners = nil
	}
	if len(got.Credentials) == 0 {
		got.Credentials = nil
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("differs from encoding/json (-want +got):\n%s", d)
	}
}

func FuzzReader(f *testing.F) {
	for _, text := range examples {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r reader
		var o inventory.Object
		err := r.read(raw, &o, inventory.InServicePrincipals) // whatever comes, no panic
		// Names that differ in case only, repeated ones, and values where
		// encoding/json is picky or generous are not for comparing.
		var plain map[string]any
		if json.Unmarshal(raw, &plain) != nil || err != nil {
			return
		}
		again, _ := json.Marshal(plain)
		if len(again) < len(raw)/2 || strings.Count(string(raw), `"`) != strings.Count(string(again), `"`) {
			return
		}
		if otherCase(plain) {
			return
		}
		if strings.Contains(string(again), `"customKeyIdentifier":"`) {
			return // old descriptions are read by one of the two only
		}
		compare(t, again)
	})
}

// otherCase reports whether a name differs from one we know in its case only:
// encoding/json takes it for the same.
func otherCase(v any) bool {
	const known = principalFields + ",owners,@odata.type,mail,userPrincipalName,keyId,hint,customKeyIdentifier,usage,startDateTime,endDateTime"
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, otherCase)
	case map[string]any:
		for name, inner := range v {
			for k := range strings.SplitSeq(known, ",") {
				if strings.EqualFold(name, k) && name != k || otherCase(inner) {
					return true
				}
			}
		}
	}
	return false
}

func TestScannerStepsOverAnything(t *testing.T) {
	for _, good := range []string{`{}`, `[]`, `"a\"b"`, `-1.5e+9`, `null`, `[[[{}]]]`, `{"a":{"b":[true,false,null,"]}"]}}`, strings.Repeat("[", deepest) + strings.Repeat("]", deepest)} {
		s := scanner{b: []byte(good)}
		if err := s.skip(); err != nil || s.next() != 0 {
			t.Errorf("did not step over %s: %v, at %d", good, err, s.i)
		}
	}
	for _, bad := range []string{``, `{`, `[}`, `{"a":`, `"open`, `"open\"`, `nul`, `x`, `[1,2`, strings.Repeat("[", deepest+1) + strings.Repeat("]", deepest+1)} {
		s := scanner{b: []byte(bad)}
		if s.skip() == nil {
			t.Errorf("stepped over %q", bad)
		}
	}
}

func TestPlainTimesAreThoseOfPackageTime(t *testing.T) {
	for day := time.Date(1583, 1, 1, 23, 59, 58, 0, time.UTC); day.Year() < 2500; day = day.AddDate(0, 0, 1) {
		text := day.Format(time.RFC3339)
		if got, ok := plainTime([]byte(text)); !ok || !got.Equal(day) {
			t.Fatalf("%s: got %s, %v", text, got, ok)
		}
	}
	for _, bad := range []string{"2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-04-31T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00+", "2024-0a-01T00:00:00Z"} {
		if _, ok := plainTime([]byte(bad)); ok {
			t.Errorf("took %s", bad)
		}
	}
}

func TestOldDescriptionsAreRead(t *testing.T) {
	for custom, want := range map[string]string{"bQB5ACAAawBlAHkA": "my key", "bXkga2V5": "my key", "!!": ""} {
		if got := oldDescription(custom); got != want {
			t.Errorf("%s: got %q, want %q", custom, got, want)
		}
	}
}

func TestSigningPasswordIsKnownByItsThumbprintInAnyForm(t *testing.T) {
	raw := `{"id":"o","passwordCredentials":[{"keyId":"p","customKeyIdentifier":"AAECAwQFBgcICQoLDA0ODxAREhM="}],
		"keyCredentials":[{"keyId":"s","usage":"Sign","customKeyIdentifier":"000102030405060708090A0B0C0D0E0F10111213"}]}`
	var r reader
	var o inventory.Object
	if err := r.read([]byte(raw), &o, inventory.InServicePrincipals); err != nil {
		t.Fatal(err)
	}
	for _, c := range o.Credentials {
		if c.Kind != inventory.SAMLSigning {
			t.Errorf("%s is a %s, want %s", c.KeyID, c.Kind, inventory.SAMLSigning)
		}
	}
}

func TestServicesOfMicrosoftAreHiddenUnlessTheyHoldCredentials(t *testing.T) {
	for credentials, want := range map[string]bool{`[]`: true, `[{"keyId":"k"}]`: false} {
		var r reader
		var o inventory.Object
		raw := fmt.Sprintf(`{"id":"o","appOwnerOrganizationId":%q,"passwordCredentials":%s}`, microsoft, credentials)
		if err := r.read([]byte(raw), &o, inventory.InServicePrincipals); err != nil || o.Hidden != want {
			t.Errorf("with credentials %s: hidden = %v, %v; want %v", credentials, o.Hidden, err, want)
		}
	}
}
