package connector

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

const (
	site    = "/subscriptions/99999999-8888-4777-8666-555555555555/resourceGroups/rg-pay/providers/Microsoft.Web/sites/func-pay"
	version = "0123456789abcdef0123456789abcdef"
)

func TestReferencesAreWhatTheySay(t *testing.T) {
	for text, want := range map[string]Reference{
		"kv-pay/basware":                        {Route: ReadsVault, Place: inventory.Place{Vault: "kv-pay", Name: "basware"}},
		" kv-pay/basware ":                      {Route: ReadsVault, Place: inventory.Place{Vault: "kv-pay", Name: "basware"}},
		"kv-pay.vault.azure.net/basware":        {Route: ReadsVault, Place: inventory.Place{Vault: "kv-pay.vault.azure.net", Name: "basware"}},
		"embedded/basware":                      {Route: ReadsVault, Place: inventory.Place{Vault: "embedded", Name: "basware"}},
		"kv-pay/basware@" + version:             {Route: ReadsVault, Place: inventory.Place{Vault: "kv-pay", Name: "basware", Version: version}},
		"app:" + site:                           {Route: ReadsAsApp, Site: site, Name: "func-pay"},
		"app:" + site + "/slots/staging":        {Route: ReadsAsApp, Site: site + "/slots/staging", Name: "func-pay/staging"},
		"webhook:billing":                       {Route: ByWebhook, Name: "billing"},
		"hook:restart_portal":                   {Route: ByHook, Name: "restart_portal"},
		"person:nora@contoso.com":               {Route: ByPerson, Name: "nora@contoso.com"},
		"":                                      {Route: ByPerson},
		"the gateway's page, under Connections": {Route: ByPerson, Name: "the gateway's page, under Connections"},
		"kv-pay/basware@":                       {Route: ByPerson, Name: "kv-pay/basware@"},
		"kv-pay/two/parts":                      {Route: ByPerson, Name: "kv-pay/two/parts"},
		"https://contoso.com/x":                 {Route: ByPerson, Name: "https://contoso.com/x"},
	} {
		if got, err := ParseReference(text); err != nil || got != want {
			t.Errorf("%q: got %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"webhook:", "webhook:https://evil.example/", "hook:/bin/sh -c", "hook:../x", "app:", "app:" + site + "/config/appsettings", "app:" + site + "/slots/",
		"app:/subscriptions/x/resourceGroups/y/providers/Microsoft.Web/sites/z", "app:" + strings.Replace(site, "rg-pay", "rg/../pay", 1),
		"person:a\nb", "person:\u202egro.osotnoc", strings.Repeat("x", 2049), "a\xffb",
	} {
		if got, err := ParseReference(text); !errors.Is(err, ErrReference) {
			t.Errorf("%q: got %+v, %v; want a refusal", text, got, err)
		}
	}
}

func TestOnlyANameWithoutAVersionReads(t *testing.T) {
	p := inventory.Place{Vault: "kv-pay.vault.azure.net", Name: "basware", Version: version}
	for text, want := range map[string]bool{
		"kv-pay/basware": true, "KV-PAY/Basware": true, "kv-pay.vault.azure.net/basware": true,
		"kv-pay/basware@" + version: false, "kv-pay/other": false, "kv-hr/basware": false, "person:kv-pay/basware": false, "app:" + site: false,
	} {
		r, err := ParseReference(text)
		if err != nil || r.Reads(p) != want {
			t.Errorf("%q: %v, %v; want %v", text, r.Reads(p), err, want)
		}
		if pinned := strings.Contains(text, "@"); r.Pinned() != pinned {
			t.Errorf("%q: pinned %v", text, r.Pinned())
		}
	}
}

// FuzzReference: whatever is read is printable, and is read as the same again.
func FuzzReference(f *testing.F) {
	for _, s := range []string{"kv-pay/basware@" + version, "app:" + site + "/slots/s", "webhook:a", "hook:b", "person:c", "free text", "person: person:x", "a:b/c@d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseReference(s)
		if err != nil {
			return
		}
		again, err := ParseReference(r.String())
		if err != nil || again.String() != r.String() || again.Route != r.Route {
			t.Errorf("%q became %q, which is %+v, %v", s, r.String(), again, err)
		}
		if r.Pinned() && r.Reads(r.Place) {
			t.Errorf("%q is pinned and follows", s)
		}
	})
}

// shelf is a vault with one version.
type shelf struct{ now string }

func (s *shelf) Put(context.Context, string, Deposit) (string, error) { return "", ErrNotApplied }
func (s *shelf) Get(context.Context, string) (Deposit, error) {
	return Deposit{Value: secret.New("x"), Version: s.now}, nil
}

func TestAReaderHasMovedWhenTheCurrentVersionIsOurs(t *testing.T) {
	v := &shelf{now: "old"}
	change := Change{Consumer: "Export", Place: inventory.Place{Vault: "kv-pay", Name: "basware", Version: "new"}}
	look := func(reference string) Moved {
		t.Helper()
		ref, err := ParseReference(reference)
		if err != nil {
			t.Fatal(err)
		}
		r := &Reader{Reference: ref, Vault: func(string) (Vault, error) { return v, nil }}
		m, err := r.Moved(t.Context(), change)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := look("kv-pay/basware"); m.Yes || m.Why == "" {
		t.Errorf("before: %+v", m)
	}
	v.now = "new"
	if m := look("kv-pay/basware"); !m.Yes || m.Proof == "" {
		t.Errorf("after: %+v", m)
	}
	if m := look("kv-pay/basware@old"); m.Yes || !strings.Contains(m.Person, "without a version") {
		t.Errorf("pinned to the old one: %+v", m)
	}
	if m := look("kv-pay/basware@new"); !m.Yes {
		t.Errorf("pinned to the new one: %+v", m)
	}
}

func TestAnEventHoldsNoPartOfAValue(t *testing.T) {
	c := Change{
		Rotation: "r-1", Request: "q-1", Consumer: "Export", Application: inventory.Application{Tenant: "t", ObjectID: "o", Name: "Basware"},
		New: inventory.Credential{KeyID: "k2", Hint: "Xyz", Expires: time.Now()}, Place: inventory.Place{Vault: "kv-pay", Name: "basware", Version: "v"},
	}
	b := c.Event(Switched, "q-1")
	if strings.Contains(string(b), "Xyz") {
		t.Errorf("the hint is in %s", b)
	}
	var e map[string]any
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"specversion": "1.0", "id": "q-1", "type": Switched, "source": "urn:rekey:tenant:t", "datacontenttype": "application/json", "subject": "o"} {
		if e[name] != want {
			t.Errorf("%s is %v, want %s", name, e[name], want)
		}
	}
}
