package alert

import (
	"context"
	"slices"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Filter selects alerts. Zero fields select all that have not settled.
type Filter struct {
	State       State // or All
	Kind        string
	Application inventory.ObjectID
	KeyID       string
	After       Cursor // from the last one of the page before
	Limit       int    // 0 means 100, at most 1000
}

// All selects the settled ones too.
const All State = "all"

// Cursor is a place in the list: the worst first, then by when they opened.
type Cursor struct {
	Severity Severity
	Opened   time.Time
	ID       string
}

// List returns alerts of the actor's tenant, and whether there are more.
func (k *Keeper) List(ctx context.Context, by access.Actor, f Filter) (list []Alert, more bool, err error) {
	if err := by.Check(access.ReadAlerts); err != nil {
		return nil, false, err
	}
	limit := min(f.Limit, 1000)
	if limit <= 0 {
		limit = 100
	}
	states := []State{f.State}
	switch f.State {
	case "":
		states = []State{Open, Acknowledged, Snoozed}
	case All:
		states = []State{Open, Acknowledged, Snoozed, Settled}
	}
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		for _, s := range states { // each from its own index; merged below
			part, err := selected(tx, by.Tenant, `SELECT `+columns+` FROM alert WHERE tenant = $1 AND state = $2 AND (rank, opened, id) > ($3, $4, $5)
				AND ($6 = '' OR kind = $6) AND ($7 = '' OR application = $7) AND ($8 = '' OR key_id = $8) ORDER BY rank, opened, id LIMIT $9`,
				string(s), f.After.Severity.rank(), millis(f.After.Opened), f.After.ID, f.Kind, string(f.Application), f.KeyID, limit+1)
			if err != nil {
				return err
			}
			list = append(list, part...)
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	slices.SortFunc(list, before)
	if len(list) > limit {
		return list[:limit], true, nil
	}
	return list, false, nil
}

func before(a, b Alert) int {
	if d := a.Severity.rank() - b.Severity.rank(); d != 0 {
		return d
	}
	if d := a.Opened.Compare(b.Opened); d != 0 {
		return d
	}
	if a.ID < b.ID {
		return -1
	}
	return 1
}

// Get returns one alert of the actor's tenant, and what was told of it to whom. Its
// error is ErrNotFound if there is none.
func (k *Keeper) Get(ctx context.Context, by access.Actor, id string) (a Alert, told []Telling, err error) {
	if err := by.Check(access.ReadAlerts); err != nil {
		return a, nil, err
	}
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		if a, err = byID(tx, by.Tenant, id, false); err != nil {
			return err
		}
		told, err = history(tx, by.Tenant, id)
		return err
	})
	return a, told, err
}

// Telling is that somebody heard of an alert, or will.
type Telling struct {
	Channel   string
	Recipient string // address; empty for channels with one place
	Act       string
	State     string // waiting, packed, taken, unsure, failed, dropped
	Due       time.Time
	Ended     time.Time
	Again     bool
	Problem   string
}

func history(tx *store.Tx, tenant, id string) (list []Telling, err error) {
	rows, err := tx.Query(`SELECT t.channel, t.recipient, t.act, t.state, t.due, t.again, coalesce(m.ended, 0), coalesce(m.problem, '')
		FROM alert_telling AS t LEFT JOIN alert_message AS m ON m.tenant = t.tenant AND m.id = t.message
		WHERE t.tenant = $1 AND t.alert = $2 ORDER BY t.due DESC, t.channel, t.recipient, t.occasion LIMIT 200`, tenant, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var t Telling
		var due, again, ended int64
		if err := rows.Scan(&t.Channel, &t.Recipient, &t.Act, &t.State, &due, &again, &ended, &t.Problem); err != nil {
			return nil, err
		}
		t.Due, t.Again, t.Ended = moment(due), again != 0, moment(ended)
		list = append(list, t)
	}
	return list, rows.Err()
}

// Count is how many alerts are open, by severity.
func (k *Keeper) Count(ctx context.Context, by access.Actor) (counts map[Severity]int, err error) {
	if err := by.Check(access.ReadAlerts); err != nil {
		return nil, err
	}
	counts = map[Severity]int{}
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT rank, count(*) FROM alert WHERE tenant = $1 AND state = 'open' GROUP BY rank`, by.Tenant)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var rank, n int
			if err := rows.Scan(&rank, &n); err != nil {
				return err
			}
			if rank >= 1 && rank <= len(Severities) {
				counts[Severities[rank-1]] = n
			}
		}
		return rows.Err()
	})
	return counts, err
}
