package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
)

const tenant = "contoso"

var (
	nora = access.Actor{ID: "n", Name: "Nora", Person: "nora", Role: access.User, Tenant: tenant}
	omar = access.Actor{ID: "o", Name: "Omar", Person: "omar", Role: access.Administrator, Tenant: tenant}
	ines = access.Actor{ID: "i", Name: "Ines", Person: "ines", Role: access.Auditor, Tenant: tenant}
)

var schemas = []store.Schema{audit.Schema, access.Schema, Schema}

// stand is a keeper with matters and channels that a test sets.
type stand struct {
	t       testing.TB
	db      *store.DB
	log     *audit.Log
	keeper  *Keeper
	matters map[string]Matter
	looks   int
	config  Config
	routes  []Route
}

func newStand(t testing.TB, db *store.DB, routes ...Route) *stand {
	t.Helper()
	log, err := audit.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	s := &stand{t: t, db: db, log: log, matters: map[string]Matter{}, config: Default(), routes: routes}
	s.config.Team = []string{"team@contoso.com"}
	s.restart()
	return s
}

// restart is what a process that comes up anew has: nothing but the database.
func (s *stand) restart() {
	s.keeper = &Keeper{Tenant: tenant, Config: s.config, Store: s.db, Log: s.log, Routes: s.routes, Sources: []Source{{
		Name: "matters", Every: time.Second, Look: func(_ context.Context, _ string, found func(Matter) error) error {
			s.looks++
			for _, id := range slices.Sorted(keysOf(s.matters)) {
				if err := found(s.matters[id]); err != nil {
					return err
				}
			}
			return nil
		},
	}}}
	s.keeper.Sources = append(s.keeper.Sources, s.keeper.DeadRoutes())
}

func keysOf(m map[string]Matter) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (s *stand) tend() {
	s.t.Helper()
	if err := s.keeper.Tend(s.t.Context(), tenant); err != nil {
		s.t.Fatal(err)
	}
}

// ends is a credential whose consumer stops at a time, as the ladder sees it now.
func (s *stand) ends(name string, at time.Time) {
	left := int((time.Until(at) + day - 1) / day)
	rung, severity, ok := s.config.Rung(max(left, 0))
	if !ok {
		delete(s.matters, name)
		return
	}
	s.matters[name] = Matter{
		Kind: Ending, Subject: name, Severity: severity, Rung: rung, Headline: name + " stops on " + at.Format("2 January"), Ends: at.UTC(),
		Owner: "nora@contoso.com", Backup: "omar@contoso.com", Application: "D365_" + name, KeyID: name, Path: "/credentials/" + name,
	}
}

func (s *stand) alert(subject string) Alert {
	s.t.Helper()
	a, _, err := s.keeper.Get(s.t.Context(), omar, id(tenant, Ending, subject))
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// box is a channel that keeps what it took.
type box struct {
	traits connector.Traits
	got    []connector.Message
	tries  int
	fail   func(connector.Message) error // before it is taken
	after  func(connector.Message) error // after it was
}

func (b *box) Traits() connector.Traits { return b.traits }

func (b *box) Send(_ context.Context, m connector.Message) error {
	b.tries++
	if b.fail != nil {
		if err := b.fail(m); err != nil {
			return err
		}
	}
	b.got = append(b.got, m)
	if b.after != nil {
		return b.after(m)
	}
	return nil
}

func (b *box) take() []connector.Message {
	got := b.got
	b.got = nil
	return got
}

var (
	mailTraits = connector.Traits{Personal: true}
	roomTraits = connector.Traits{}
	callTraits = connector.Traits{Machine: true, Repeatable: true}
)

func subjects(list []connector.Message) (out []string) {
	for _, m := range list {
		line := m.To + ": "
		for _, i := range m.Items {
			line += fmt.Sprintf("[%s %d %s]", i.KeyID, i.Rung, i.Act)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func (s *stand) expect(b *box, want ...string) {
	s.t.Helper()
	got := subjects(b.take())
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Errorf("%s:\n got %q\nwant %q", time.Now().UTC().Format("Jan 2 15:04"), got, want)
	}
}

// lite opens a database inside a bubble.
func lite(t *testing.T) *store.DB {
	t.Helper()
	folder := t.TempDir()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() { // nothing here tests the disk
		if folder, err = os.MkdirTemp("/dev/shm", "rekey-alert-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(folder) })
	}
	db, err := store.Open(t.Context(), filepath.Join(folder, "rekey.db"), schemas...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

var errCut = errors.New("the connection was cut")
