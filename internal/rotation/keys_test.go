package rotation_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

// An account of Cosmos DB takes minutes to make a key. The rotation asks again and
// sends nothing twice.
func TestKeyThatTakesMinutesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lag := realLag
		lag.Key = 4 * time.Minute
		w := newTown(t, lag)
		defer w.stop()
		w.start()
		q := w.storage()
		q.Application.Name, q.Application.Kind = "cosmos-contoso-pricing", "Microsoft.DocumentDB/databaseAccounts"
		w.cloud.World().Read(func() {
			for id, r := range w.cloud.World().Azure.Resources {
				if r.Name == q.Application.Name {
					q.Application.ObjectID = inventory.ObjectID(strings.ToLower(id))
				}
			}
		})
		q.Old.KeyID = "primary"
		q.Place = inventory.Place{Vault: "kv-contoso-prod.vault.azure.net", Name: "pricing-cosmos-connection"}
		q.Consumers = []rotation.Use{{Consumer: "Pricing", Reference: q.Place.String()}}
		r := w.live(w.beginWith(q).ID, 200)
		now, _ := w.cloud.Current("kv-contoso-prod", q.Place.Name)
		keys := w.cloud.ResourceKeys(string(q.Application.ObjectID))
		if r.State != rotation.Done || len(r.Attempts) != 1 || !strings.Contains(now, keys["secondary"]) {
			t.Errorf("ended %s", where(r))
		}
		if n := len(w.cloud.World().Facts("regenerateKey")); n != 2 {
			t.Errorf("%d keys were made anew, want the new one and the old one", n)
		}
	})
}
