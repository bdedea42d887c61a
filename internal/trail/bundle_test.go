package trail

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

func TestABundleIsVerifiedWithoutTheServer(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	trail := newTrail(t, db)
	for i := range 5 {
		trail.must(t, "graph", record(string(rune('a'+i)), connector.CredentialAdded, "key", now().Add(time.Duration(i)*time.Minute)))
	}
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		return trail.Log.Record(tx, audit.By(access.Rekey("contoso"), access.SyncInventory, "s-1", audit.Done), audit.By(access.Rekey("fabrikam"), access.SyncInventory, "s-2", audit.Done))
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := trail.Bundle(t.Context(), auditor, "credential key", Query{Credential: "key"}, &b); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	r, err := VerifyBundle(strings.NewReader(whole), trail.Log.VerifierKey())
	if err != nil || r.Records != 5 || r.Log.Events < 2 || !r.Trusted || r.About != "credential key" {
		t.Fatalf("got %+v, %v", r, err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	for i := range lines {
		without := strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "")
		if _, err := VerifyBundle(strings.NewReader(without), ""); !errors.Is(err, audit.ErrTampered) && !errors.Is(err, ErrNotBundle) {
			t.Errorf("without line %d: %v", i, err)
		}
	}
	for _, change := range [][2]string{{"mallory", "nobody!"}, {"contoso", "fabrikam"}, {"s-1", "s-9"}} {
		if _, err := VerifyBundle(strings.NewReader(strings.Replace(whole, change[0], change[1], 1)), ""); !errors.Is(err, audit.ErrTampered) {
			t.Errorf("with %s for %s: %v", change[1], change[0], err)
		}
	}
	other, err := audit.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyBundle(strings.NewReader(whole), other.VerifierKey()); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("with another key: %v", err)
	}
	if _, err := VerifyBundle(strings.NewReader(whole+"{}\n"), ""); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("with more behind: %v", err)
	}
}

func TestATableIsNoProgram(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	trail := newTrail(t, db)
	r := record("a", connector.CredentialAdded, "key", now())
	r.Deeds[0].Label = `=HYPERLINK("http://evil","x")`
	trail.must(t, "graph", r)
	var b bytes.Buffer
	if err := trail.CSV(t.Context(), auditor, Query{Credential: "key"}, &b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"'=HYPERLINK(""http://evil"",""x"")"`) || strings.Count(b.String(), "\r\n") != 2 {
		t.Errorf("got %q", b.String())
	}
}

func FuzzVerifyBundle(f *testing.F) {
	f.Add([]byte(`{"format":"rekey-evidence/1","key":"rekey.example/audit+00000000+AQ=="}` + "\n" + `{"end":{}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := VerifyBundle(bytes.NewReader(b), ""); err == nil {
			t.Error("took what nobody signed")
		}
	})
}
