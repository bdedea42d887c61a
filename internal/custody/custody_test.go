package custody_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/custody"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var schemas = []store.Schema{audit.Schema, inventory.Schema, embedded.Schema, rotation.Schema, custody.Schema}

var (
	anna   = access.Actor{ID: "local:0", Name: "Anna", Person: "local:0", Role: access.Administrator, Tenant: "t1"}
	bert   = access.Actor{ID: "token:1", Name: "Bert", Person: "bert", Role: access.User, Tenant: "t1"}
	claire = access.Actor{ID: "token:2", Name: "Claire", Person: "claire", Role: access.Administrator, Tenant: "t1"}
)

// office is an installation: a database, a keyring, and what is sealed.
type office struct {
	t      testing.TB
	db     *store.DB
	folder string
	shelf  secret.Shelf
	keeper *custody.Keeper
}

func newOffice(t testing.TB, db *store.DB) *office {
	o := &office{t: t, db: db, folder: t.TempDir()}
	o.shelf = secret.FileShelf{Folder: o.folder}
	o.start()
	return o
}

// start is a new process.
func (o *office) start() {
	o.t.Helper()
	o.keeper = o.process()
}

func (o *office) process() *custody.Keeper {
	o.t.Helper()
	ring, err := secret.Open(context.Background(), o.shelf, secret.Custody{File: filepath.Join(o.folder, secret.MasterFile)})
	if err != nil {
		o.t.Fatal(err)
	}
	log, err := audit.New(ring.Signing)
	if err != nil {
		o.t.Fatal(err)
	}
	return &custody.Keeper{Ring: ring, Store: o.db, Log: log, Tenant: "t1", Sealed: []custody.Table{
		{Name: "the embedded vault", Reseal: embedded.Reseal, Using: embedded.Using},
		{Name: "the journal", Reseal: rotation.Reseal, Using: rotation.Using},
	}}
}

// value is what the n-th thing of a tenant holds.
func value(tenant string, n int) string {
	return fmt.Sprintf("va1ue~of.%s-%d_0123456789abcdef", tenant, n)
}

func (o *office) put(k *custody.Keeper, tenant string, n int) {
	o.t.Helper()
	v := &embedded.Vault{Store: o.db, Sealer: k.Ring.Sealer, Tenant: tenant}
	if _, err := v.Put(context.Background(), fmt.Sprint("secret-", n), connector.Deposit{Value: secret.New(value(tenant, n))}); err != nil {
		o.t.Fatal(err)
	}
}

// journal adds a rotation with one value or two.
func (o *office) journal(k *custody.Keeper, tenant string, n int) {
	o.t.Helper()
	id, old := fmt.Sprint("r-", n), ""
	label := "rotation/" + tenant + "/" + id
	if n%2 == 0 {
		old = k.Ring.Sealer.Seal(label+"/old", secret.New(value(tenant, n)))
	}
	err := o.db.Do(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO rotation (tenant, id, holder, state, asked, due, version, body, sealed, previous) VALUES ($1, $2, $2, 'open', 0, 0, 1, '{}', $3, $4)`,
			tenant, id, k.Ring.Sealer.Seal(label+"/new", secret.New(value(tenant, n))), old)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

const (
	inVault   = 230
	inJournal = 120
)

func (o *office) fill() {
	for n := range inVault {
		o.put(o.keeper, []string{"t1", "t2"}[n%2], n)
	}
	for n := range inJournal {
		o.journal(o.keeper, []string{"t1", "t2"}[n%2], n)
	}
}

// whole looks at every value there is.
func (o *office) whole(k *custody.Keeper) {
	o.t.Helper()
	type kept struct{ label, sealed, want string }
	var all []kept
	err := o.db.View(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT tenant, name, version, sealed FROM vault_version`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var tenant, name, version, sealed string
			if err := rows.Scan(&tenant, &name, &version, &sealed); err != nil {
				return err
			}
			n := 0
			if _, err := fmt.Sscanf(name, "secret-%d", &n); err != nil {
				return err
			}
			all = append(all, kept{"vault/" + tenant + "/" + name + "/" + version, sealed, value(tenant, n)})
		}
		if err := rows.Err(); err != nil {
			return err
		}
		journal, err := tx.Query(`SELECT tenant, id, sealed, previous FROM rotation`)
		if err != nil {
			return err
		}
		defer journal.Close()
		for journal.Next() {
			var tenant, id, sealed, previous string
			if err := journal.Scan(&tenant, &id, &sealed, &previous); err != nil {
				return err
			}
			n := 0
			if _, err := fmt.Sscanf(id, "r-%d", &n); err != nil {
				return err
			}
			all = append(all, kept{"rotation/" + tenant + "/" + id + "/new", sealed, value(tenant, n)})
			if previous != "" {
				all = append(all, kept{"rotation/" + tenant + "/" + id + "/old", previous, value(tenant, n)})
			}
		}
		return journal.Err()
	})
	if err != nil {
		o.t.Fatal(err)
	}
	if len(all) < inVault+inJournal {
		o.t.Fatalf("only %d values are left", len(all))
	}
	for _, v := range all {
		got, err := k.Ring.Sealer.Open(v.label, v.sealed)
		if err != nil || got.Reveal() != v.want {
			o.t.Fatalf("%s: %v", v.label, err)
		}
	}
}

