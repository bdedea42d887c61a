package rotation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// IncidentSchema creates the tables of incidents: one row for each, and one for
// each of its items.
var IncidentSchema = store.Schema{Version: 52, SQL: `
CREATE TABLE incident (
	tenant  TEXT NOT NULL,
	id      TEXT NOT NULL,
	state   TEXT NOT NULL,
	opened  BIGINT NOT NULL,
	moved   BIGINT NOT NULL,
	version BIGINT NOT NULL,
	body    TEXT NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE INDEX incident_opened ON incident (tenant, opened, id);
CREATE INDEX incident_state ON incident (state);
CREATE TABLE incident_item (
	tenant   TEXT NOT NULL,
	incident TEXT NOT NULL,
	n        BIGINT NOT NULL,
	rotation TEXT NOT NULL,
	body     TEXT NOT NULL,
	PRIMARY KEY (tenant, incident, n)
);
`}

func (k *Keeper) addIncident(ctx context.Context, i *Incident, events ...audit.Event) error {
	body, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("cannot encode incident %s: %w", i.ID, err)
	}
	err = k.Store.Do(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO incident (tenant, id, state, opened, moved, version, body) VALUES ($1, $2, $3, $4, $4, 1, $5)`,
			i.By.Tenant, i.ID, string(i.State), millis(i.Opened), string(body))
		if err != nil {
			return fmt.Errorf("cannot write incident %s: %w", i.ID, err)
		}
		for _, t := range i.Items {
			if err := writeItem(tx, i, t); err != nil {
				return err
			}
		}
		return k.Log.Record(tx, events...)
	})
	i.version = 1
	return err
}

func writeItem(tx *store.Tx, i *Incident, t *Item) error {
	body, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("cannot encode item %d of incident %s: %w", t.N, i.ID, err)
	}
	_, err = tx.Exec(`INSERT INTO incident_item (tenant, incident, n, rotation, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, incident, n) DO UPDATE SET rotation = $4, body = $5`, i.By.Tenant, i.ID, t.N, t.Rotation, string(body))
	if err != nil {
		return fmt.Errorf("cannot write item %d of incident %s: %w", t.N, i.ID, err)
	}
	return nil
}

// saveIncident writes the incident and those of its items that have changed, if
// nobody has moved it on meanwhile.
func (k *Keeper) saveIncident(ctx context.Context, i *Incident, changed []*Item, events ...audit.Event) error {
	body, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("cannot encode incident %s: %w", i.ID, err)
	}
	err = k.Store.Do(ctx, func(tx *store.Tx) error {
		result, err := tx.Exec(`UPDATE incident SET state = $3, moved = $6, version = version + 1, body = $4 WHERE tenant = $1 AND id = $2 AND version = $5`,
			i.By.Tenant, i.ID, string(i.State), string(body), i.version, time.Now().UnixMilli())
		if err != nil {
			return fmt.Errorf("cannot save incident %s: %w", i.ID, err)
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return errors.Join(fmt.Errorf("incident %s: %w", i.ID, ErrOvertaken), err)
		}
		for _, t := range changed {
			if err := writeItem(tx, i, t); err != nil {
				return err
			}
		}
		return k.Log.Record(tx, events...)
	})
	if err == nil {
		i.version++
	}
	return err
}

// loadIncident reads an incident with its items and their rotations.
func (k *Keeper) loadIncident(ctx context.Context, tenant, id string) (i *Incident, err error) {
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		i, err = scanIncident(tx.QueryRow(`SELECT version, body FROM incident WHERE tenant = $1 AND id = $2`, tenant, id))
		if err != nil {
			return err
		}
		return loadItems(tx, i)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("incident %q: %w", id, ErrNoIncident)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot load incident %q: %w", id, err)
	}
	return i, nil
}

func scanIncident(row interface{ Scan(...any) error }) (*Incident, error) {
	i := new(Incident)
	var body string
	if err := row.Scan(&i.version, &body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(body), i); err != nil {
		return nil, fmt.Errorf("the row is damaged: %w", err)
	}
	return i, nil
}

func loadItems(tx *store.Tx, i *Incident) error {
	rows, err := tx.Query(`SELECT i.body, r.body FROM incident_item i LEFT JOIN rotation r ON r.tenant = i.tenant AND r.id = i.rotation
		WHERE i.tenant = $1 AND i.incident = $2 ORDER BY i.n`, i.By.Tenant, i.ID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var body string
		var shown sql.NullString
		if err := rows.Scan(&body, &shown); err != nil {
			return err
		}
		t := new(Item)
		if err := json.Unmarshal([]byte(body), t); err != nil {
			return fmt.Errorf("an item is damaged: %w", err)
		}
		if shown.Valid {
			t.Shown = new(Rotation)
			if err := json.Unmarshal([]byte(shown.String), t.Shown); err != nil {
				return fmt.Errorf("the rotation of item %d is damaged: %w", t.N, err)
			}
		}
		i.Items = append(i.Items, t)
	}
	return rows.Err()
}

// ErrNoIncident means that there is none with that id.
var ErrNoIncident = errors.New("no such incident")

// Incident returns one incident of the actor's tenant, with its items and where
// the rotation of each stands. Its error is ErrNoIncident if there is none.
func (k *Keeper) Incident(ctx context.Context, by access.Actor, id string) (*Incident, error) {
	if err := by.Check(access.ReadIncidents); err != nil {
		return nil, err
	}
	return k.loadIncident(ctx, by.Tenant, id)
}

// Incidents returns those of the actor's tenant, the newest first, and whether
// there are more.
func (k *Keeper) Incidents(ctx context.Context, by access.Actor, before Cursor, limit int) (list []*Incident, more bool, err error) {
	if err := by.Check(access.ReadIncidents); err != nil {
		return nil, false, err
	}
	if limit = min(limit, 1000); limit <= 0 {
		limit = 100
	}
	if before.ID == "" {
		before = Cursor{time.Now().AddDate(1000, 0, 0), "~"}
	}
	list = []*Incident{}
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT version, body FROM incident WHERE tenant = $1 AND (opened, id) < ($2, $3) ORDER BY opened DESC, id DESC LIMIT $4`,
			by.Tenant, before.Asked.UnixMilli(), before.ID, limit+1)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			i, err := scanIncident(rows)
			if err != nil {
				return err
			}
			list = append(list, i)
		}
		return rows.Err()
	})
	if err == nil && len(list) > limit {
		list, more = list[:limit], true
	}
	for _, i := range list {
		if err == nil {
			err = k.Store.View(ctx, func(tx *store.Tx) error { return loadItems(tx, i) })
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("cannot list incidents: %w", err)
	}
	return list, more, nil
}

// openIncident points at an incident that something may be left to do for.
type openIncident struct {
	Tenant, ID string
	State      IncidentState
	Moved      time.Time // when it was last written
}

func (k *Keeper) openIncidents(ctx context.Context) (refs []openIncident, err error) {
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT tenant, id, state, moved FROM incident WHERE state IN ('opening', 'running') ORDER BY opened LIMIT 1000`)
		if err != nil {
			return fmt.Errorf("cannot list open incidents: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var ref openIncident
			var moved int64
			if err := rows.Scan(&ref.Tenant, &ref.ID, &ref.State, &moved); err != nil {
				return fmt.Errorf("cannot list open incidents: %w", err)
			}
			ref.Moved = time.UnixMilli(moved)
			refs = append(refs, ref)
		}
		return rows.Err()
	})
	return refs, err
}
