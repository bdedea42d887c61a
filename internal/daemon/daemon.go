// Package daemon puts rekey together and keeps it going.
//
// It is the only package that knows all others: it opens the data folder, builds
// each service from the configuration, lists the connectors (kinds.go), the
// tables (schemas.go) and what runs by itself and when (chores.go), and hands out
// the one API that every command speaks, over the network or in this process.
package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/custody"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/server"
	"rekey.example/rekey/internal/server/api"
	"rekey.example/rekey/internal/server/metrics"
	"rekey.example/rekey/internal/server/ui"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/telemetry"
	"rekey.example/rekey/internal/trail"
	"rekey.example/rekey/internal/usage"
	"rekey.example/rekey/internal/view"
)

// Daemon is an open installation.
type Daemon struct {
	config Config
	logger *slog.Logger

	lock      *lock
	store     *store.DB
	log       *audit.Log
	around    *surroundings // nil if no tenant is configured
	inventory *inventory.Service
	policy    *policy.Policy
	keys      *custody.Keeper
	rotations *rotation.Keeper
	guard     *rotation.Guard // nil if no tenant is configured
	carrier   carrier
	scheduled *schedule.Service
	planner   *schedule.Planner
	desk      *delivery.Desk
	trail     *trail.Trail
	usage     *usage.Meter
	noticed   chan struct{} // a source of the trail has something
	consumers *consumers    // nil if no tenant is configured
	doors     doors
	others    *others
	metrics   *metrics.Metrics
	trace     *telemetry.Tracer // nil: nobody wants to know
	syncs     *syncs
	api       *api.API
	alerts    *alert.Keeper
	feeds     *calendar.Desk
	bell      chan struct{} // wakes what looks after the alerts
	console   *ui.Console

	closing chan struct{} // closed when no new work is to begin
	stop    func()        // closes it, once
	looking context.Context
	acting  context.Context // of what must not break off in the middle; ends last
	cut     func()          // ends acting
	work    sync.Once
	carries sync.Once
	tends   sync.Once
	guests  guests
}

// Open opens the installation in the data folder, which it makes if there is
// none. Its error is a *LockedError if another process works on the folder.
// Nothing runs by itself before Work or Serve is called.
func Open(ctx context.Context, c Config) (*Daemon, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Version = cmp.Or(c.Version, "development")
	d := &Daemon{config: c, logger: c.Logger, closing: make(chan struct{}), noticed: make(chan struct{}, 1)}
	d.acting, d.cut = context.WithCancel(context.WithoutCancel(ctx))
	looking, end := context.WithCancel(d.acting)
	d.looking, d.stop = looking, sync.OnceFunc(func() { close(d.closing); end() })
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Daemon) open(ctx context.Context) (err error) {
	c, err := armed(d.config)
	if err != nil {
		return err
	}
	if d.lock, err = lockFolder(c.Data); err != nil {
		return err
	}
	if d.store, err = openStore(ctx, c); err != nil {
		return err
	}
	arm(c, d.store)
	ring, err := d.keyring(ctx)
	if err != nil {
		return err
	}
	if d.log, err = audit.New(ring.Signing); err != nil {
		return err
	}
	d.keys = d.keeper(ring)
	if err = d.among(ctx); err != nil {
		return err
	}
	if c, err = d.observe(ctx, c); err != nil {
		return err
	}
	if c.Tenant.ID != "" {
		if d.around, err = surround(c, d.store, ring); err != nil {
			return err
		}
	}
	d.desk = d.newDesk(d.newValue)
	if d.around != nil {
		d.around.directory.Overwritten = d.overwritten
		if d.consumers, err = newConsumers(c, d.around, d.desk); err != nil {
			return err
		}
	}
	d.inventory = &inventory.Service{Store: d.store, Bound: d.bound, Strays: rotation.Strays}
	if d.policy, err = policy.New(d.store, d.log, c.Policy); err != nil {
		return err
	}
	times, err := c.schedule(ring.Markers)
	if err != nil {
		return err
	}
	d.plan(times)
	d.policy.Planned = func(_ context.Context, tx *store.Tx, tenant string) (map[inventory.ObjectID]bool, error) {
		return rotation.UnderWay(tx, tenant)
	}
	d.rotations = &rotation.Keeper{
		Store: d.store, Log: d.log, Sealer: ring.Sealer, Markers: ring.Markers, Values: ring.Values, Systems: d.systems, Own: d.own(),
		Timings: timings(c.Rotation), Patience: rotation.Duration(c.Rotation.Patience), Calendar: times.Calendar, Stopping: d.stopping,
		Passed: d.passed,
	}
	d.trail, d.usage = d.newTrail(), d.newMeter()
	d.trail.Used = d.usage.Take
	var compared api.Reconciler
	if d.around != nil {
		if err := d.compare(ctx); err != nil {
			return err
		}
		compared = &reconciler{d, d.guard}
	}
	if d.carrier, err = d.newCarrier(); err != nil {
		return err
	}
	if err := d.openDoors(); err != nil {
		return err
	}
	d.syncs = &syncs{daemon: d}
	if err := d.alarms(); err != nil {
		return err
	}
	reviewer, err := d.reviewer()
	if err != nil {
		return err
	}
	d.api, err = api.New(api.Config{
		Version: c.Version, Started: time.Now(), Store: d.store, Log: d.log, Checkpoints: d.checkpoints(), Rotations: d.rotations,
		Inventory: d.inventory, Policy: d.policy, Schedule: d.scheduled, Syncs: d.syncs, Keys: d.keys, Desk: d.desk, Reconcile: compared,
		Alerts: d.alerts, Calendars: d.feeds, Trail: d.trail, Permissions: d.permissions, Usage: d.usage, Reviewer: reviewer,
		Views: &view.Views{Store: d.store, Log: d.log}, Background: d.background,
		Installation: d.others.installation.ID, Replicas: d.replicas,
		Defaults: api.Defaults{Lifetime: c.Rotation.Lifetime, Label: c.Rotation.Label, Vault: c.DefaultVault},
		Names:    map[string]string{c.Tenant.ID: c.Tenant.Name}, Fresh: 3 * c.Sync.Every,
		Patient: d.patient(), Diagnosis: d.diagnosis(), Wake: d.carrier.wake, Watched: d.carry, Stopping: d.stopping, Logger: d.logger,
		Door: d.doors.door, Visit: d.doors.gate.Who, Federated: d.doors.bearers.Authenticate,
	})
	d.metrics = d.newMetrics()
	if err != nil {
		return err
	}
	return d.newConsole()
}

