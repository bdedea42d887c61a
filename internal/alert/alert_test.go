package alert

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

// TestTheLadder lets a credential end, with nobody doing anything about it.
func TestTheLadder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail, room, call := &box{traits: mailTraits}, &box{traits: roomTraits}, &box{traits: callTraits}
		s := newStand(t, lite(t), Route{Name: "mail", Channel: mail}, Route{Name: "room", Channel: room}, Route{Name: "call", Channel: call, Joins: toTeam, Least: High})
		s.config.Escalate = nil
		s.restart()
		end := time.Now().Add(95*day + time.Hour)
		heard := map[int]int{}
		for range 97 * 4 {
			s.ends("Basware", end)
			s.tend()
			for _, m := range mail.take() {
				if m.To != "nora@contoso.com" {
					t.Errorf("%s was told", m.To)
				}
				for _, i := range m.Items {
					heard[i.Rung]++
				}
			}
			time.Sleep(6 * time.Hour)
		}
		for _, rung := range []int{90, 60, 30, 14, 7, 1, 0} {
			if heard[rung] != 1 {
				t.Errorf("%d days before: told %d times", rung, heard[rung])
			}
		}
		if len(heard) != 7 || len(room.take()) != 7 || len(call.take()) != 0 {
			t.Errorf("told %v", heard)
		}
	})
}

// TestNobodyAnswers escalates to the backup and to the team, and stops when
// somebody acknowledges.
func TestNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail, room, call := &box{traits: mailTraits}, &box{traits: roomTraits}, &box{traits: callTraits}
		s := newStand(t, lite(t), Route{Name: "mail", Channel: mail}, Route{Name: "room", Channel: room, Joins: toBackup}, Route{Name: "call", Channel: call, Joins: toTeam})
		end := time.Now().Add(6*day + time.Hour)
		s.ends("Basware", end)
		s.tend()
		s.expect(mail, "nora@contoso.com: [Basware 7 raised]")
		s.expect(room)
		time.Sleep(4*time.Hour - time.Minute)
		s.tend()
		s.expect(mail)
		time.Sleep(time.Minute)
		s.tend()
		s.tend()
		s.expect(mail, "omar@contoso.com: [Basware 7 escalated]")
		s.expect(room, ": [Basware 7 escalated]")
		time.Sleep(4 * time.Hour)
		s.tend()
		s.expect(mail, "team@contoso.com: [Basware 7 escalated]")
		s.expect(call, ": [Basware 7 escalated]")
		time.Sleep(day)
		s.tend()
		s.expect(mail)
		if _, err := s.keeper.Acknowledge(t.Context(), nora, s.alert("Basware").ID, "I am on it"); err != nil {
			t.Fatal(err)
		}
		s.tend()
		s.expect(call, ": [Basware 7 acknowledged]")
		s.expect(mail)
		time.Sleep(time.Until(end) - 20*time.Hour)
		s.ends("Basware", end) // a step closer: it is open again
		s.tend()
		if a := s.alert("Basware"); a.State != Open || a.Rung != 1 {
			t.Errorf("%+v", a)
		}
		s.expect(mail, "nora@contoso.com: [Basware 1 raised]")
		delete(s.matters, "Basware")
		time.Sleep(time.Minute)
		s.tend()
		s.expect(mail)
		if a := s.alert("Basware"); a.State != Settled {
			t.Errorf("%+v", a)
		}
	})
}

func TestMachinesHearTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call, later := &box{traits: callTraits}, &box{traits: callTraits}
		s := newStand(t, lite(t), Route{Name: "call", Channel: call}, Route{Name: "later", Channel: later, Joins: toTeam})
		s.ends("Basware", time.Now().Add(50*day))
		s.tend()
		s.expect(call, ": [Basware 60 raised]")
		for range 2 {
			time.Sleep(10 * day)
			s.tend()
			s.expect(call, ": [Basware 60 escalated]")
		}
		s.ends("Basware", time.Now().Add(30*day))
		time.Sleep(time.Minute)
		s.tend()
		s.expect(call, ": [Basware 30 raised]")
		later.take()
		delete(s.matters, "Basware")
		time.Sleep(time.Minute)
		s.tend()
		got := call.take()
		if len(got) != 1 || got[0].Items[0].Act != connector.Settled || len(got[0].Items[0].Keys) < 2 {
			t.Fatalf("%+v", got)
		}
		unique := map[string]bool{}
		for _, k := range got[0].Items[0].Keys {
			unique[k] = true
		}
		if len(unique) != 2 {
			t.Errorf("the end is for %v, want both steps", got[0].Items[0].Keys)
		}
	})
}

