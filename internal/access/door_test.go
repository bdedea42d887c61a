package access

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

const goodWord = "correct horse battery"

// TestTheFirstPersonSetsUpOnce: the setup token counts once, of a thousand tries
// one wins, and there is none as soon as somebody administers.
func TestTheFirstPersonSetsUpOnce(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		d := &Door{Store: db, Tenant: "contoso"}
		dead, _, err := d.SetupToken(t.Context(), "local:0")
		if err != nil {
			t.Fatal(err)
		}
		token, ends, err := d.SetupToken(t.Context(), "local:0")
		if err != nil || time.Until(ends) > time.Hour {
			t.Fatal(err, ends)
		}
		join := func(token secret.Value) (Person, error) {
			return d.Join(t.Context(), Joining{Token: token, Login: "Ada", Name: "Ada V", Password: secret.New(goodWord)})
		}
		if _, err := join(dead); !errors.Is(err, ErrInvitation) {
			t.Errorf("a token that another replaced: %v", err)
		}
		if _, err := d.Join(t.Context(), Joining{Token: token, Login: "ada", Password: secret.New("short")}); !errors.Is(err, ErrPerson) {
			t.Errorf("a short password: %v", err)
		}
		p, err := join(token)
		if err != nil || p.Role != Administrator || p.Actor().Person != "local:0" {
			t.Fatalf("%+v, %v", p, err)
		}
		if _, err := join(token); !errors.Is(err, ErrInvitation) {
			t.Errorf("once more: %v", err)
		}
		if again, _, err := d.SetupToken(t.Context(), "local:0"); err != nil || !again.IsZero() {
			t.Errorf("another setup token although somebody administers: %v", err)
		}
		got, err := d.CheckPassword(t.Context(), " ADA ", secret.New(goodWord), "10.0.0.1")
		if err != nil || got.ID != p.ID {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestNamesAndPasswordsAreRefusedAlike(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	d := &Door{Store: db, Tenant: "contoso"}
	token, _, _ := d.SetupToken(t.Context(), "local:0")
	if _, err := d.Join(t.Context(), Joining{Token: token, Login: "ada", Password: secret.New(goodWord)}); err != nil {
		t.Fatal(err)
	}
	for _, try := range [][2]string{{"ada", "wrong horse battery"}, {"nobody", goodWord}, {"", goodWord}, {"ada", ""}, {"ada", strings.Repeat("x", 2000)}} {
		if _, err := d.CheckPassword(t.Context(), try[0], secret.New(try[1]), "10.0.0.2"); !errors.Is(err, ErrCredentials) || err.Error() != ErrCredentials.Error() {
			t.Errorf("%q: %v", try[0], err)
		}
	}
	refused := false
	for range 40 {
		if _, err := d.CheckPassword(t.Context(), "ada", secret.New(""), "10.0.0.3"); errors.Is(err, ErrTooMany) {
			refused = true
			break
		}
	}
	if !refused {
		t.Error("guesses are not bounded")
	}
	if _, err := d.CheckPassword(t.Context(), "ada", secret.New(goodWord), "10.0.0.9"); err != nil {
		t.Errorf("a stranger's guesses lock the person out: %v", err)
	}
}

// TestAnAttemptIsTakenOnce of many that come at the same moment.
func TestAnAttemptIsTakenOnce(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		d := &Door{Store: db, Tenant: "contoso"}
		browser := NewBrowser()
		state, err := d.Begin(t.Context(), browser, Attempt{Purpose: "entra", Goal: "/x"})
		if err != nil {
			t.Fatal(err)
		}
		var won atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, err := d.End(context.WithoutCancel(t.Context()), browser, state, "entra"); err == nil {
					won.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 50 took it", won.Load())
		}
	})
}

func TestSessionsEndAndAreNotKeptInPlain(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		d := &Door{Store: db, Tenant: "contoso"}
		object := "dddddddd-0000-4000-8000-000000000001"
		p, err := d.Meet(t.Context(), "contoso", object, "Nora", "nora@contoso.com", User)
		if err != nil {
			t.Fatal(err)
		}
		s, kept, err := d.Enter(t.Context(), Arrival{Person: p, How: "entra"}, secret.Value{})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(s.hash, kept.Reveal()) || s.hash == "" {
			t.Error("the secret is kept")
		}
		v, err := d.Look(t.Context(), kept, true)
		if err != nil || v.Actor.Owner != object || v.Actor.Session != s.ID || v.Actor.Person != EntraPerson("contoso", object) {
			t.Fatalf("%+v, %v", v, err)
		}
		other := &Door{Store: db, Tenant: "fabrikam"}
		if _, err := other.Look(t.Context(), kept, true); !errors.Is(err, ErrNoSession) {
			t.Errorf("another tenant's door: %v", err)
		}
		root := Actor{ID: "local:0", Person: "local:0", Role: Administrator, Tenant: "contoso"}
		if _, err := d.Lock(t.Context(), root, p.ID, true); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Look(t.Context(), kept, true); !errors.Is(err, ErrNoSession) {
			t.Errorf("a person who is locked out: %v", err)
		}
		if p, err = d.Meet(t.Context(), "contoso", object, "Nora", "", Administrator); err != nil || p.Disabled.IsZero() {
			t.Errorf("Entra lets in whom we keep out: %+v, %v", p, err)
		}
		if _, _, err := d.Enter(t.Context(), Arrival{Person: p}, secret.Value{}); err == nil {
			t.Error("somebody who is locked out begins a session")
		}
	})
}
