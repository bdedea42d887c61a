package entra

import (
	"testing"

	"rekey.example/rekey/internal/sim/world"
)

// Every request for a token leaves a record: with the credential that was
// recognised, whatever came of it.
func TestEverySignInIsRecorded(t *testing.T) {
	x := newTenant(t, world.Config{})
	ask := func(secret, scope string) {
		x.send(post(tenantID+"/oauth2/v2.0/token", form("client_secret", secret, "scope", scope)))
	}
	const graph = "https://graph.microsoft.com/.default"
	ask(secret, graph)
	ask("nonsense", graph)
	ask("expired", graph)
	ask("sp secret", "https://nowhere.example/.default")
	x.w.Change(func() { x.sp.Enabled = false })
	ask(secret, graph)

	want := []struct {
		key, resource string
		code          int
	}{{"live", "graph.microsoft.com", 0}, {"", "", 7000215}, {"old", "", 7000222}, {"on the principal", "", 500011}, {"", "", 7000112}}
	x.w.Read(func() {
		log := x.w.Directory.SignIns
		if len(log) != len(want) {
			t.Fatalf("%d records, want %d", len(log), len(want))
		}
		for i, r := range log {
			if r.KeyID != want[i].key || r.Code != want[i].code || r.Resource != want[i].resource || r.PrincipalID != objectID || r.AppID != clientID || r.IP == "" || r.Seq != i+1 {
				t.Errorf("record %d: %+v, want %+v", i, r, want[i])
			}
		}
	})
}
