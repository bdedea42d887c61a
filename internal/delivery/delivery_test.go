package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var (
	schemas = []store.Schema{audit.Schema, access.Schema, Schema}
	admin   = access.Actor{ID: "local:0", Name: "Ada", Person: "ada", Role: access.Administrator, Tenant: "contoso"}
	nora    = access.Actor{ID: "token:n", Name: "Nora", Person: "nora", Role: access.User, Tenant: "contoso"}
	auditor = access.Actor{ID: "token:i", Name: "Ines", Person: "ines", Role: access.Auditor, Tenant: "contoso"}
	foreign = access.Actor{ID: "token:u", Name: "Uwe", Person: "uwe", Role: access.Administrator, Tenant: "fabrikam"}
)

const value = "the-new-value-of-the-secret"

var change = connector.Change{
	Rotation: "r-1", Request: "q-1", Consumer: "Partner portal", Reference: "the portal's page, under Connections",
	Application: inventory.Application{Tenant: "contoso", ObjectID: "o", Name: "D365_Basware", Owners: []inventory.Owner{
		{Kind: "servicePrincipal", Name: "robot"}, {Kind: "user", Name: "Marta", Mail: "marta@contoso.com"}, {Kind: "user", Name: "Claire", Mail: "claire@contoso.com"}}},
	New: inventory.Credential{KeyID: "k2"}, Place: inventory.Place{Vault: "kv-pay", Name: "basware", Version: "v2"},
}

func desk(t testing.TB, db *store.DB) *Desk {
	t.Helper()
	log, err := audit.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return &Desk{Sees: func(context.Context, access.Actor, string) (bool, error) { return true, nil },
		Store: db, Log: log, Value: func(_ context.Context, tenant, rotation string) (secret.Value, error) {
			if tenant != "contoso" || rotation != "r-1" {
				return secret.Value{}, errors.New("another rotation")
			}
			return secret.New(value), nil
		}}
}

