package rotation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
)

// Guard keeps an installation from acting on a journal that is older than the
// world: after the restore of a backup, in a copy that runs a second time, after a
// failover that lost commits (SAFETY F37-F39). It tells places outside of the
// database how far the journal has come, and compares. If they differ, the
// installation is held: nothing has an effect until a person has seen what journal
// and world say (Show) and accepted it (Accept).
type Guard struct {
	Keeper   *Keeper
	Tenant   string
	Instance string // host and data folder of this process
	Shared   bool   // several machines work on one database: another instance is no copy
	Beacons  []Beacon
	Epoch    func(context.Context) (string, error) // identity and timeline of the database server; nil if it has none

	mu      sync.Mutex
	self    installation
	reason  string    // why it is held, as written down
	doubt   string    // why it is held for the moment: nothing outside could be asked
	began   time.Time // since when
	written map[string]lastBeat
	opened  bool
}

type lastBeat struct {
	at, asked time.Time
	head      string
	mine      bool // this process wrote it
}

// What a caller can branch on.
var (
	// ErrHeld means that the installation does nothing until a person has accepted
	// what journal and world say.
	ErrHeld = errors.New("rekey is held: nothing has an effect until an administrator accepts the report of rekey reconcile show")
	// ErrNotHeld means that there is nothing to accept.
	ErrNotHeld = errors.New("rekey is not held; there is nothing to accept")
	// ErrReport means that journal and world are no longer as the report said.
	ErrReport = errors.New("journal and world are no longer as in the report that is accepted; look at the new one")
)

const (
	idleBeat = 6 * time.Hour  // a beat although nothing has happened
	lively   = 12 * time.Hour // an installation whose last beat is younger may still run
)

// Open compares for the first time. It comes before anything else that the process
// does; whatever it finds, Held tells.
func (g *Guard) Open(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.written = map[string]lastBeat{}
	err := g.Keeper.Store.Do(ctx, func(tx *store.Tx) (err error) {
		g.self, err = readInstallation(tx, g.Tenant)
		return err
	})
	if err != nil {
		return err
	}
	g.opened = true
	return g.beat(ctx, false)
}

// Held is why nothing may have an effect, empty if everything may.
func (g *Guard) Held() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !g.opened:
		return "it has not yet been compared with what is known outside of the database"
	case g.reason != "":
		return g.reason
	}
	return g.doubt
}

// Beat compares again and tells the places outside how far the journal is. It is to
// be called every minute; each place has its own pace. A place that cannot be
// written is an error, and no reason to hold.
func (g *Guard) Beat(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.beat(ctx, false)
}

// Close says that this process has ended in order, so that another may begin, where
// it has said that it runs.
func (g *Guard) Close(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.opened {
		return nil
	}
	return g.beat(ctx, true)
}

// Hold holds the installation on a person's word, as after a restore that nothing
// outside has noticed.
func (g *Guard) Hold(ctx context.Context, by access.Actor, reason string) error {
	if err := g.check(by, access.AcceptReconcile); err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return invalid("say why rekey is to be held: --reason")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.enter(ctx, by, by.Name+" has held it: "+reason)
}

// check asks whether somebody may, who also has to be of the tenant that the
// installation is for.
func (g *Guard) check(by access.Actor, action access.Action) error {
	if err := by.Check(action); err != nil {
		return err
	}
	if by.Tenant != g.Tenant {
		return &access.DeniedError{Actor: by, Action: action, Why: "it is an act on the whole installation, which is another tenant's"}
	}
	return nil
}

// beat looks first. What is held writes nothing: it would overwrite what speaks
// against it.
func (g *Guard) beat(ctx context.Context, last bool) error {
	var accepted time.Time
	err := g.Keeper.Store.View(ctx, func(tx *store.Tx) (err error) {
		if g.reason, g.began, accepted, err = heldSince(tx, g.Tenant); err != nil {
			return err
		}
		return g.self.refresh(tx, g.Tenant)
	})
	if err != nil || g.reason != "" {
		return err
	}
	l, err := g.look(ctx, accepted, last)
	if err != nil {
		return err
	}
	if l.against != "" {
		return g.enter(ctx, access.Rekey(g.Tenant), l.against)
	}
	g.doubt = ""
	if !l.confirmed && !g.self.fresh {
		if l.absent {
			return g.enter(ctx, access.Rekey(g.Tenant), "nothing outside of the database knows it any more, so nobody can tell whether it is the newest one")
		}
		g.doubt = "nothing outside of the database can be asked whether it is the newest one: " + l.errs.Error()
		return l.errs
	}
	return errors.Join(l.errs, g.write(ctx, l.due, l.epoch, last))
}

// looked is what the places outside say.
type looked struct {
	against   string // the database is not what one of them knows
	confirmed bool   // one of them knows it
	absent    bool   // they could be asked, or some of them, and know nothing
	due       []Beacon
	epoch     string
	errs      error
}

