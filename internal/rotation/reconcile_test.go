package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/connector/keyvault"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
)

// guarded is a town whose installation is guarded.
type guarded struct {
	*town
	beacon func() rotation.Beacon
	guard  *rotation.Guard
}

func newGuarded(t *testing.T, inVault bool) *guarded {
	g := &guarded{town: newTown(t, realLag)}
	g.beacon = func() rotation.Beacon { return rotation.FileBeacon{Folder: g.folder} }
	if inVault {
		g.beacon = func() rotation.Beacon {
			return rotation.VaultBeacon{Vault: &keyvault.Vault{API: g.client(g.cloud.RoundTripper(sim.Hooks{}), g.place.Vault)}, Where: g.place.Vault}
		}
	}
	return g
}

// open opens the data folder as the daemon does.
func (g *guarded) open() {
	g.t.Helper()
	db, err := store.Open(context.Background(), filepath.Join(g.folder, "rekey.db"), audit.Schema, inventory.Schema, embedded.Schema, rotation.Schema, rotation.ReconcileSchema)
	if err != nil {
		g.t.Fatal(err)
	}
	g.use(db)
	g.guard = &rotation.Guard{Keeper: g.keeper, Tenant: g.tenant.ID, Instance: "host-1 " + g.folder, Beacons: []rotation.Beacon{g.beacon()}}
	g.keeper.Held = g.guard.Held
	if err := g.guard.Open(context.Background()); err != nil {
		g.t.Fatal(err)
	}
}

// backup copies the database of a stopped process, restore puts it back.
func (g *guarded) backup() []byte {
	g.t.Helper()
	g.stop()
	raw, err := os.ReadFile(filepath.Join(g.folder, "rekey.db"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.open()
	return raw
}

func (g *guarded) restore(raw []byte) {
	g.t.Helper()
	g.stop()
	file := filepath.Join(g.folder, "rekey.db")
	for _, old := range []string{file, file + "-wal", file + "-shm"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			g.t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		g.t.Fatal(err)
	}
	g.open()
}

// carry lets a rotation go on for so many visits, or until it has ended, with the
// beat of the daemon's chores in between.
func (g *guarded) carry(id string, visits int) *rotation.Rotation {
	g.t.Helper()
	var r *rotation.Rotation
	for range visits {
		if r = g.visit(id); r.State != rotation.Open {
			return r
		}
		g.sleep(max(time.Until(r.Due), time.Second))
	}
	return r
}

func (g *guarded) sleep(d time.Duration) {
	g.t.Helper()
	time.Sleep(d)
	if err := g.guard.Beat(context.Background()); err != nil {
		g.t.Fatal(err)
	}
	if why := g.guard.Held(); why != "" {
		g.t.Fatalf("held in the middle: %s", why)
	}
}

// renew begins the next rotation, of the credential that the last one made.
func (g *guarded) renew(old inventory.Credential) *rotation.Rotation {
	g.t.Helper()
	q := g.request()
	q.Old = inventory.Credential{KeyID: old.KeyID, Kind: inventory.ClientSecret}
	r, err := g.keeper.Propose(context.Background(), nora, q)
	if err != nil {
		g.t.Fatal(err)
	}
	if r, err = g.keeper.Approve(context.Background(), omar, r.ID, r.Hash); err != nil {
		g.t.Fatal(err)
	}
	return r
}

// did are all changes that were ever made to credentials and vault entries, other
// than the beat.
func (g *guarded) did() (list []world.Fact) {
	for _, f := range g.cloud.World().Facts("") {
		if f.What != "token" && f.What != "getSecret" && !strings.Contains(f.Object, "rekey-installation-") {
			list = append(list, f)
		}
	}
	return list
}

// known are the key ids that the journal in the database knows of.
func (g *guarded) known() map[string]bool {
	g.t.Helper()
	list, _, err := g.keeper.List(context.Background(), omar, rotation.Filter{})
	if err != nil {
		g.t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, r := range list {
		ids[r.Terms.Old.KeyID] = true
		for _, id := range r.Terms.Kept {
			ids[id] = true
		}
		for _, a := range r.Attempts {
			ids[a.KeyID] = true
		}
	}
	return ids
}

// push lets everything that could have an effect try to.
func (g *guarded) push() {
	g.t.Helper()
	ctx := context.Background()
	list, _, err := g.keeper.List(ctx, omar, rotation.Filter{State: rotation.Open})
	if err != nil {
		g.t.Fatal(err)
	}
	for range 3 {
		for _, r := range list {
			if err := g.keeper.Advance(ctx, g.tenant.ID, r.ID); err != nil && !errors.Is(err, rotation.ErrHeld) {
				g.t.Errorf("advance: %v", err)
			}
		}
		time.Sleep(26 * time.Hour)
		if err := g.keeper.Strays(ctx, g.tenant.ID, g.everything()); err != nil {
			g.t.Error(err)
		}
	}
}

// everything is what a reading of the inventory shows of the application.
func (g *guarded) everything() (list []inventory.Credential) {
	for _, p := range g.cloud.Passwords(g.tenant.Demo.ClientID) {
		list = append(list, inventory.Credential{Tenant: g.tenant.ID, Holder: inventory.ObjectID(g.tenant.Demo.ApplicationID), KeyID: p.KeyID, Kind: inventory.ClientSecret, Label: p.Name, Starts: p.Starts, Expires: p.Ends})
	}
	return list
}

// TestRestoreOfAnOldBackup restores backups of 0 to 30 days ago into a world that
// has gone on, taken at every stage of a rotation (SAFETY T14, F38): the
// installation is held each time, nothing has an effect before a person accepts,
// the report names exactly what differs, and afterwards nobody is cut off.
func TestRestoreOfAnOldBackup(t *testing.T) {
	held := 0
	for days := range 31 {
		for _, inVault := range []bool{false, true} {
			if (days*2+len(t.Name()))%slow != 0 {
				continue
			}
			t.Run(fmt.Sprintf("%d days, vault %v", days, inVault), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					restoreOf(t, days, inVault)
					held++
				})
			})
		}
	}
	t.Logf("%d backups restored", held)
}

