package entra

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/connector"
)

// FuzzSignIns reads any page of the sign-in log: it counts or refuses, and shows no
// more addresses than it says, none of them anything but an address.
func FuzzSignIns(f *testing.F) {
	f.Add(`{"value":[{"servicePrincipalCredentialKeyId":"k","createdDateTime":"2026-11-25T12:00:00Z","ipAddress":"203.0.113.1"}]}`)
	f.Add(`{"value":[{"servicePrincipalCredentialKeyId":"k","createdDateTime":"2026-11-25T12:00:00Z","ipAddress":"fe80::1%\u001b[31m"}]}`)
	f.Add(`{"value":null}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, body string) {
		var page signIns
		if json.Unmarshal([]byte(body), &page) != nil {
			return
		}
		var u connector.Uses
		page.tally(&u, "k", time.Time{})
		if len(u.From) > mostAddresses || u.Count > len(page.Value) || len(u.From) > u.Count {
			t.Errorf("got %+v", u)
		}
		for _, a := range u.From {
			if strings.Trim(a, "0123456789abcdef.:") != "" {
				t.Errorf("address %q", a)
			}
		}
	})
}