func (g *Guard) look(ctx context.Context, accepted time.Time, all bool) (l looked, err error) {
	l.absent = !g.self.beaten.IsZero()
	l.confirmed = g.self.beaten.IsZero()
	if g.Epoch != nil {
		if l.epoch, err = g.Epoch(ctx); err != nil {
			return l, fmt.Errorf("cannot ask the database server who it is: %w", err)
		}
		switch g.self.epoch {
		case "":
		case l.epoch:
			l.confirmed = true
		default:
			l.against = "the database server is another one than before, or another server has taken over: " + l.epoch + " instead of " + g.self.epoch
			return l, nil
		}
	}
	for _, place := range g.Beacons {
		was, known := g.written[place.Name()]
		if !all && known && time.Since(was.asked) < place.Every() {
			l.confirmed = true
			continue
		}
		l.due = append(l.due, place)
		b, err := place.Read(ctx, g.self.id)
		switch {
		case errors.Is(err, connector.ErrNotFound):
		case err != nil:
			l.errs = errors.Join(l.errs, err)
		case !b.At.After(accepted): // of before a person has looked at it
			l.confirmed = true
		default:
			if l.against, err = g.contradicts(ctx, place, b); err != nil || l.against != "" {
				return l, err
			}
			l.confirmed, l.absent = true, false
			if !known && b.Installation == g.self.id && b.Instance == g.Instance && !b.Stopped { // a process before this one, or beside it
				g.written[place.Name()] = lastBeat{at: b.At, asked: time.Now(), head: b.Head}
			}
		}
	}
	if len(g.Beacons) == 0 {
		l.confirmed = true // nobody wants to know
	}
	l.absent = l.absent && l.errs == nil
	return l, nil
}

// contradicts says how a beat speaks against the database, or nothing.
func (g *Guard) contradicts(ctx context.Context, place Beacon, b Beat) (string, error) {
	name, when := place.Name(), minute(b.At)
	if b.Installation != g.self.id && g.self.empty {
		return "", nil // a new database in an old folder: there is no journal that could be wrong
	}
	if b.Installation != g.self.id {
		return fmt.Sprintf("%s belongs to another database (installation %s, on %s)", name, b.Installation, when), nil
	}
	if b.Head != "" {
		head, err := g.Keeper.Log.Open(b.Head)
		if err != nil {
			return fmt.Sprintf("%s holds the beat of an installation with other keys", name), nil
		}
		size, err := g.Keeper.Log.Follows(ctx, g.Keeper.Store, head)
		if errors.Is(err, audit.ErrTampered) && size < head.Size {
			return fmt.Sprintf("the database is older than the world: its log has %d events, and %s has seen %d on %s. It was restored from a backup, or lost commits", size, name, head.Size, when), nil
		}
		if errors.Is(err, audit.ErrTampered) {
			return fmt.Sprintf("a copy of this installation has gone on by itself: %s has seen another history on %s, from %s", name, when, b.Instance), nil
		}
		if err != nil {
			return "", err
		}
	}
	_, ours := place.(FileBeacon) // nobody else works in our folder, whatever this host was called before
	if !ours && !g.Shared && b.Instance != g.Instance && !b.Stopped && time.Since(b.At) < lively {
		return fmt.Sprintf("the same installation has run on %s until %s, and may still do so; this one runs on %s", b.Instance, when, g.Instance), nil
	}
	return "", nil
}

// enter holds the installation, with its record.
func (g *Guard) enter(ctx context.Context, by access.Actor, reason string) error {
	g.doubt = reason // whatever becomes of writing it down
	err := g.Keeper.Store.Do(ctx, func(tx *store.Tx) error {
		began, err := markHeld(tx, g.Tenant, reason)
		if err != nil || !began {
			return err
		}
		e := audit.By(by, access.HoldInstallation, g.self.id, audit.Seen)
		e.Title, e.Detail = "reconcile mode", map[string]string{"why": reason, "instance": g.Instance}
		return g.Keeper.Log.Record(tx, e)
	})
	if err != nil {
		return err
	}
	return g.Keeper.Store.View(ctx, func(tx *store.Tx) (err error) {
		g.reason, g.began, _, err = heldSince(tx, g.Tenant)
		return err
	})
}

// write tells the places that are due. The head was committed before.
func (g *Guard) write(ctx context.Context, due []Beacon, epoch string, last bool) error {
	head, err := g.Keeper.Log.Latest(ctx, g.Keeper.Store)
	if err != nil {
		return err
	}
	b := Beat{Installation: g.self.id, Instance: g.Instance, At: time.Now().UTC().Truncate(time.Millisecond), Stopped: last, Head: head.Text}
	var errs []error
	for _, place := range due {
		was, ok := g.written[place.Name()]
		early := time.Since(was.at) < place.Every() || was.head == b.Head && time.Since(was.at) < idleBeat
		if ok && !last && early || last && !was.mine {
			was.asked = b.At
			g.written[place.Name()] = was
			continue
		}
		if err := place.Write(ctx, b); err != nil {
			errs = append(errs, err)
			continue
		}
		g.written[place.Name()] = lastBeat{at: b.At, asked: b.At, head: b.Head, mine: true}
	}
	// After it, not before: else a crash in between would look as if all places had
	// forgotten us.
	if len(errs) < len(due) && g.self.beaten.IsZero() || g.self.epoch != epoch {
		if err := g.Keeper.Store.Do(ctx, func(tx *store.Tx) error { return noteBeat(tx, g.Tenant, epoch) }); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}