func restoreOf(t *testing.T, days int, inVault bool) {
	g := newGuarded(t, inVault)
	defer g.stop()
	g.open()
	r := g.begin()
	r = g.carry(r.ID, days*5%23) // sometime in the course, or after its end
	raw, taken := g.backup(), time.Now()
	stood := where(r)
	g.point = func() { g.check("while the world goes on") }
	// The world goes on: rotations end, others follow, for so many days.
	first := r
	if first == nil || first.State == rotation.Open {
		id := g.openID()
		first = g.carry(id, 200)
	}
	last := first
	for time.Since(taken) < time.Duration(days)*24*time.Hour {
		next := g.carry(g.renew(*last.Issued).ID, 3)
		if next.State == rotation.Open && time.Since(taken) < time.Duration(days)*24*time.Hour {
			next = g.carry(next.ID, 200)
		}
		if next.Issued == nil || next.State == rotation.Open {
			break
		}
		last = next
		g.sleep(36 * time.Hour)
	}
	g.sleep(2 * time.Hour)

	g.restore(raw)
	if g.guard.Held() == "" {
		t.Fatalf("not held, though the backup is %s old", time.Since(taken))
	}
	g.heldStrictly(stood)
	g.accepted(stood)
}

func (g *guarded) openID() string {
	g.t.Helper()
	list, _, err := g.keeper.List(context.Background(), omar, rotation.Filter{State: rotation.Open})
	if err != nil || len(list) != 1 {
		g.t.Fatalf("%d open rotations: %v", len(list), err)
	}
	return list[0].ID
}

// heldStrictly pushes, and nothing happens, in this process and in the next.
func (g *guarded) heldStrictly(stood string) {
	g.t.Helper()
	before, vault := len(g.did()), g.current()
	g.push()
	g.stop()
	g.open()
	g.push()
	if refs, next, err := g.keeper.Due(context.Background(), 10); len(refs) != 0 || !next.IsZero() || err != nil {
		g.t.Errorf("while held %v is due (%v)", refs, err)
	}
	if n := len(g.did()) - before; n != 0 || g.current() != vault {
		g.t.Errorf("%d effects before anybody accepted (the journal was %s)", n, stood)
	}
}

