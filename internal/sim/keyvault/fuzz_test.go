package keyvault

import (
	"net/url"
	"testing"

	"rekey.example/rekey/internal/sim/world"
)

// Whatever a client sends, the answer is one the client can understand: never a
// fault of the server. ask fails the test when an answer is not JSON.

func FuzzSetSecret(f *testing.F) {
	f.Add(`{"value":"v","contentType":"text/plain","attributes":{"enabled":true,"nbf":0,"exp":1},"tags":{"a":"b"}}`)
	f.Add(`{"value":null,"tags":null,"attributes":null}`)
	f.Add(`{"value":"\ud800","attributes":{"exp":1e30}}`)
	f.Add(`[]`)
	w := newWorld(f, world.Lag{})
	f.Fuzz(func(t *testing.T, body string) {
		c := as(t, w, officer)
		if got := c.ask("PUT", "/secrets/s", body); got.status != 200 && got.status != 400 && got.status != 413 {
			t.Errorf("set: %d %v", got.status, got.body)
		}
		if got := c.ask("PATCH", "/secrets/s/", body); got.status != 200 && got.status != 400 && got.status != 404 && got.status != 413 {
			t.Errorf("update: %d %v", got.status, got.body)
		}
		if got := c.ask("GET", "/secrets/s/versions", nil); got.status != 200 && got.status != 404 {
			t.Errorf("versions: %d %v", got.status, got.body)
		}
	})
}

func FuzzImport(f *testing.F) {
	f.Add(`{"value":"MIIK","pwd":"x"}`)
	f.Add(`{"value":"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"}`)
	f.Add(`{"value":"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n","policy":{"secret_props":7}}`)
	w := newWorld(f, world.Lag{})
	f.Fuzz(func(t *testing.T, body string) {
		c := as(t, w, officer)
		if got := c.ask("POST", "/certificates/web/import", body); got.status != 200 && got.status != 400 && got.status != 413 {
			t.Errorf("import: %d %v", got.status, got.body)
		}
	})
}

func FuzzSkipToken(f *testing.F) {
	f.Add(skipToken("s"))
	f.Add("eyJ9")
	f.Add("%00")
	w := newWorld(f, world.Lag{})
	w.Change(func() { w.Azure.PutSecret("kv-pay", "s", &world.SecretVersion{Value: "v", Enabled: true}) })
	f.Fuzz(func(t *testing.T, text string) {
		c := as(t, w, officer)
		for _, path := range []string{"/secrets", "/secrets/s/versions", "/deletedsecrets"} {
			if got := c.ask("GET", path+"?$skiptoken="+url.QueryEscape(text), nil); got.status != 200 && got.status != 400 {
				t.Errorf("%s: %d %v", path, got.status, got.body)
			}
		}
	})
}
