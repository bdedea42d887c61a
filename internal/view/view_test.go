package view_test

import (
	"errors"
	"path/filepath"
	"testing"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
	"rekey.example/rekey/internal/view"
)

func person(name string, role access.Role, tenant string) access.Actor {
	return access.Actor{ID: "p:" + name, Name: name, Person: name, Role: role, Tenant: tenant}
}

func TestEachSeesTheirOwnAndTheSharedOnes(t *testing.T) {
	storetest.Each(t, []store.Schema{audit.Schema, view.Schema}, func(t *testing.T, db *store.DB) {
		ring, err := secret.OpenKeyring(filepath.Join(t.TempDir()), "")
		if err != nil {
			t.Fatal(err)
		}
		log, err := audit.New(ring.Signing)
		if err != nil {
			t.Fatal(err)
		}
		v := &view.Views{Store: db, Log: log}
		nora, ines, uwe := person("nora", access.User, "t1"), person("ines", access.Auditor, "t1"), person("uwe", access.Administrator, "t2")
		names := func(by access.Actor) (all []string) {
			t.Helper()
			list, err := v.List(t.Context(), by)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range list {
				all = append(all, w.Name+"="+w.Filter)
			}
			return all
		}
		same := func(what string, got []string, want ...string) {
			t.Helper()
			if len(got) != len(want) {
				t.Fatalf("%s: %q, want %q", what, got, want)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
			}
		}
		mine, err := v.Keep(t.Context(), nora, " Mine ", "?owner=nora&after=xyz&kind=", false)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := v.Keep(t.Context(), nora, "Urgent", "impact=breaks&ends=7d", true)
		if err != nil {
			t.Fatal(err)
		}
		same("who keeps them", names(nora), "Mine=owner=nora", "Urgent=ends=7d&impact=breaks")
		same("a colleague", names(ines), "Urgent=ends=7d&impact=breaks")
		same("another tenant", names(uwe))
		if _, err := v.Keep(t.Context(), nora, "MINE", "kind=certificate", false); err != nil {
			t.Fatal(err)
		}
		same("the name again", names(nora), "MINE=kind=certificate", "Urgent=ends=7d&impact=breaks")

		denied := func(err error) bool { _, ok := errors.AsType[*access.DeniedError](err); return ok }
		if _, err := v.Keep(t.Context(), ines, "x", "kind=certificate", true); !denied(err) {
			t.Errorf("an auditor shares: %v", err)
		}
		if err := v.Drop(t.Context(), ines, ours.ID); !denied(err) {
			t.Errorf("an auditor forgets a shared one: %v", err)
		}
		for _, by := range []access.Actor{nora, ines, uwe} { // nora's first one is gone; the others never see it
			if err := v.Drop(t.Context(), by, mine.ID); !errors.Is(err, view.ErrNotFound) {
				t.Errorf("%s forgets what is not there: %v", by.Name, err)
			}
		}
		if err := v.Drop(t.Context(), uwe, ours.ID); !errors.Is(err, view.ErrNotFound) {
			t.Errorf("another tenant forgets it: %v", err)
		}
		if err := v.Drop(t.Context(), nora, ours.ID); err != nil {
			t.Error(err)
		}
		events, err := audit.List(t.Context(), db, person("o", access.Administrator, "t1"), audit.Query{Subject: ours.ID})
		if err != nil || len(events) != 2 {
			t.Errorf("%d events of the shared view, %v", len(events), err)
		}
		for _, bad := range [][2]string{{"", "a=b"}, {"x", ""}, {"x", "after=1"}, {"x", "a=%zz"}} {
			if _, err := v.Keep(t.Context(), nora, bad[0], bad[1], false); err == nil {
				t.Errorf("%q is kept", bad)
			}
		}
	})
}
