package alert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// Source finds the matters of some kinds. What it does not find any more has
// settled, so it finds all of them or returns an error.
type Source struct {
	Name    string        // of its rows; never changes
	Follows []string      // actions of the audit log after which to look: exact, or a prefix ending in "."
	Every   time.Duration // it looks at least so often
	Pause   time.Duration // and leaves at least this much between two looks
	Look    func(ctx context.Context, tenant string, found func(Matter) error) error
}

func (s *Source) follows(action string) bool {
	for _, f := range s.Follows {
		if f == action || strings.HasSuffix(f, ".") && strings.HasPrefix(action, f) {
			return true
		}
	}
	return false
}

// sight is what is known of a source: up to which event it has something to look
// for, up to which it has looked, and when.
type sight struct {
	heard, seen int64
	looked      time.Time
}

func sightOf(tx *store.Tx, tenant, name string) (s sight, err error) {
	var looked int64
	err = tx.QueryRow(`SELECT heard, seen, looked FROM alert_source WHERE tenant = $1 AND name = $2`, tenant, name).Scan(&s.heard, &s.seen, &looked)
	if errors.Is(err, sql.ErrNoRows) {
		return sight{heard: -1, seen: -1}, nil
	}
	if err != nil {
		return s, fmt.Errorf("cannot read what source %s has seen: %w", name, err)
	}
	s.looked = moment(looked)
	return s, nil
}

func setHeard(tx *store.Tx, tenant, name string, seq int64) error {
	_, err := tx.Exec(`INSERT INTO alert_source (tenant, name, heard, seen, looked) VALUES ($1, $2, $3, -1, 0) ON CONFLICT (tenant, name) DO UPDATE SET heard = excluded.heard`, tenant, name, seq)
	if err != nil {
		return fmt.Errorf("cannot note what source %s has to look for: %w", name, err)
	}
	return nil
}

func setSeen(tx *store.Tx, tenant, name string, seq int64, looked time.Time) error {
	_, err := tx.Exec(`INSERT INTO alert_source (tenant, name, heard, seen, looked) VALUES ($1, $2, $3, $3, $4) ON CONFLICT (tenant, name) DO UPDATE SET seen = excluded.seen, looked = excluded.looked`,
		tenant, name, seq, millis(looked))
	if err != nil {
		return fmt.Errorf("cannot note what source %s has seen: %w", name, err)
	}
	return nil
}

// logEnd is the row that keeps how far the log was followed.
const logEnd = "log"

const mostNews = 1000 // events read at once

// follow reads what was recorded since the last time and notes which sources have
// something to look for. Where it stands and what it noted commit together.
func (k *Keeper) follow(ctx context.Context, tenant string) error {
	for {
		var list []audit.News
		err := k.Store.Do(ctx, func(tx *store.Tx) error {
			at, err := sightOf(tx, tenant, logEnd)
			if err != nil {
				return err
			}
			if at.looked.IsZero() { // the first time: everything is looked at anyway
				last, err := audit.Last(tx)
				if err != nil {
					return err
				}
				return setSeen(tx, tenant, logEnd, last, now())
			}
			if list, err = audit.Follow(tx, tenant, at.seen, mostNews); err != nil || len(list) == 0 {
				return err
			}
			for i := range k.Sources {
				s := &k.Sources[i]
				for j := len(list) - 1; j >= 0; j-- {
					if s.follows(list[j].Action) {
						if err := setHeard(tx, tenant, s.Name, list[j].Seq); err != nil {
							return err
						}
						break
					}
				}
			}
			return setSeen(tx, tenant, logEnd, list[len(list)-1].Seq, now())
		})
		if err != nil || len(list) < mostNews {
			return err
		}
	}
}

// look lets every source look whose time has come. One that cannot look keeps the
// others from nothing.
func (k *Keeper) look(ctx context.Context, tenant string) error {
	var errs []error
	for i := range k.Sources {
		s := &k.Sources[i]
		var known sight
		err := k.Store.View(ctx, func(tx *store.Tx) (err error) {
			known, err = sightOf(tx, tenant, s.Name)
			return err
		})
		if err == nil && known.due(s) {
			err = k.lookWith(ctx, tenant, s, known)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot look for %s: %w", s.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func (s sight) due(of *Source) bool {
	since := time.Since(s.looked)
	return s.looked.IsZero() || since < 0 || since >= of.Every || s.heard > s.seen && since >= of.Pause
}
