// Package replica knows the processes that share one database, and lets one of
// them at a time do what must not be done twice at once.
//
// Each process that works says every two seconds that it is alive, by the
// database's clock. A lease goes to one of them, and to another when its holder
// has been silent for ten seconds. A holder that was only asleep finds its
// number taken at its next write, which then does not happen (SAFETY F36). The
// copy of a data folder that comes to life beside the first is refused (F39).
//
// On SQLite one process has the file, by the lock on its data folder; nothing
// here writes anything then.
package replica

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"rekey.example/rekey/internal/store"
)

const (
	pulse  = 2 * time.Second  // between two signs of life
	silent = 10 * time.Second // after which a process counts as gone
)

// Replica is one process that works, or did.
type Replica struct {
	ID      string // of the data folder, and so the same after a restart
	Run     string // of the process
	Host    string
	Folder  string // the data folder
	Process int
	Version string
	Started time.Time
	Seen    time.Time // when it last said that it is alive, by the database's clock
	Stopped time.Time // when it ended in good order
	Alive   bool
}

// ErrReplaced means that another process has come to life with the id of this one.
var ErrReplaced = errors.New("another process works as this replica: its data folder is a copy of this one; stop one of the two, and remove replica.json from the copy")

// CloneError means that the data folder is a copy of another one that is in use.
type CloneError struct {
	Other Replica
}

func (e *CloneError) Error() string {
	return fmt.Sprintf("this data folder is a copy of %s on %s, which is running (process %d); give each replica a folder of its own: remove replica.json from the copy, and start it again",
		e.Other.Folder, e.Other.Host, e.Other.Process)
}

// Member is this process among the others.
type Member struct {
	Store  *store.DB
	Self   Replica // as Join is to write it; Run is set by New
	Logger *slog.Logger

	// Failover, if set, is called when the database turns out to be another
	// cluster, or on another timeline, than before.
	Failover func(before, now Epoch)

	alone bool
	epoch Epoch
}

// New is this process before it joins.
func New(db *store.DB, self Replica, l *slog.Logger) *Member {
	self.Run = "p-" + strings.ToLower(rand.Text()[:12])
	return &Member{Store: db, Self: self, Logger: l, alone: db.Kind() != "postgres"}
}

// Join makes this process known. Its error is a *CloneError if another one works
// with the same id and elsewhere; whether it still does is watched for as long
// as it may be silent.
func (m *Member) Join(ctx context.Context) error {
	if m.alone {
		return nil
	}
	for first := (time.Time{}); ; {
		other, free, err := m.enter(ctx)
		if err != nil || free {
			return err
		}
		if first.IsZero() {
			first = other.Seen
			m.Logger.Warn("another process has this replica's id; looking whether it is alive", "host", other.Host, "folder", other.Folder)
		}
		if other.Seen.After(first) {
			return &CloneError{Other: other}
		}
		select {
		case <-time.After(pulse / 4):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// enter writes this process down, unless one that may be alive has its id. One
// on this host in this folder is gone: the folder's lock is ours.
func (m *Member) enter(ctx context.Context) (other Replica, free bool, err error) {
	err = m.Store.Do(ctx, func(tx *store.Tx) error {
		now, err := m.Store.Clock(tx)
		if err != nil {
			return err
		}
		var found bool
		if other, found, err = lockReplica(tx, m.Self.ID, now); err != nil {
			return err
		}
		ours := other.Host == m.Self.Host && other.Folder == m.Self.Folder
		if free = !found || ours || !other.Alive; !free {
			return nil
		}
		m.Self.Started, m.Self.Seen = now, now
		return putReplica(tx, m.Self)
	})
	if err != nil {
		return other, false, fmt.Errorf("cannot join the other replicas: %w", err)
	}
	return other, free, nil
}

// Run says that this process is alive, until ctx is done; then that it has
// ended. Its error is ErrReplaced if another one has taken its id.
func (m *Member) Run(ctx context.Context) error {
	if m.alone {
		return nil
	}
	defer m.leave(context.WithoutCancel(ctx))
	failing := false
	for n := 0; ; n++ {
		select {
		case <-time.After(pulse):
		case <-ctx.Done():
			return nil
		}
		err := m.beat(ctx)
		if err == nil && n%5 == 0 {
			err = m.Look(ctx)
		}
		switch {
		case errors.Is(err, ErrReplaced):
			return err
		case err != nil && ctx.Err() == nil && !failing:
			m.Logger.Warn("cannot reach the database to say that this replica is alive", "error", err.Error())
		}
		failing = err != nil
	}
}

// patience bounds one sign of life: a connection that hangs must not silence it.
const patience = 5 * time.Second

func (m *Member) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return m.Store.Do(ctx, func(tx *store.Tx) error {
		now, err := m.Store.Clock(tx)
		if err != nil {
			return err
		}
		return setSeen(tx, m.Self, now)
	})
}

func (m *Member) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := m.Store.Do(ctx, func(tx *store.Tx) error {
		now, err := m.Store.Clock(tx)
		if err != nil {
			return err
		}
		return setStopped(tx, m.Self, now)
	})
	if err != nil {
		m.Logger.Warn("cannot write down that this replica has ended", "error", err.Error())
	}
}

// List returns the replicas that are alive, and those seen within a week.
func List(ctx context.Context, db *store.DB) (list []Replica, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		now, err := db.Clock(tx)
		if err != nil {
			return err
		}
		list, err = selectReplicas(tx, now)
		return err
	})
	return list, err
}