// plain is somebody with no rights but those of a user.
func plain(a access.Actor) access.Actor {
	a.Role = access.User
	return a
}

// accepted shows the report, compares it with the truth, accepts it, and lets
// everything go on.
func (g *guarded) accepted(stood string) {
	g.t.Helper()
	ctx := context.Background()
	if _, err := g.guard.Show(ctx, plain(nora), nil); err == nil {
		g.t.Error("a user may see the report")
	}
	rep, err := g.guard.Show(ctx, omar, g.everything())
	if err != nil {
		g.t.Fatal(err)
	}
	g.exact(rep, stood)
	auditor := omar
	auditor.Role = access.Auditor
	if _, err := g.guard.Accept(ctx, auditor, rep.Hash, g.everything()); err == nil {
		g.t.Error("an auditor may accept")
	}
	if _, err := g.guard.Accept(ctx, omar, strings.Repeat("0", 64), g.everything()); !errors.Is(err, rotation.ErrReport) {
		g.t.Errorf("another report is accepted: %v", err)
	}
	before := len(g.did())
	if _, err := g.guard.Accept(ctx, omar, rep.Hash, g.everything()); err != nil {
		g.t.Fatal(err)
	}
	if why := g.guard.Held(); why != "" {
		g.t.Errorf("held after it was accepted: %s", why)
	}
	if n := len(g.did()[before:]); n > 0 {
		g.t.Errorf("accepting had %d effects: %v", n, g.did()[before:])
	}
	if _, err := g.guard.Accept(ctx, omar, rep.Hash, nil); !errors.Is(err, rotation.ErrNotHeld) {
		g.t.Errorf("accepted twice: %v", err)
	}
	in := g.current()
	g.point = func() { g.check("after it was accepted, " + stood) }
	g.push()
	if g.current() != in && rep.Agree == 0 {
		g.t.Errorf("%s: the vault was written to", stood)
	}
	if n := g.cloud.Accepts(g.tenant.Demo.ClientID, g.current()); n != g.cloud.World().Replicas() {
		g.t.Errorf("%s: what the vault holds is accepted by %d replicas", stood, n)
	}
	g.stop()
	g.open()
	if why := g.guard.Held(); why != "" {
		g.t.Errorf("held at the next start: %s", why)
	}
	if text := g.audited(); !strings.Contains(text, "reconcile.accept") || !strings.Contains(text, "reconcile.hold") {
		g.t.Error("the log does not tell of it")
	}
	// And life goes on: the credential in the vault can be renewed.
	if rep.Agree == 0 {
		v, _ := g.cloud.CurrentVersion(g.tenant.Demo.Vault, g.tenant.Demo.Secret)
		r := g.carry(g.renew(inventory.Credential{KeyID: v.Tags[inventory.TagKeyID]}).ID, 200)
		if r.State != rotation.Done {
			g.t.Errorf("%s: the next rotation ended %s", stood, where(r))
		}
	}
}

