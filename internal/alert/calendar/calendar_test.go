package calendar

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert/ical"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/hostile"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var (
	nora  = access.Actor{ID: "n", Name: "Nora", Role: access.User, Tenant: "contoso"}
	ines  = access.Actor{ID: "i", Name: "Ines", Role: access.Auditor, Tenant: "contoso"}
	other = access.Actor{ID: "u", Name: "Uwe", Role: access.Administrator, Tenant: "fabrikam"}
)

type world struct{ entries []Entry }

func desk(t *testing.T, db *store.DB) (*Desk, *world) {
	t.Helper()
	log, err := audit.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{}
	return &Desk{Store: db, Log: log, Entries: func(context.Context, string, string, int) ([]Entry, error) { return w.entries, nil }}, w
}

func TestWhatAFeedHasSaidIsRemembered(t *testing.T) {
	storetest.Each(t, []store.Schema{audit.Schema, access.Schema, Schema}, func(t *testing.T, db *store.DB) {
		d, w := desk(t, db)
		_, token, err := d.Make(t.Context(), nora, Feed{Name: "all"})
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2027, 5, 3, 9, 0, 0, 0, time.UTC)
		read := func() map[string]ical.Event {
			t.Helper()
			raw, err := d.Read(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			c, err := ical.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			out := map[string]ical.Event{}
			for _, e := range c.Events {
				out[e.UID] = e
			}
			return out
		}
		w.entries = []Entry{{ID: "a", Start: at, AllDay: true, Summary: "ends"}, {ID: "b", Start: at, Summary: "window"}, {ID: "b", Start: at, Summary: "twice"}}
		first := read()
		if len(first) != 2 || first["a"].Sequence != 0 || !first["a"].AllDay || first["b"].AllDay || first["b"].Summary != "window" {
			t.Fatalf("%+v", first)
		}
		time.Sleep(1100 * time.Millisecond) // the stamp has seconds
		if again := read(); again["a"] != first["a"] || again["b"] != first["b"] {
			t.Errorf("nothing has changed, and it says\n%+v\n%+v", first, again)
		}
		w.entries[0].Start = at.AddDate(0, 1, 0)
		w.entries = w.entries[:1]
		changed := read()
		if e := changed["a"]; e.Sequence != 1 || !e.Stamp.After(first["a"].Stamp) || e.Start.Month() != 6 {
			t.Errorf("%+v", e)
		}
		if e := changed["b"]; !e.Cancelled || e.Sequence != 1 {
			t.Errorf("%+v", e)
		}
		if e := read()["b"]; !e.Cancelled || e.Sequence != 1 {
			t.Errorf("%+v", e)
		}
		w.entries = append(w.entries, Entry{ID: "b", Start: at, Summary: "window"})
		if e := read()["b"]; e.Cancelled || e.Sequence != 2 {
			t.Errorf("it is back: %+v", e)
		}
	})
}

func TestWhoMayHaveAFeed(t *testing.T) {
	db := storetest.SQLite(t, audit.Schema, access.Schema, Schema)
	d, _ := desk(t, db)
	if _, _, err := d.Make(t.Context(), ines, Feed{Name: "x"}); err == nil {
		t.Error("an auditor made a feed")
	}
	if _, _, err := d.Make(t.Context(), nora, Feed{Name: " "}); err == nil {
		t.Error("a feed without a name")
	}
	f, token, err := d.Make(t.Context(), nora, Feed{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Revoke(t.Context(), other, f.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("another tenant ended it: %v", err)
	}
	if list, err := d.List(t.Context(), other); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	var kept string
	if err := db.View(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(`SELECT token FROM calendar_feed`).Scan(&kept) }); err != nil || kept == token.Reveal() {
		t.Errorf("the token is kept as it is: %v", err)
	}
	refused := 0
	for range 200 {
		if _, err := d.Read(t.Context(), secret.New("cal_"+string(bytes.Repeat([]byte("A"), 52)))); errors.Is(err, ErrTooOften) {
			refused++
		}
	}
	if refused < 100 {
		t.Errorf("guessing was refused %d times of 200", refused)
	}
	reads := 0
	for range 50 {
		if _, err := d.Read(t.Context(), token); err == nil {
			reads++
		}
	}
	if reads < 15 || reads > 25 {
		t.Errorf("it was read %d times at once", reads)
	}
}

// TestHostileNamesInFeeds is SAFETY T40 for feeds, with and without names.
func TestHostileNamesInFeeds(t *testing.T) {
	db := storetest.SQLite(t, audit.Schema, access.Schema, Schema)
	d, w := desk(t, db)
	for i, n := range hostile.Names() {
		w.entries = append(w.entries, Entry{ID: "e" + string(rune('a'+i%26)) + time.Duration(i).String(), Start: time.Now(), AllDay: true, Summary: n, Text: n, Bare: "A secret ends"})
	}
	for _, bare := range []bool{false, true} {
		_, token, err := d.Make(t.Context(), nora, Feed{Name: "x", Bare: bare})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := d.Read(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ical.Decode(raw)
		if err != nil || len(c.Events) != len(w.entries) {
			t.Fatalf("%d events, %v", len(c.Events), err)
		}
		if bare && (c.Events[7].Summary != "A secret ends" || c.Events[7].Text != "") {
			t.Errorf("%+v", c.Events[7])
		}
	}
}
