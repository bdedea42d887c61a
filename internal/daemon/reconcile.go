package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/store"
)

// compare makes the guard and lets it look for the first time. What cannot be asked
// does not keep rekey from starting; until it can be, nothing has an effect.
func (d *Daemon) compare(ctx context.Context) error {
	c := d.config
	d.guard = &rotation.Guard{
		Keeper: d.rotations, Tenant: c.Tenant.ID, Instance: instance(c.Data), Beacons: []rotation.Beacon{rotation.FileBeacon{Folder: c.Data}},
	}
	if c.Database != "" {
		d.guard.Shared = true
		d.guard.Epoch = func(ctx context.Context) (string, error) {
			system, timeline, err := d.store.Epoch(ctx)
			return system + "/" + timeline, err
		}
	}
	if c.Beat.Vault != "" {
		vault, err := d.around.vault(vaultHost(c.Beat.Vault))
		if err != nil {
			return err
		}
		d.guard.Beacons = append(d.guard.Beacons, rotation.VaultBeacon{Vault: vault, Where: c.Beat.Vault})
	}
	d.rotations.Held = d.guard.Held
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	d.beaten(ctx, d.guard.Open(ctx))
	return nil
}

func (d *Daemon) beat(ctx context.Context) {
	if d.beaten(ctx, d.guard.Beat(ctx)); d.guard.Held() == "" {
		d.carrier.wake()
	}
}

// lastBeat tells that this process has ended in order.
func (d *Daemon) lastBeat() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	d.beaten(ctx, d.guard.Close(ctx))
}

func (d *Daemon) beaten(ctx context.Context, err error) {
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		d.logger.Warn("cannot tell or ask outside of the database how far it has come", "error", err.Error())
	}
	if why := d.guard.Held(); why != "" {
		d.logger.Error("rekey is held: nothing has an effect until rekey reconcile accept", "why", why)
	}
}

// instance names this host and its data folder.
func instance(folder string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "a host without a name"
	}
	if full, err := filepath.Abs(folder); err == nil {
		folder = full
	}
	return host + " " + folder
}

// reconciler answers the API's questions about journal and world.
type reconciler struct {
	daemon *Daemon
	guard  *rotation.Guard
}

// Show reads the inventory anew, and compares.
func (r *reconciler) Show(ctx context.Context, by access.Actor) (*rotation.Report, error) {
	if err := by.Check(access.ReadReconcile); err != nil {
		return nil, err
	}
	seen, err := r.seen(ctx, by)
	if err != nil {
		return nil, err
	}
	return r.guard.Show(ctx, by, seen)
}

// Accept compares once more, and lets rekey go on if nothing has changed.
func (r *reconciler) Accept(ctx context.Context, by access.Actor, hash string) (*rotation.Report, error) {
	if err := by.Check(access.AcceptReconcile); err != nil {
		return nil, err
	}
	seen, err := r.seen(ctx, by)
	if err != nil {
		return nil, err
	}
	return r.guard.Accept(ctx, by, hash, seen)
}

// Hold holds rekey on a person's word.
func (r *reconciler) Hold(ctx context.Context, by access.Actor, reason string) error {
	return r.guard.Hold(ctx, by, reason)
}

// seen is what bears a marker in the whole tenant, from a reading of just now.
func (r *reconciler) seen(ctx context.Context, by access.Actor) (marked []inventory.Credential, err error) {
	run, err := r.daemon.syncs.Start(access.Rekey(by.Tenant), false)
	if err == nil {
		err = r.daemon.syncs.wait(ctx, by.Tenant, run.ID)
	}
	if err != nil {
		return nil, err
	}
	err = r.daemon.store.View(ctx, func(tx *store.Tx) error {
		return r.daemon.inventory.Walk(tx, by.Tenant, func(_ inventory.Application, rows []inventory.Row) error {
			for _, row := range rows {
				if row.Gone.IsZero() && rotation.Marked(row.Credential) {
					marked = append(marked, row.Credential)
				}
			}
			return nil
		})
	})
	return marked, err
}
