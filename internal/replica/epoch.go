package replica

import (
	"context"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// Epoch is a stretch of the database's life, see store.DB.Epoch.
type Epoch struct {
	System   string
	Timeline string
	Since    time.Time // when rekey first saw it
}

// Look compares the cluster and its timeline with those of the last look, and
// writes a new one down. Between two looks of one process there may be more than
// one failover; the history in the table has what was seen.
func (m *Member) Look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	system, timeline, err := m.Store.Epoch(ctx)
	if err != nil || system == "" {
		return err
	}
	if m.epoch.System == system && m.epoch.Timeline == timeline {
		return nil
	}
	list, err := Epochs(ctx, m.Store)
	if err != nil {
		return err
	}
	now := Epoch{System: system, Timeline: timeline, Since: time.Now().UTC()}
	before := m.epoch
	if before.System == "" && len(list) > 0 {
		before = list[len(list)-1]
	}
	err = m.Store.Do(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO installation_epoch (system, timeline, since) VALUES ($1, $2, $3) ON CONFLICT (system, timeline) DO NOTHING`, system, timeline, now.Since.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot write the database's timeline down: %w", err)
	}
	m.epoch = now
	if before.System != "" && (before.System != system || before.Timeline != timeline) && m.Failover != nil {
		m.Failover(before, now)
	}
	return nil
}

// Epochs are those that were seen, the oldest first. More than one, or a
// system that is not that of now, is what reconciling begins with (SAFETY F37, F38).
func Epochs(ctx context.Context, db *store.DB) (list []Epoch, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT system, timeline, since FROM installation_epoch ORDER BY since, system, timeline`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e Epoch
			var since int64
			if err := rows.Scan(&e.System, &e.Timeline, &since); err != nil {
				return err
			}
			e.Since = moment(since)
			list = append(list, e)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the database's timelines: %w", err)
	}
	return list, nil
}