// TestOneMessageADay packs what can wait, and sends what cannot at once.
func TestOneMessageADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail := &box{traits: mailTraits}
		s := newStand(t, lite(t), Route{Name: "mail", Channel: mail})
		s.config.Zone = time.FixedZone("X", 2*3600)
		s.restart()
		for i := range 60 {
			s.ends(fmt.Sprintf("app-%02d", i), time.Now().Add(time.Duration(20+i)*day))
		}
		s.tend()
		s.expect(mail)
		time.Sleep(time.Until(s.config.digest(time.Now())) - time.Minute)
		s.tend()
		s.expect(mail)
		time.Sleep(time.Minute)
		s.tend()
		got := mail.take()
		if len(got) != 1 || len(got[0].Items) != mostItems || got[0].More != 60-mostItems || !got[0].Digest {
			t.Fatalf("%d messages: %v", len(got), subjects(got))
		}
		if got[0].Items[0].KeyID != "app-00" || !strings.HasPrefix(got[0].Subject, "60 things to look after: app-00 stops") {
			t.Errorf("%q begins with %s", got[0].Subject, got[0].Items[0].KeyID)
		}
		if local := got[0].Made.In(s.config.Zone); local.Hour() != 8 {
			t.Errorf("made at %s", local)
		}
		for range 3 {
			s.ends("urgent", time.Now().Add(20*time.Hour))
			s.tend()
			time.Sleep(time.Minute)
		}
		s.expect(mail, "nora@contoso.com: [urgent 1 raised]")
	})
}