// exact compares the report with the truth: every open rotation whose picture
// differs, and every credential that the journal does not know, and nothing else.
func (g *guarded) exact(rep *rotation.Report, stood string) {
	g.t.Helper()
	known := g.known()
	var want []string
	for _, p := range g.cloud.Passwords(g.tenant.Demo.ClientID) {
		if !known[p.KeyID] {
			want = append(want, p.KeyID)
		}
	}
	var got []string
	voids := 0
	for _, f := range rep.Findings {
		if f.Then == rotation.ThenVoid {
			voids++
		}
		if f.Credential != "" && !known[f.Credential] {
			got = append(got, f.Credential)
			if !f.Proved && f.Rotation == "" {
				g.t.Errorf("%s: credential %s is ours, and not recognised", stood, f.Credential)
			}
		}
		if f.Text == "" || f.Journal == "" || f.World == "" || f.Then == "" {
			g.t.Errorf("%s: a finding says nothing: %+v", stood, f)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		g.t.Errorf("%s: credentials that the journal lacks: got %v, want %v", stood, got, want)
	}
	open, _, err := g.keeper.List(context.Background(), omar, rotation.Filter{State: rotation.Open})
	if err != nil {
		g.t.Fatal(err)
	}
	if voids+rep.Agree != len(open) {
		g.t.Errorf("%s: %d void, %d go on, of %d open ones", stood, voids, rep.Agree, len(open))
	}
	if again, err := g.guard.Show(context.Background(), omar, g.everything()); err != nil || again.Hash != rep.Hash {
		g.t.Errorf("%s: the same look has another hash: %v", stood, err)
	}
}

// A process that is killed anywhere is not held when it starts again: its beats
// never run ahead of its journal.
func TestNoCrashLooksLikeARestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, false)
		defer g.stop()
		g.open()
		r := g.begin()
		points := 0
		g.point = func() {
			if points++; points%31 == 0 {
				panic(crash{points})
			}
		}
		for range 400 {
			if g.db == nil {
				at := g.point
				g.point = func() {}
				g.open()
				g.point = at
			}
			if why := g.guard.Held(); why != "" {
				t.Fatalf("held after a crash: %s", why)
			}
			now := g.visit(r.ID)
			if now != nil && now.State != rotation.Open {
				return
			}
			pause := time.Second
			if now != nil {
				pause = max(time.Until(now.Due), time.Second)
			}
			time.Sleep(pause)
		}
		t.Fatal("the rotation has not ended")
	})
}

// Two copies of an installation: the vault tells the second one that there is a
// first, and whoever a person lets go on shuts the other up (SAFETY F39).
func TestCopyIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, true)
		defer g.stop()
		g.open()
		g.begin()
		g.sleep(2 * time.Hour)
		raw := g.backup()
		other := newGuarded(t, true)
		defer other.stop()
		other.cloud, other.tenant, other.place = g.cloud, g.tenant, g.place
		for _, name := range []string{"keyring.json", "master.key"} {
			key, err := os.ReadFile(filepath.Join(g.folder, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(other.folder, name), key, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(other.folder, "rekey.db"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		other.open()
		if why := other.guard.Held(); !strings.Contains(why, "may still do so") {
			t.Errorf("the copy: %q", why)
		}
		g.sleep(7 * time.Hour) // the first is not disturbed
		ctx := context.Background()
		rep, err := other.guard.Show(ctx, omar, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.guard.Accept(ctx, omar, rep.Hash, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Hour)
		if err := g.guard.Beat(ctx); err != nil {
			t.Fatal(err)
		}
		if why := g.guard.Held(); !strings.Contains(why, "another history") && !strings.Contains(why, "older than the world") {
			t.Errorf("the first, after a person has chosen the copy: %q", why)
		}
		if why := other.guard.Held(); why != "" {
			t.Errorf("the chosen one: %q", why)
		}
	})
}

// A move to another host that was stopped in order is none of this.
func TestOrderlyMoveIsNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, true)
		defer g.stop()
		g.open()
		g.begin()
		if err := g.guard.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		g.guard = &rotation.Guard{Keeper: g.keeper, Tenant: g.tenant.ID, Instance: "host-2", Beacons: []rotation.Beacon{g.beacon()}}
		if err := g.guard.Open(context.Background()); err != nil {
			t.Fatal(err)
		}
		if why := g.guard.Held(); why != "" {
			t.Errorf("held: %s", why)
		}
	})
}