// keys are the ids, the current one with a star, and how much each has sealed.
func (o *office) keys(k *custody.Keeper) string {
	o.t.Helper()
	s, err := k.Status(context.Background(), anna)
	if err != nil {
		o.t.Fatal(err)
	}
	var parts []string
	for _, key := range s.Keys {
		parts = append(parts, fmt.Sprintf("%s%s:%d", key.ID, map[bool]string{true: "*"}[key.Current], key.Values))
	}
	return strings.Join(parts, " ")
}

func (o *office) events(action access.Action) (list []string) {
	o.t.Helper()
	err := o.db.View(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT body FROM audit_event WHERE action = $1 ORDER BY seq`, string(action))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var body string
			if err := rows.Scan(&body); err != nil {
				return err
			}
			list = append(list, body)
		}
		return rows.Err()
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return list
}

// TestTheKeyIsExchanged: everything is sealed again, nothing is lost, and the
// old key goes with the next process, or after an hour.
func TestTheKeyIsExchanged(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		o.fill()
		ctx, all := t.Context(), inVault+inJournal
		if got, want := o.keys(o.keeper), fmt.Sprintf("k1*:%d", all); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		s, err := o.keeper.Rotate(ctx, claire)
		if err != nil || s.Resealing() != all || s.Shared || s.Source != secret.FromFile {
			t.Fatalf("%+v, %v", s, err)
		}
		o.whole(o.keeper)
		for range 2 {
			if err := o.keeper.Reseal(ctx); err != nil {
				t.Fatal(err)
			}
			if got, want := o.keys(o.keeper), fmt.Sprintf("k1:0 k2*:%d", all); got != want {
				t.Fatalf("%s, want %s: the process that sealed with it could be writing still", got, want)
			}
		}
		o.whole(o.keeper)
		o.start()
		if err := o.keeper.Reseal(ctx); err != nil {
			t.Fatal(err)
		}
		if got, want := o.keys(o.keeper), fmt.Sprintf("k2*:%d", all); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		o.whole(o.keeper)
		if e := o.events(access.RotateKeys); len(e) != 2 || !strings.Contains(e[0], "intent") || !strings.Contains(e[1], `"key":"k2"`) || !strings.Contains(e[1], "Claire") {
			t.Errorf("%q", e)
		}
		if e := o.events(access.ResealValues); len(e) != 2 || !strings.Contains(e[1], `"dropped":"k1"`) {
			t.Errorf("%q", e)
		}
	})
}

func TestAnOldKeyGoesAfterAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "rekey.db"), schemas...)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		o := newOffice(t, db)
		o.fill()
		early := o.keeper.Ring.Sealer.Seal("rotation/t1/r-0/new", secret.New(value("t1", 0)))
		ctx, stop := context.WithCancel(context.Background())
		var done sync.WaitGroup
		done.Go(func() { o.keeper.Run(ctx) })
		if _, err := o.keeper.Rotate(ctx, anna); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		o.whole(o.keeper)
		o.late(early)
		time.Sleep(30 * time.Minute)
		if got := o.keys(o.keeper); !strings.HasPrefix(got, "k1:0 k2*:") {
			t.Errorf("%s: a value came late, so the hour begins again", got)
		}
		time.Sleep(32 * time.Minute)
		if got := o.keys(o.keeper); !strings.HasPrefix(got, "k2*:") {
			t.Error(got)
		}
		o.whole(o.keeper)
		stop()
		done.Wait()
	})
}

// late puts back a value under an old key, as a visit does that read its rotation
// before it was sealed again.
func (o *office) late(sealed string) {
	o.t.Helper()
	err := o.db.Do(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE rotation SET sealed = $1 WHERE tenant = 't1' AND id = 'r-0'`, sealed)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

// TestKilledAnywhere kills the process before and after every commit of an
// exchange, and starts it again: nothing is ever lost, and it ends with one key.
func TestKilledAnywhere(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		o.fill()
		points := 0
		for n := 1; ; n++ {
			point := 0
			step := func() {
				if point++; point == n {
					panic(errKilled)
				}
			}
			db.Committing, db.Committed = step, step
			survived := exchange(o.keeper)
			db.Committing, db.Committed = nil, nil
			o.start()
			o.whole(o.keeper)
			if survived {
				break
			}
			points++
			for len(o.keeper.Ring.Keys()) > 1 {
				if err := o.keeper.Reseal(t.Context()); err != nil {
					t.Fatal(err)
				}
				o.start()
			}
			o.whole(o.keeper)
		}
		if points < 12 {
			t.Errorf("only %d points", points)
		}
		t.Logf("killed at %d points", points)
	})
}

var errKilled = errors.New("killed")

func exchange(k *custody.Keeper) (survived bool) {
	defer func() {
		if r := recover(); r != nil && r != errKilled {
			panic(r)
		}
	}()
	k.Calm = time.Nanosecond
	if _, err := k.Rotate(context.Background(), anna); err != nil {
		panic(err)
	}
	for range 2 {
		if err := k.Reseal(context.Background()); err != nil {
			panic(err)
		}
	}
	return true
}