func TestLaidAside(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		mail := &box{traits: mailTraits}
		s := newStand(t, db, Route{Name: "mail", Channel: mail})
		end := time.Now().Add(3 * day)
		s.ends("Basware", end)
		s.tend()
		mail.take()
		id := s.alert("Basware").ID
		for why, c := range map[string]struct {
			until  time.Time
			reason string
		}{
			"a reason is missing": {time.Now().Add(day), "  "}, "come back at once": {time.Now().Add(-day), "x"}, "ends before": {end.Add(day), "x"},
			"180 days": {time.Now().Add(200 * day), "x"}, "500 characters": {time.Now().Add(day), strings.Repeat("é", 501)},
		} {
			_, err := s.keeper.Snooze(t.Context(), nora, id, c.until, c.reason)
			if e, ok := errors.AsType[*InvalidError](err); !ok || !strings.Contains(e.Why, why) {
				t.Errorf("%s: %v", why, err)
			}
		}
		for _, who := range []access.Actor{ines, {Name: "x", Role: access.System, Tenant: tenant}} {
			if _, err := s.keeper.Snooze(t.Context(), who, id, time.Now().Add(day), "x"); err == nil {
				t.Errorf("%s laid it aside", who.Name)
			}
			if _, err := s.keeper.Acknowledge(t.Context(), who, id, ""); err == nil {
				t.Errorf("%s acknowledged it", who.Name)
			}
		}
		foreign := omar
		foreign.Tenant = "fabrikam"
		if _, err := s.keeper.Acknowledge(t.Context(), foreign, id, ""); !errors.Is(err, ErrNotFound) {
			t.Errorf("another tenant: %v", err)
		}
		a, err := s.keeper.Snooze(t.Context(), nora, id, time.Now().Add(day), "the partner is closed")
		if err != nil || a.State != Snoozed || a.Why != "the partner is closed" || a.Judge != "Nora" {
			t.Fatalf("%+v, %v", a, err)
		}
		if err := db.Do(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE alert SET until = $1`, time.Now().Add(-time.Second).UnixMilli())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		s.tend()
		if a := s.alert("Basware"); a.State != Open || a.Why != "" {
			t.Errorf("%+v", a)
		}
		s.expect(mail, "nora@contoso.com: [Basware 7 raised]")
		events, err := audit.List(t.Context(), db, omar, audit.Query{Action: "alert."})
		if err != nil {
			t.Fatal(err)
		}
		actions := ""
		for _, e := range events {
			actions = e.Action + " " + actions
		}
		if actions != "alert.told alert.snooze alert.woke alert.told " {
			t.Errorf("recorded: %s", actions)
		}
		_, told, err := s.keeper.Get(t.Context(), ines, id)
		if err != nil || len(told) != 2 || told[0].State != taken {
			t.Errorf("%+v, %v", told, err)
		}
	})
}

// TestTheLogIsTheOutbox: an event makes a source look that would otherwise wait.
func TestTheLogIsTheOutbox(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		s := newStand(t, db)
		s.keeper.Sources[0].Every, s.keeper.Sources[0].Follows = time.Hour, []string{"finding.", "rotation.step"}
		record := func(action string) {
			t.Helper()
			if err := db.Do(t.Context(), func(tx *store.Tx) error {
				return s.log.Record(tx, audit.By(omar, access.Action(action), "x", audit.Done))
			}); err != nil {
				t.Fatal(err)
			}
		}
		record("finding.opened")
		for i, c := range []struct {
			action string
			looks  int
		}{{"", 1}, {"", 1}, {"finding.opened", 2}, {"rotation.step", 3}, {"rotation.steps", 3}, {"finding", 3}, {"finding.resolved", 4}, {"", 4}} {
			if c.action != "" {
				record(c.action)
			}
			s.tend()
			if s.looks != c.looks {
				t.Errorf("%d, after %q: %d looks, want %d", i, c.action, s.looks, c.looks)
			}
		}
		for range mostNews + 10 {
			record("finding.opened")
		}
		s.tend()
		s.tend()
		if s.looks != 5 {
			t.Errorf("%d looks", s.looks)
		}
	})
}

// TestADeadChannelIsAnAlert lets one channel fail; the other tells of it.
func TestADeadChannelIsAnAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail, room := &box{traits: mailTraits}, &box{traits: roomTraits}
		s := newStand(t, lite(t), Route{Name: "mail", Channel: mail}, Route{Name: "room", Channel: room})
		room.fail = func(connector.Message) error { return fmt.Errorf("refused: %w", connector.ErrNotApplied) }
		s.ends("Basware", time.Now().Add(20*time.Hour))
		began := time.Now()
		for time.Since(began) < 40*time.Minute {
			s.tend()
			time.Sleep(time.Minute)
		}
		got := mail.take()
		if len(got) != 2 || got[1].Items[0].Kind != DeadRoute || !strings.Contains(got[1].Subject, "channel room") || got[1].To != "team@contoso.com" {
			t.Fatalf("%+v", got)
		}
		if room.tries > 8 {
			t.Errorf("it was tried %d times", room.tries)
		}
		list, err := s.keeper.Channels(t.Context(), ines)
		if err != nil || !list[1].Dead || list[1].Waiting != 1 || list[1].Problem == "" || list[0].Dead {
			t.Errorf("%+v, %v", list, err)
		}
		room.fail = nil
		time.Sleep(time.Hour)
		s.tend()
		s.expect(room, ": [Basware 1 raised]")
		time.Sleep(time.Minute)
		s.tend()
		all, _, err := s.keeper.List(t.Context(), omar, Filter{Kind: DeadRoute})
		if err != nil || len(all) != 0 {
			t.Errorf("still %+v, %v", all, err)
		}
	})
}

func TestARefusedRecipientIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail := &box{traits: mailTraits}
		s := newStand(t, lite(t), Route{Name: "mail", Channel: mail})
		mail.fail = func(m connector.Message) error {
			if m.To == "nora@contoso.com" {
				return &connector.UndeliverableError{Why: "no such user", Recipient: true}
			}
			return nil
		}
		s.ends("Basware", time.Now().Add(20*time.Hour))
		s.tend()
		s.tend()
		s.expect(mail, "omar@contoso.com: [Basware 1 escalated]")
		if list, err := s.keeper.Channels(t.Context(), omar); err != nil || list[0].Failures != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestThrottledChannelsAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := &box{traits: roomTraits}
		s := newStand(t, lite(t), Route{Name: "room", Channel: room})
		room.fail = func(connector.Message) error { return &connector.ThrottledError{After: 7 * time.Minute} }
		s.ends("Basware", time.Now().Add(20*time.Hour))
		s.tend()
		room.fail = nil
		time.Sleep(7*time.Minute - time.Second)
		s.tend()
		if room.tries != 1 {
			t.Errorf("%d tries within the seven minutes", room.tries)
		}
		time.Sleep(time.Second)
		s.tend()
		s.expect(room, ": [Basware 1 raised]")
	})
}

// TestNobodyKnows: an answer is lost. What can be sent twice as once is; the rest
// is told again, and says so.
func TestNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room, call := &box{traits: roomTraits}, &box{traits: callTraits}
		s := newStand(t, lite(t), Route{Name: "room", Channel: room}, Route{Name: "call", Channel: call})
		cut := func(connector.Message) error { return errCut }
		room.after, call.after = cut, cut
		s.ends("Basware", time.Now().Add(20*time.Hour))
		s.tend()
		room.after, call.after = nil, nil
		time.Sleep(5 * time.Minute)
		s.tend()
		if calls := call.take(); len(calls) != 2 || calls[0].ID != calls[1].ID {
			t.Errorf("%+v", calls)
		}
		s.expect(room, ": [Basware 1 raised]")
		time.Sleep(soon)
		s.tend()
		got := room.take()
		if len(got) != 1 || !got[0].Again || !got[0].Items[0].Again || got[0].Intro == "" {
			t.Errorf("%+v", got)
		}
		time.Sleep(day)
		s.tend()
		s.expect(room)
	})
}

// TestAHeldInstallationTellsOnlyOfItself: a restored copy does not tell what the
// other one may have told, and marks it when it goes on.
func TestAHeldInstallationTellsOnlyOfItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := &box{traits: roomTraits}
		s := newStand(t, lite(t), Route{Name: "room", Channel: room})
		held := "restored"
		s.keeper.Held = func() string { return held }
		s.ends("Basware", time.Now().Add(20*time.Hour))
		s.matters["held"] = Matter{Kind: Held, Subject: "here", Severity: High, Rung: NoRung, Headline: "rekey is held"}
		s.tend()
		got := room.take()
		if len(got) != 1 || got[0].Items[0].Kind != Held {
			t.Fatalf("%v", subjects(got))
		}
		held = ""
		s.tend()
		if got = room.take(); len(got) != 1 || !got[0].Again || got[0].Items[0].KeyID != "Basware" {
			t.Errorf("%+v", got)
		}
	})
}

func TestTheListIsPaged(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		s := newStand(t, db)
		for i := range 25 {
			s.ends(fmt.Sprintf("app-%02d", i), time.Now().Add(time.Duration(i*4)*day))
		}
		s.tend()
		var f Filter
		f.Limit = 4
		seen, last := map[string]bool{}, 0
		for {
			list, more, err := s.keeper.List(t.Context(), ines, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range list {
				if seen[a.ID] || a.Severity.rank() < last {
					t.Errorf("%s comes again or too late", a.ID)
				}
				seen[a.ID], last = true, a.Severity.rank()
			}
			if !more {
				break
			}
			l := list[len(list)-1]
			f.After = Cursor{l.Severity, l.Opened, l.ID}
		}
		if len(seen) != 23 {
			t.Errorf("%d alerts, want the 23 within 90 days", len(seen))
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	c := Default()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	for left, want := range map[int]int{91: NoRung, 90: 90, 61: 90, 60: 60, 8: 14, 7: 7, 2: 7, 1: 1, 0: 0} {
		if got, _, ok := c.Rung(left); got != want || ok != (want != NoRung) {
			t.Errorf("%d days left: %d, want %d", left, got, want)
		}
	}
	c.Ladder = map[Severity][]int{High: {7, 7}, "loud": {1}, Low: {-1}}
	c.Escalate = map[Severity]time.Duration{High: time.Second}
	err := c.Check()
	for _, want := range []string{"7 days twice", `"loud"`, "-1 days", "1m at least"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}