// Close lets what runs finish, as far as that takes no longer than a person
// waits, and gives the data folder free.
func (d *Daemon) Close() error {
	d.stop()
	left := d.guests.close()
	select {
	case <-left:
	case <-time.After(grace):
		d.cut()
		<-left
	}
	d.cut()
	errs := []error{d.unobserve()}
	if d.api != nil {
		d.checkpoint(context.Background())
	}
	if d.guard != nil {
		d.lastBeat()
	}
	if d.others != nil {
		d.others.leave()
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.release())
	}
	return errors.Join(errs...)
}

const grace = 8 * time.Second

func (d *Daemon) stopping() bool {
	select {
	case <-d.closing:
		return true
	default:
		return false
	}
}

// Handler is everything that a server answers.
func (d *Daemon) Handler() http.Handler {
	return server.Handler(d.site())
}

// Local is a client that acts as the person at this machine. Whoever can read
// the data folder can do anything with it, so that person is an administrator.
func (d *Daemon) Local() (*client.Client, error) {
	return d.Client(d.operator()), nil
}

func (d *Daemon) systems(tenant string, holder inventory.HolderKind) (rotation.Systems, error) {
	if d.around == nil || tenant != d.around.tenant {
		return rotation.Systems{}, &rotation.InvalidError{Why: fmt.Sprintf("tenant %q is not configured; rekey init writes a configuration to begin with", tenant)}
	}
	s, err := d.around.systems(holder)
	s.Consumer = d.consumer
	return s, err
}

// bound are the consumers that the configuration knows.
func (d *Daemon) bound(tenant string) []inventory.Bound {
	var list []inventory.Bound
	if tenant != d.config.Tenant.ID {
		return nil
	}
	for _, b := range d.config.Bindings {
		list = append(list, inventory.Bound{Application: b.Application, Consumer: b.Consumer, Reference: b.Reference})
	}
	return list
}

// timings are the plans' waits: what is configured is that of planned rotations,
// and an emergency never waits longer than they do.
func timings(r Rotation) map[string]rotation.Timing {
	all := map[string]rotation.Timing{}
	for plan, t := range rotation.Timings {
		set := rotation.Timing{Successes: r.SignIns, Proof: rotation.Duration(r.Proof), Overlap: rotation.Duration(r.Overlap), Watch: rotation.Duration(r.Watch)}
		if plan != "planned" {
			set = rotation.Timing{
				Successes: min(set.Successes, t.Successes), Proof: min(set.Proof, t.Proof), Overlap: min(set.Overlap, t.Overlap), Watch: min(set.Watch, t.Watch),
			}
		}
		all[plan] = set
	}
	return all
}

func (d *Daemon) checkpoints() string { return filepath.Join(d.config.Data, audit.CheckpointsFile) }

// operator is the person at this machine.
func (d *Daemon) operator() access.Actor {
	id, name := whoami()
	return access.Actor{ID: "local:" + id, Name: name, Person: "local:" + id, Role: access.Administrator, Tenant: d.config.Tenant.ID}
}