// opened opens the task of change.
func opened(t testing.TB, d *Desk) Task {
	t.Helper()
	if err := d.Tell(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	list, _, err := d.List(t.Context(), nora, Filter{State: Pending})
	if err != nil || len(list) != 1 {
		t.Fatalf("got %+v, %v; want one task", list, err)
	}
	return list[0]
}

func actions(t testing.TB, d *Desk) string {
	t.Helper()
	list, err := audit.List(t.Context(), d.Store, admin, audit.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := len(list) - 1; i >= 0; i-- {
		names = append(names, strings.TrimPrefix(list[i].Action, "task.")+" "+string(list[i].Outcome))
	}
	return strings.Join(names, ", ")
}

func TestATaskIsDoneByItsPerson(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		d := desk(t, db)
		task := opened(t, d)
		if task.Person != "marta@contoso.com" || task.Backup != "claire@contoso.com" || task.State != Open || task.Place != "kv-pay/basware@v2" {
			t.Errorf("opened %+v", task)
		}
		if err := d.Tell(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		opened(t, d) // still one
		m, err := d.Moved(t.Context(), change)
		if err != nil || m.Yes || !strings.Contains(m.Person, "marta@contoso.com") || !strings.Contains(m.Person, task.ID) {
			t.Errorf("before: %+v, %v", m, err)
		}
		if _, err := d.Finish(t.Context(), auditor, task.ID, "x"); err == nil {
			t.Error("an auditor finished it")
		}
		for _, note := range []string{"", "  ", "a\nb", strings.Repeat("x", 501)} {
			if _, err := d.Finish(t.Context(), nora, task.ID, note); err == nil {
				t.Errorf("note %q was taken", note)
			}
		}
		if _, err := d.Finish(t.Context(), foreign, task.ID, "x"); !errors.Is(err, ErrNotFound) {
			t.Errorf("another tenant finishes it: %v", err)
		}
		if _, err := d.Finish(t.Context(), nora, task.ID, "signed in at 14:02"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Finish(t.Context(), nora, task.ID, "again"); !errors.Is(err, ErrEnded) {
			t.Errorf("done twice: %v", err)
		}
		if m, err = d.Moved(t.Context(), change); err != nil || !m.Yes || !strings.HasPrefix(m.Proof, "signed in at 14:02 (Nora, ") {
			t.Errorf("after: %+v, %v", m, err)
		}
		if got, want := actions(t, d), "opened done, done done"; got != want {
			t.Errorf("recorded %s, want %s", got, want)
		}
	})
}

func TestALinkRevealsOnce(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		d := desk(t, db)
		task := opened(t, d)
		if _, _, _, err := d.Link(t.Context(), nora, task.ID); err == nil {
			t.Error("a user made a link")
		}
		_, first, _, err := d.Link(t.Context(), admin, task.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, token, expires, err := d.Link(t.Context(), admin, task.ID)
		if err != nil || time.Until(expires) > longestLife {
			t.Fatalf("expires %s, %v", expires, err)
		}
		if _, _, err := d.Look(t.Context(), first); !errors.Is(err, ErrLink) {
			t.Errorf("the link that was replaced: %v", err)
		}
		for range 3 { // looking uses nothing up
			if got, _, err := d.Look(t.Context(), token); err != nil || got.ID != task.ID || got.State != Open {
				t.Fatalf("looking: %+v, %v", got, err)
			}
		}
		s, err := d.Reveal(t.Context(), token, "10.1.2.3")
		if err != nil || s.Value.Reveal() != value || s.Task.State != Viewed {
			t.Fatalf("got %+v, %v", s.Task, err)
		}
		if again, err := d.Reveal(t.Context(), token, ""); !errors.Is(err, ErrUsed) || !again.Value.IsZero() {
			t.Errorf("twice: %v", err)
		}
		if got, _, err := d.Look(t.Context(), token); !errors.Is(err, ErrUsed) || got.Viewed.IsZero() {
			t.Errorf("a used link tells %+v, %v", got, err)
		}
		if _, err := d.Reveal(t.Context(), s.Tick, ""); !errors.Is(err, ErrLink) {
			t.Errorf("the token for the tick reveals: %v", err)
		}
		if _, err := d.Tick(t.Context(), token, "x", ""); !errors.Is(err, ErrLink) {
			t.Errorf("the token for the value ticks: %v", err)
		}
		done, err := d.Tick(t.Context(), s.Tick, "the portal took it", "10.1.2.3")
		if err != nil || done.State != Done || !strings.Contains(done.By, "marta@contoso.com") {
			t.Errorf("got %+v, %v", done, err)
		}
		if _, err := d.Tick(t.Context(), s.Tick, "again", ""); err == nil {
			t.Error("ticked twice")
		}
		if _, _, _, err := d.Link(t.Context(), admin, task.ID); !errors.Is(err, ErrEnded) {
			t.Errorf("a link for what is done: %v", err)
		}
		if got, want := actions(t, d), "opened done, link done, link done, reveal done, done done"; got != want {
			t.Errorf("recorded %s, want %s", got, want)
		}
	})
}

// TestOneOfAThousandWins is SAFETY T32.
func TestOneOfAThousandWins(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		d := desk(t, db)
		task := opened(t, d)
		var reads atomic.Int32
		inner := d.Value
		d.Value = func(ctx context.Context, tenant, rotation string) (secret.Value, error) {
			reads.Add(1)
			return inner(ctx, tenant, rotation)
		}
		for round := range 3 {
			_, token, _, err := d.Link(t.Context(), admin, task.ID)
			if err != nil {
				t.Fatal(err)
			}
			var won, used, odd atomic.Int32
			var all sync.WaitGroup
			begin := make(chan struct{})
			for range 1000 {
				all.Go(func() {
					<-begin
					s, err := d.Reveal(t.Context(), token, "")
					switch {
					case err == nil && s.Value.Reveal() == value:
						won.Add(1)
					case errors.Is(err, ErrUsed) && s.Value.IsZero():
						used.Add(1)
					default:
						t.Log(err)
						odd.Add(1)
					}
				})
			}
			close(begin)
			all.Wait()
			if won.Load() != 1 || used.Load() != 999 || odd.Load() != 0 {
				t.Errorf("round %d: %d won, %d found it used, %d something else", round, won.Load(), used.Load(), odd.Load())
			}
		}
		if reads.Load() != 3 {
			t.Errorf("the value was read %d times, want 3", reads.Load())
		}
	})
}

