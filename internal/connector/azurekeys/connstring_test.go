package azurekeys_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"rekey.example/rekey/internal/connector/azurekeys"
	"rekey.example/rekey/internal/sim"
)

const (
	oldKey = "b2xkIGtleSBvbGQga2V5IG9sZCBrZXkgb2xkIGtleSA="
	newKey = "bmV3IGtleSBuZXcga2V5IG5ldyBrZXkgbmV3IGtleSA="
)

func TestARewriteChangesTheKeyAlone(t *testing.T) {
	for _, text := range []string{
		oldKey,
		"DefaultEndpointsProtocol=https;AccountName=st;AccountKey=" + oldKey + ";EndpointSuffix=core.chinacloudapi.cn",
		"accountkey = " + oldKey + " ; AccountName=st",
		"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=rule;SharedAccessKey=" + oldKey,
		"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=rule;SharedAccessKey=" + oldKey + ";EntityPath=orders",
		"AccountEndpoint=https://a.documents.azure.com:443/;AccountKey=" + oldKey + ";",
		"AccountEndpoint=https://a.documents.azure.com:443/;AccountKey=" + oldKey + ";\n",
	} {
		if got := azurekeys.KeyOf(value(text)); got.Reveal() != oldKey {
			t.Errorf("%s: the key is not found", text)
		}
		got, err := azurekeys.Rewrite(value(text), value(newKey))
		if err != nil || got.Reveal() != strings.Replace(text, oldKey, newKey, 1) {
			t.Errorf("%s: rewritten as %q, %v", text, got.Reveal(), err)
		}
	}
}

// What is no form of a key is not overwritten with one.
func TestOtherValuesAreNotRewritten(t *testing.T) {
	for _, text := range []string{
		"", "hunter2", "Server=tcp:sql;Database=wms;User Id=app;Password=x", `{"key":"` + oldKey + `"}`,
		"BlobEndpoint=https://st.blob.core.windows.net/;SharedAccessSignature=sv=2021&sig=abc",
		"AccountKey=" + oldKey + ";SharedAccessKey=" + oldKey, "AccountKey=;AccountName=st", `{"c":"AccountName=st;AccountKey=` + oldKey + `"}`,
		strings.Repeat("AccountName=st;", 1000) + "AccountKey=" + oldKey,
	} {
		if got, err := azurekeys.Rewrite(value(text), value(newKey)); !errors.Is(err, azurekeys.ErrForm) || !got.IsZero() {
			t.Errorf("%.60q was rewritten", text)
		}
		if got := azurekeys.KeyOf(value(text)); got.Reveal() != text || azurekeys.Form(value(text)) != "" {
			t.Errorf("%.60q is taken for a key", text)
		}
	}
}

func TestDerivedFormsAreThoseOfTheType(t *testing.T) {
	s := settle(t, sim.Config{})
	h := s.holder(resources[0])
	if _, err := azurekeys.Derive("", h, azurekeys.FormConnectionString, value(newKey)); !errors.Is(err, azurekeys.ErrForm) {
		t.Errorf("a topic has no connection string: %v", err)
	}
	if _, err := azurekeys.Derive("Microsoft.Storage/storageAccounts", h, azurekeys.FormKey, value(newKey)); !errors.Is(err, azurekeys.ErrKind) {
		t.Errorf("of another type: %v", err)
	}
	if _, err := azurekeys.Derive("", s.holder(resources[1]), azurekeys.FormConnectionString, value("a;AccountName=other")); !errors.Is(err, azurekeys.ErrForm) {
		t.Errorf("a key that would add a part: %v", err)
	}
	for _, r := range resources {
		h := s.holder(r)
		if got, err := azurekeys.Derive(r.kind, h, azurekeys.FormKey, value(newKey)); err != nil || got.Reveal() != newKey {
			t.Errorf("%s: %v", r.name, err)
		}
		if r == resources[0] {
			continue
		}
		got, err := azurekeys.Derive(strings.ToLower(r.kind), h, azurekeys.FormConnectionString, value(newKey))
		if err != nil || azurekeys.KeyOf(got).Reveal() != newKey || azurekeys.Form(got) != azurekeys.FormConnectionString {
			t.Errorf("%s: %q, %v", r.name, got.Reveal(), err)
		}
		part := strings.Split(r.name, "/")
		if len(part) == 3 && !strings.HasSuffix(got.Reveal(), ";EntityPath="+part[1]) || !strings.Contains(got.Reveal(), part[0]) {
			t.Errorf("%s: %q", r.name, got.Reveal())
		}
	}
}

// A rewritten value has the new key and everything else as it was.
func FuzzRewrite(f *testing.F) {
	for _, text := range []string{oldKey, "AccountName=st;AccountKey=" + oldKey, ";;=;AccountKey= " + oldKey + ";", "SharedAccessKey=\u00a0" + oldKey, "AccountKey=a=;accountkey=b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key := azurekeys.KeyOf(value(text)).Reveal()
		got, err := azurekeys.Rewrite(value(text), value(newKey))
		if err != nil {
			if key != text || !got.IsZero() {
				t.Errorf("%q has a key and is not rewritten", text)
			}
			return
		}
		if azurekeys.KeyOf(got).Reveal() != newKey {
			t.Errorf("%q became %q", text, got.Reveal())
		}
		before, after, found := strings.Cut(got.Reveal(), newKey)
		if !found || azurekeys.Form(value(text)) == azurekeys.FormConnectionString && before+key+after != text {
			t.Errorf("%q became %q", text, got.Reveal())
		}
		if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key)); err != nil || len(raw) < 16 {
			t.Errorf("%q is no key", key)
		}
	})
}
