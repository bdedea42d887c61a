package ui_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/server/ui"
)

// hostile are names as somebody may give them to an application.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg onload=alert(1)>`, `</title><script>alert(1)</script>`, `javascript:alert(1)`, `{{.}}`, `{{template "base"}}`,
	"\u202Etxt.exe", "a\u2066b\u2069", "zero\u200bwidth\u200b", "\x1b[31mred\x1b[0m", "null\x00byte", "line\nbreak\r\n", "\u3164", "Z\u0351\u036b\u0343\u036a\u0342\u036b\u033d\u034f\u0334", "\ufeffbom", "\U000e0041tag",
	strings.Repeat("W", 10_000), strings.Repeat("👩‍👩‍👧", 400), "=HYPERLINK(\"http://evil\")", "مرحبا", "שלום", "&lt;b&gt;", "a&b\"c'd", "<!--", "]]>", "\xff\xfe", " ", "/../../etc", "https://evil.example/", "//evil.example",
}

// twisted answers as the API does, with every text in it exchanged.
type twisted struct {
	to   http.Handler
	next int
}

// texts are the fields that others fill.
var texts = []string{"name", "label", "consumer", "reference", "mail", "notes", "reason", "cure", "title", "purpose", "audience", "sso", "kind_", "problem", "detail", "application_", "contentType", "hint", "evidence"}

func (x *twisted) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	r.RequestURI = r.URL.RequestURI()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.RemoteAddr = "127.0.0.1:1"
	x.to.ServeHTTP(rec, r)
	answer := rec.Result()
	if answer.Header.Get("Content-Type") != "application/json" {
		return answer, nil
	}
	var v any
	if err := json.NewDecoder(answer.Body).Decode(&v); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(x.twist("", v))
	answer.Body = io.NopCloser(bytes.NewReader(raw))
	return answer, err
}

func (x *twisted) twist(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = x.twist(k, v[k])
		}
	case []any:
		for i := range v {
			v[i] = x.twist(key, v[i])
		}
	case string:
		if slices.Contains(texts, key) {
			x.next++
			return hostile[x.next%len(hostile)]
		}
	}
	return v
}

// TestHostileNamesRunNothing shows every page with nothing but hostile names.
func TestHostileNamesRunNothing(t *testing.T) {
	w := newTown(t, 60)
	c := w.api()
	var one api.Credential
	for cr, err := range c.Credentials(t.Context(), api.ListCredentialsParams{Impact: api.ImpactBreaks, Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		one = cr
		break
	}
	consumer := one.Consumers[0].Consumer
	token, err := w.daemon.Client(access.Actor{ID: "local:0", Name: "x", Person: "local:0", Role: access.Administrator, Tenant: w.tenant.ID}).CreateToken(t.Context(), api.TokenRequest{Name: "x", Role: api.GivenRoleAdministrator})
	if err != nil {
		t.Fatal(err)
	}
	x := &twisted{to: w.daemon.Handler()}
	through, err := client.New(client.Config{Server: "http://in-test", Token: func() string { return token.Secret }, HTTP: &http.Client{Transport: x}})
	if err != nil {
		t.Fatal(err)
	}
	w.pages = w.serve(ui.Config{Client: func(access.Actor) *client.Client { return through }})
	for i := 0; i < len(hostile); i += 5 { // each page shows many of them each time
		w.actor.Name = hostile[i]
		for _, path := range []string{"/", "/credentials", "/credentials/" + one.KeyID, "/applications", "/applications/" + one.Application.ObjectID, "/vaults", "/vaults/" + one.Places[0].Vault, "/consumers", "/consumers/one?" + query("name", consumer)} {
			harmless(t, path, w.page(path))
		}
	}
	if x.next < 1000 {
		t.Errorf("only %d texts were exchanged", x.next)
	}
	for _, name := range hostile { // and in the address
		for _, path := range []string{"/credentials?" + query("search", name), "/credentials?" + query("owner", name), "/vaults?" + query("name", name), "/no/" + query("such", name)} {
			_, body := w.get("GET", path, "")
			harmless(t, path, body)
		}
	}
}

func TestPagesAreSmall(t *testing.T) {
	w := newTown(t, 300)
	for _, path := range []string{"/", "/help", "/credentials", "/applications", "/vaults", "/consumers", "/vaults/kv-contoso-prod.vault.azure.net"} {
		if n := len(w.page(path)); n > 100_000 {
			t.Errorf("%s has %d bytes", path, n)
		}
	}
}

// harmless checks that names became text and nothing else.
func harmless(t *testing.T, what, page string) {
	t.Helper()
	wellFormed(t, what, page)
	for _, r := range page {
		if r == 0x202e || r == 0x2066 || r == 0x200b || r == 0xfeff || r == 0x3164 || r >= 0xe0000 && r < 0xe0fff || r < ' ' && r != '\n' && r != '\t' {
			t.Errorf("%s shows U+%04X as it is", what, r)
			return
		}
	}
	if len(page) > 200_000 { // an ordinary one has half of that: TestPagesAreSmall
		t.Errorf("%s has %d bytes", what, len(page))
	}
	d := xml.NewDecoder(strings.NewReader(void.ReplaceAllString(bare.ReplaceAllString(bare.ReplaceAllString(strings.Replace(page, "<!doctype html>", "", 1), ` $1=""$2`), ` $1=""$2`), "<$1$2/>")))
	d.Entity = xml.HTMLEntity
	scripts := 0
	for {
		token, err := d.Token()
		if err != nil {
			break // wellFormed has said so
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "script":
			scripts++
		case "img", "iframe", "object", "embed", "base", "style", "foreignObject", "b":
			t.Errorf("%s has an element %s", what, e.Name.Local)
		}
		for _, a := range e.Attr {
			if n := a.Name.Local; (n == "href" || n == "src" || n == "action") && !strings.HasPrefix(a.Value, "#") && (!strings.HasPrefix(a.Value, "/") || strings.HasPrefix(a.Value, "//")) {
				t.Errorf("%s leads to %q", what, a.Value)
			}
		}
	}
	if scripts != 1 {
		t.Errorf("%s has %d scripts", what, scripts)
	}
}