// TestReplicasExchangeTheKey: several processes on one database write, rotate
// and seal again at once. All of them open everything at any time.
func TestReplicasExchangeTheKey(t *testing.T) {
	db := storetest.Postgres(t, schemas...)
	o := newOffice(t, db)
	o.shelf = custody.Shelf{Store: db}
	o.start()
	o.fill()
	replicas := []*custody.Keeper{o.keeper, o.process(), o.process()}
	var wg sync.WaitGroup
	for i, k := range replicas {
		wg.Go(func() {
			for n := range 40 {
				o.put(k, fmt.Sprint("t", i), 1000+n)
				if n%10 == 3*i {
					if _, err := k.Rotate(t.Context(), anna); err != nil && !errors.Is(err, secret.ErrMoved) && !errors.Is(err, secret.ErrTooMany) {
						t.Error(err)
					}
				}
				if n%7 == 0 {
					if err := k.Reseal(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	for _, k := range replicas {
		o.whole(k)
	}
	for _, k := range replicas {
		k.Calm = time.Nanosecond
		for range 2 {
			if err := k.Reseal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, k := range replicas {
		o.whole(k)
		if s, err := k.Status(t.Context(), anna); err != nil || len(s.Keys) != 1 || !s.Shared {
			t.Errorf("%+v, %v", s, err)
		}
	}
}

// TestAnInstallationMovesToASharedDatabase: the keyring of its data folder is
// taken over once, by whoever comes first.
func TestAnInstallationMovesToASharedDatabase(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		o.fill()
		o.shelf = custody.Shelf{Store: db, First: o.shelf}
		var wg sync.WaitGroup
		moved := make([]*custody.Keeper, 4)
		for i := range moved {
			wg.Go(func() { moved[i] = o.process() })
		}
		wg.Wait()
		if _, err := moved[0].Rotate(t.Context(), anna); err != nil {
			t.Fatal(err)
		}
		o.put(moved[0], "t1", inVault)
		for _, k := range moved {
			o.whole(k)
		}
		o.start()
		if got := len(o.keeper.Ring.Keys()); got != 2 {
			t.Errorf("%d keys: the folder's keyring was taken a second time", got)
		}
	})
}

// TestOneDamagedValueDoesNotHoldUpTheOthers, and keeps its key.
func TestOneDamagedValueDoesNotHoldUpTheOthers(t *testing.T) {
	o := newOffice(t, storetest.SQLite(t, schemas...))
	o.fill()
	err := o.db.Do(t.Context(), func(tx *store.Tx) error {
		for _, text := range []string{
			`UPDATE vault_version SET sealed = 'k1.00' WHERE tenant = 't1' AND name = 'secret-0'`,
			`UPDATE vault_version SET sealed = 'k77.00' WHERE tenant = 't1' AND name = 'secret-2'`,
			`UPDATE rotation SET previous = 'k1.00' WHERE tenant = 't1' AND id = 'r-0'`,
		} {
			if _, err := tx.Exec(text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.keeper.Rotate(t.Context(), anna); err != nil {
		t.Fatal(err)
	}
	o.start()
	err = o.keeper.Reseal(t.Context())
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{"vault/t1/secret-0/", "vault/t1/secret-2/", "its key k77 is not in the keyring", "rotation/t1/r-0/old"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if got, want := o.keys(o.keeper), fmt.Sprintf("k1:2 k2*:%d", inVault-2+inJournal); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	o := newOffice(t, storetest.SQLite(t, schemas...))
	denied := func(err error) bool { _, ok := errors.AsType[*access.DeniedError](err); return ok }
	if _, err := o.keeper.Status(t.Context(), bert); !denied(err) {
		t.Errorf("status: %v", err)
	}
	if _, err := o.keeper.Rotate(t.Context(), bert); !denied(err) {
		t.Errorf("rotate: %v", err)
	}
	to := secret.Custody{Source: secret.FromFile, File: filepath.Join(o.folder, secret.MasterFile)}
	if err := o.keeper.ChangeMaster(t.Context(), claire, to); !denied(err) {
		t.Errorf("from elsewhere: %v", err)
	}
	if e := o.events(access.RotateKeys); len(e) != 1 || !strings.Contains(e[0], `"refused"`) {
		t.Errorf("%q", e)
	}
	if err := o.keeper.ChangeMaster(t.Context(), anna, to); err != nil {
		t.Error(err)
	}
	if err := o.keeper.ChangeMaster(t.Context(), anna, secret.Custody{Source: secret.FromPassphrase}); err == nil {
		t.Error("a passphrase that nobody said")
	}
	e := o.events(access.ChangeMaster)
	if len(e) != 4 || !strings.Contains(e[1], `"source":"file"`) || !strings.Contains(e[3], `"failed"`) {
		t.Errorf("%q", e)
	}
	o.start()
	if got := o.keys(o.keeper); got != "k1*:0" {
		t.Error(got)
	}
}