func TestALinkWhoseValueCannotBeReadIsGivenBack(t *testing.T) {
	d := desk(t, storetest.SQLite(t, schemas...))
	task := opened(t, d)
	good := d.Value
	d.Value = func(context.Context, string, string) (secret.Value, error) {
		return secret.Value{}, errors.New("the vault is shut")
	}
	_, token, _, err := d.Link(t.Context(), admin, task.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Reveal(t.Context(), token, ""); err == nil || !strings.Contains(err.Error(), "the vault is shut") {
		t.Errorf("got %v", err)
	}
	if got, _, err := d.Look(t.Context(), token); err != nil || got.State != Open || !got.Viewed.IsZero() {
		t.Errorf("afterwards %+v, %v", got, err)
	}
	d.Value = good
	if s, err := d.Reveal(t.Context(), token, ""); err != nil || s.Value.Reveal() != value {
		t.Errorf("the second time: %v", err)
	}
	if got, want := actions(t, d), "opened done, link done, reveal done, reveal failed, reveal done"; got != want {
		t.Errorf("recorded %s, want %s", got, want)
	}
}

func TestALinkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk(t, storetest.SQLite(t, schemas...))
		d.Life = time.Hour
		task := opened(t, d)
		_, token, _, err := d.Link(t.Context(), admin, task.ID)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - time.Second)
		if _, _, err := d.Look(t.Context(), token); err != nil {
			t.Errorf("a second before: %v", err)
		}
		time.Sleep(2 * time.Second)
		if _, err := d.Reveal(t.Context(), token, ""); !errors.Is(err, ErrLink) {
			t.Errorf("a second after: %v", err)
		}
		_, token, _, err = d.Link(t.Context(), admin, task.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Drop(t.Context(), "contoso", "r-1", "the rotation was cancelled"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Reveal(t.Context(), token, ""); !errors.Is(err, ErrLink) {
			t.Errorf("after the rotation was cancelled: %v", err)
		}
	})
}

func TestRemindersComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk(t, storetest.SQLite(t, schemas...))
		d.Term = 100 * time.Hour
		task := opened(t, d)
		var heard []string
		step := func(hours int) {
			for range hours {
				time.Sleep(time.Hour)
				list, err := d.Due(t.Context(), "contoso")
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range list {
					heard = append(heard, fmt.Sprintf("%d%% %s %v", r.Percent, r.To, r.First))
				}
			}
		}
		step(130)
		want := "50% marta@contoso.com false, 90% marta@contoso.com false, 100% claire@contoso.com true, 124% claire@contoso.com false"
		if got := strings.Join(heard, ", "); got != want {
			t.Errorf("reminded\n%s, want\n%s", got, want)
		}
		if got, err := d.Get(t.Context(), nora, task.ID); err != nil || got.State != Escalated {
			t.Errorf("got %+v, %v", got, err)
		}
		if m, err := d.Moved(t.Context(), change); err != nil || !strings.HasPrefix(m.Person, "claire@contoso.com") {
			t.Errorf("asked is %+v, %v", m, err)
		}
		if err := d.Settle(t.Context(), "contoso", "q-1", "a sign-in with the new key at 10:00"); err != nil {
			t.Fatal(err)
		}
		heard = nil
		step(100)
		if len(heard) != 0 {
			t.Errorf("reminded of what is done: %v", heard)
		}
		if m, err := d.Moved(t.Context(), change); err != nil || !m.Yes || !strings.Contains(m.Proof, "sign-in with the new key") {
			t.Errorf("got %+v, %v", m, err)
		}
		if got, want := actions(t, d), "opened done, reminded done, reminded done, escalated done, reminded done, done done"; got != want {
			t.Errorf("recorded %s, want %s", got, want)
		}
	})
}