// What stands outside is another database's, is lost, or the database server has
// changed: each holds, and says why.
func TestWhatHolds(t *testing.T) {
	tests := []struct {
		name string
		do   func(*guarded)
		says string
	}{
		{"another database in the folder", func(g *guarded) {
			db, err := store.Open(context.Background(), filepath.Join(g.folder, "rekey.db"), audit.Schema, inventory.Schema, embedded.Schema, rotation.Schema, rotation.ReconcileSchema)
			if err != nil {
				g.t.Fatal(err)
			}
			defer db.Close()
			if err := db.Do(context.Background(), func(tx *store.Tx) error {
				_, err := tx.Exec(`UPDATE rotation_beat SET id = 'another'`)
				return err
			}); err != nil {
				g.t.Fatal(err)
			}
		}, "belongs to another database"},
		{"the beat is lost", func(g *guarded) { os.Remove(filepath.Join(g.folder, rotation.BeatFile)) }, "nothing outside of the database knows it"},
		{"the beat is damaged", func(g *guarded) {
			os.WriteFile(filepath.Join(g.folder, rotation.BeatFile), []byte("{}"), 0o600)
		}, "can be asked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGuarded(t, false)
			defer g.stop()
			g.open()
			g.begin()
			if err := g.guard.Beat(t.Context()); err != nil {
				t.Fatal(err)
			}
			g.stop()
			tt.do(g)
			db, err := store.Open(t.Context(), filepath.Join(g.folder, "rekey.db"), audit.Schema, inventory.Schema, embedded.Schema, rotation.Schema, rotation.ReconcileSchema)
			if err != nil {
				t.Fatal(err)
			}
			g.use(db)
			guard := &rotation.Guard{Keeper: g.keeper, Tenant: g.tenant.ID, Instance: "host-1", Beacons: []rotation.Beacon{g.beacon()}}
			if guard.Held() == "" {
				t.Error("not held before it was opened")
			}
			guard.Open(t.Context())
			if why := guard.Held(); !strings.Contains(why, tt.says) {
				t.Errorf("got %q, want %q", why, tt.says)
			}
		})
	}
}

// A new database in an old folder is a new beginning: nothing in it could be wrong.
func TestNewDatabaseIsNotHeld(t *testing.T) {
	g := newGuarded(t, false)
	defer g.stop()
	g.open()
	g.stop()
	for _, name := range []string{"rekey.db", "rekey.db-wal", "rekey.db-shm"} {
		if err := os.Remove(filepath.Join(g.folder, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	for range 2 {
		g.open()
		if why := g.guard.Held(); why != "" {
			t.Errorf("held: %s", why)
		}
		g.stop()
	}
}

// A failover to a server with another timeline holds, until it is accepted.
func TestFailoverHolds(t *testing.T) {
	g := newGuarded(t, false)
	defer g.stop()
	g.open()
	epoch := "7312 timeline 1"
	g.guard.Epoch = func(context.Context) (string, error) { return epoch, nil }
	for _, step := range []struct {
		epoch string
		held  bool
	}{{"7312 timeline 1", false}, {"7312 timeline 2", true}} {
		epoch = step.epoch
		if err := g.guard.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		if why := g.guard.Held(); (why != "") != step.held {
			t.Errorf("%s: held %q", step.epoch, why)
		}
	}
	rep, err := g.guard.Show(t.Context(), omar, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.guard.Accept(t.Context(), omar, rep.Hash, nil); err != nil {
		t.Fatal(err)
	}
	if err := g.guard.Beat(t.Context()); err != nil || g.guard.Held() != "" {
		t.Errorf("after it was accepted: %v, held %q", err, g.guard.Held())
	}
}

// A person can hold rekey, and only an administrator.
func TestHoldByHand(t *testing.T) {
	g := newGuarded(t, false)
	defer g.stop()
	g.open()
	if _, ok := errors.AsType[*access.DeniedError](g.guard.Hold(t.Context(), plain(nora), "x")); !ok {
		t.Error("a user may hold it")
	}
	if err := g.guard.Hold(t.Context(), omar, " "); err == nil {
		t.Error("held without a reason")
	}
	if err := g.guard.Hold(t.Context(), omar, "restored from Monday's backup"); err != nil {
		t.Fatal(err)
	}
	if why := g.guard.Held(); why != "Omar has held it: restored from Monday's backup" {
		t.Errorf("got %q", why)
	}
}
