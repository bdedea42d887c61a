package trail_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/trail"
)

// One event that two sources tell of is one line that names both.
func TestOneEventFromTwoSourcesIsOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, world.Config{Seed: 1, Lag: world.Lag{Audit: 10 * time.Minute, Office: 90 * time.Minute}})
		w.read(w.audits) // history
		w.read(w.feed)   // starts the subscription
		time.Sleep(time.Hour)
		app := w.cloud.Tenant().Demo
		key, _ := w.cloud.AddSecret(mallory, app.ClientID, "backup", 365*24*time.Hour)
		happened := time.Now()
		time.Sleep(11 * time.Minute)
		if c := w.read(w.audits); c.Records != 1 {
			t.Fatalf("directory audits: %+v", c)
		}
		time.Sleep(3 * time.Hour)
		if c := w.read(w.feed); c.Records != 0 || c.Joined != 1 {
			t.Fatalf("office: %+v", c)
		}
		list := w.timeline(trail.Query{Credential: key})
		if len(list) != 1 {
			t.Fatalf("got %d events, want 1: %+v", len(list), list)
		}
		e := list[0]
		if e.Action != connector.CredentialAdded || e.Actor.Name != mallory.UPN || e.Actor.Address != mallory.Address || e.Label != "backup" || e.Through != "a browser: the portal" || e.Ours != nil {
			t.Errorf("got %+v", e)
		}
		if e.Time.Sub(happened).Abs() > time.Second || len(e.Sources) != 2 {
			t.Errorf("at %s from %+v", e.Time, e.Sources)
		}
		if byApp := w.timeline(trail.Query{Applications: []string{app.ApplicationID}}); len(byApp) == 0 || byApp[0].ID != e.ID {
			t.Errorf("the application's timeline: %+v", byApp)
		}
		found := w.findings()
		if len(found) != 1 || found[0].KeyID != key || !strings.Contains(found[0].Reason, "mallory@contoso.com from 203.0.113.66") {
			t.Fatalf("findings: %+v", found)
		}
		w.cloud.RemoveSecret(mallory, app.ClientID, key)
		time.Sleep(11 * time.Minute)
		w.read(w.audits)
		if found := w.findings(); len(found) != 0 {
			t.Errorf("it is gone, and still a finding: %+v", found)
		}
		if s := w.source("directory audits"); s.State != trail.Reading || s.Lag <= 0 || s.Lag > 12*time.Minute || s.Through.IsZero() {
			t.Errorf("the source: %+v", s)
		}
	})
}

func TestAnOwnerThatSomebodyAddsIsAFinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, world.Config{Seed: 1})
		w.read(w.audits)
		time.Sleep(time.Minute)
		app := w.cloud.Tenant().Demo
		w.cloud.AddOwner(mallory, app.ClientID, "6f1e0000-0000-4000-8000-000000000001")
		time.Sleep(time.Minute)
		w.read(w.audits)
		found := w.findings()
		if len(found) != 1 || found[0].KeyID != "6f1e0000-0000-4000-8000-000000000001" || !strings.Contains(found[0].Reason, "made 6f1e0000-0000-4000-8000-000000000001 an owner") {
			t.Fatalf("findings: %+v", found)
		}
	})
}

// What was missed for longer than a source keeps is a gap that is named as lost.
func TestWhatASourceNoLongerKeepsIsNamedAsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, world.Config{Seed: 1})
		w.read(w.feed)
		last := time.Now()
		time.Sleep(10 * 24 * time.Hour)
		w.read(w.feed)
		s := w.source(w.feed.Name())
		if len(s.Gaps) != 1 || s.Gaps[0].State != trail.GapLost || s.Gaps[0].From.Sub(last).Abs() > time.Minute || time.Since(s.Gaps[0].To) < 7*24*time.Hour-time.Minute {
			t.Errorf("gaps: %+v", s.Gaps)
		}
		w.read(w.feed)
		if again := w.source(w.feed.Name()); len(again.Gaps) != 1 {
			t.Errorf("gaps the second time: %+v", again.Gaps)
		}
	})
}

// A blob that is listed and cannot be had is a gap; it closes when it is there.
func TestAMissingBlobIsAGapUntilItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, world.Config{Seed: 1, Lag: world.Lag{Office: time.Hour}})
		w.read(w.feed)
		key, _ := w.cloud.AddSecret(mallory, w.cloud.Tenant().Demo.ClientID, "x", time.Hour)
		time.Sleep(2 * time.Hour)
		if err := w.cloud.World().Faults.Set(world.Fault{Name: world.ContentMissing, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.trail.Read(t.Context(), w.tenant(), w.feed); err == nil {
			t.Error("nothing was said of a missing blob")
		}
		if s := w.source(w.feed.Name()); s.State != trail.Failing || len(s.Gaps) != 1 || s.Gaps[0].State != trail.GapOpen {
			t.Errorf("the source: %+v", s)
		}
		if list := w.timeline(trail.Query{Credential: key}); len(list) != 0 {
			t.Errorf("got %+v", list)
		}
		time.Sleep(30 * time.Hour) // further back than is read again usually
		w.read(w.feed)
		if s := w.source(w.feed.Name()); s.State != trail.Reading || len(s.Gaps) != 1 || s.Gaps[0].State != trail.GapClosed {
			t.Errorf("the source: %+v", s)
		}
		if list := w.timeline(trail.Query{Credential: key}); len(list) != 1 {
			t.Errorf("got %+v", list)
		}
	})
}

// While a subscription is off nothing is collected: the span is lost, with a name.
func TestASubscriptionThatWasSwitchedOffIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, world.Config{Seed: 1})
		w.read(w.feed)
		time.Sleep(time.Hour)
		if err := w.cloud.World().Faults.Set(world.Fault{Name: world.SubscriptionOff, Times: 1}); err != nil {
			t.Fatal(err)
		}
		w.read(w.feed)
		s := w.source(w.feed.Name())
		if s.State != trail.Reading || len(s.Gaps) != 1 || s.Gaps[0].State != trail.GapLost || !strings.Contains(s.Gaps[0].Why, "subscription was off") {
			t.Errorf("the source: %+v", s)
		}
		time.Sleep(time.Hour)
		key, _ := w.cloud.AddSecret(mallory, w.cloud.Tenant().Demo.ClientID, "x", time.Hour)
		time.Sleep(time.Hour)
		w.read(w.feed)
		if list := w.timeline(trail.Query{Credential: key}); len(list) != 1 {
			t.Errorf("got %+v", list)
		}
	})
}