// TestAProcessThatWasDownRemindsOnce: three reminders were missed.
func TestAProcessThatWasDownRemindsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk(t, storetest.SQLite(t, schemas...))
		opened(t, d)
		time.Sleep(5 * 24 * time.Hour)
		if list, err := d.Due(t.Context(), "fabrikam"); err != nil || len(list) != 0 {
			t.Errorf("another tenant's: %+v, %v", list, err)
		}
		for want := 1; want >= 0; want-- {
			list, err := d.Due(t.Context(), "contoso")
			if err != nil || len(list) != want {
				t.Errorf("got %+v, %v; want %d", list, err, want)
			}
		}
	})
}

func TestAReferenceNamesThePerson(t *testing.T) {
	for reference, want := range map[string]string{"person:nora@contoso.com": "nora@contoso.com", "ask the portal team": "marta@contoso.com", "webhook:gone": "marta@contoso.com"} {
		d := desk(t, storetest.SQLite(t, schemas...))
		d.Backup = func(string) string { return "helpdesk@contoso.com" }
		c := change
		c.Reference = reference
		if err := d.Tell(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		list, _, err := d.List(t.Context(), nora, Filter{})
		if err != nil || len(list) != 1 || list[0].Person != want || list[0].Backup != "helpdesk@contoso.com" {
			t.Errorf("%s: %+v, %v", reference, list, err)
		}
	}
}

func TestListsHavePagesAndTenants(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		d := desk(t, db)
		for i := range 7 {
			c := change
			c.Request, c.Consumer = fmt.Sprint(i), fmt.Sprint("consumer ", i)
			if err := d.Tell(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		var seen []string
		f := Filter{Limit: 3}
		for {
			list, more, err := d.List(t.Context(), auditor, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range list {
				seen = append(seen, task.Request)
			}
			if !more {
				break
			}
			last := list[len(list)-1]
			f.Before = Cursor{last.Opened, last.ID}
		}
		unique := map[string]bool{}
		for _, s := range seen {
			unique[s] = true
		}
		if len(seen) != 7 || len(unique) != 7 {
			t.Errorf("saw %v", seen)
		}
		if list, _, err := d.List(t.Context(), foreign, Filter{}); err != nil || len(list) != 0 {
			t.Errorf("another tenant sees %+v, %v", list, err)
		}
		if list, _, err := d.List(t.Context(), nora, Filter{State: Done}); err != nil || len(list) != 0 {
			t.Errorf("done are %+v, %v", list, err)
		}
	})
}

func TestNoTokenIsKept(t *testing.T) {
	d := desk(t, storetest.SQLite(t, schemas...))
	_, token, _, err := d.Link(t.Context(), admin, opened(t, d).ID)
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Reveal(t.Context(), token, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"delivery_task", "delivery_link", "audit_event"} {
		err := d.Store.View(t.Context(), func(tx *store.Tx) error {
			rows, err := tx.Query(`SELECT * FROM ` + table)
			if err != nil {
				return err
			}
			defer rows.Close()
			names, err := rows.Columns()
			if err != nil {
				return err
			}
			for n := 0; rows.Next(); n++ {
				row := make([]any, len(names))
				for i := range row {
					row[i] = new(any)
				}
				if err := rows.Scan(row...); err != nil {
					return err
				}
				var text strings.Builder
				for _, cell := range row {
					text.WriteString(fmt.Sprintf("%s|", *cell.(*any)))
				}
				for _, bad := range []string{token.Reveal(), s.Tick.Reveal(), value} {
					if strings.Contains(text.String(), bad) {
						t.Errorf("%s holds it: %s", table, text.String())
					}
				}
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzToken: nothing that is not a token opens anything.
func FuzzToken(f *testing.F) {
	d := desk(f, storetest.SQLite(f, schemas...))
	_, token, _, err := d.Link(f.Context(), admin, opened(f, d).ID)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("")
	f.Add(token.Reveal()[:42])
	f.Add(strings.ToUpper(token.Reveal()))
	f.Fuzz(func(t *testing.T, s string) {
		if s == token.Reveal() {
			t.Skip()
		}
		if _, err := d.Reveal(t.Context(), secret.New(s), ""); !errors.Is(err, ErrLink) {
			t.Errorf("got %v", err)
		}
	})
}
