package trail_test

import (
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/trail"
)

// The uses of a credential stand on its timeline for those who ask for them; they
// are no findings.
func TestSignInsAreOnTheTimelineOfTheirCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, world.Config{Seed: 1, Lag: world.Lag{SignIn: 5 * time.Minute}})
		log := &entra.SignIns{Witness: w.audits.Witness}
		w.read(log)
		time.Sleep(time.Hour)
		demo := w.cloud.Tenant().Demo
		w.cloud.World().Change(func() {
			for i := range 3 {
				w.cloud.World().Directory.AddSignIn(world.SignIn{
					ID: w.cloud.World().GUID(), Time: time.Now().Add(time.Duration(i) * time.Second), AppID: demo.ClientID, App: demo.Name, KeyID: demo.KeyID, Kind: "clientSecret",
					IP: "203.0.113.9", Resource: "Microsoft Graph", Code: map[bool]int{true: 7000215}[i == 2],
				})
			}
		})
		time.Sleep(6 * time.Minute)
		if c := w.read(log); c.Records != 3 {
			t.Fatalf("got %+v", c)
		}
		list := w.timeline(trail.Query{Credential: demo.KeyID})
		if len(list) != 3 || list[0].Action != connector.SignedIn || list[0].Outcome != "failure" || list[0].Detail["error"] != "AADSTS7000215" || list[2].Actor.Address != "203.0.113.9" {
			t.Errorf("got %+v", list)
		}
		if quiet := w.timeline(trail.Query{Credential: demo.KeyID, Quiet: true}); len(quiet) != 0 {
			t.Errorf("got %+v", quiet)
		}
		if f := w.findings(); len(f) != 0 {
			t.Errorf("findings: %+v", f)
		}
		w.cloud.World().Change(func() { w.cloud.World().Records.Free = true })
		if _, err := w.trail.Read(t.Context(), w.tenant(), log); err == nil || w.source(log.Name()).State != trail.Unrecorded {
			t.Errorf("%v, %+v", err, w.source(log.Name()))
		}
	})
}
