package replica

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables. They belong to the installation and not
// to a tenant. Times are milliseconds by the database's clock, 0 for never. A
// lease's fence grows with each new holder.
var Schema = store.Schema{Version: 170, SQL: `
CREATE TABLE installation (
	one      BIGINT PRIMARY KEY CHECK (one = 1),
	id       TEXT NOT NULL,
	made     BIGINT NOT NULL,
	ring     TEXT NOT NULL,
	moved    TEXT NOT NULL,
	moved_at BIGINT NOT NULL
);
CREATE TABLE installation_epoch (
	system   TEXT NOT NULL,
	timeline TEXT NOT NULL,
	since    BIGINT NOT NULL,
	PRIMARY KEY (system, timeline)
);
CREATE TABLE replica (
	id      TEXT PRIMARY KEY,
	run     TEXT NOT NULL,
	host    TEXT NOT NULL,
	folder  TEXT NOT NULL,
	process BIGINT NOT NULL,
	version TEXT NOT NULL,
	started BIGINT NOT NULL,
	seen    BIGINT NOT NULL,
	stopped BIGINT NOT NULL
);
CREATE TABLE lease (
	tenant TEXT NOT NULL,
	name   TEXT NOT NULL,
	holder TEXT NOT NULL,
	fence  BIGINT NOT NULL,
	until  BIGINT NOT NULL,
	PRIMARY KEY (tenant, name)
);
`}

// Passing names the tables whose rows mean nothing in another database.
var Passing = []string{"installation_epoch", "replica", "lease"}

const week = 7 * 24 * time.Hour

// lockReplica reads the row of an id and keeps others from changing it.
func lockReplica(tx *store.Tx, id string, now time.Time) (r Replica, found bool, err error) {
	row := tx.QueryRow(`UPDATE replica SET seen = seen WHERE id = $1
		RETURNING id, run, host, folder, process, version, started, seen, stopped`, id)
	r, err = scanReplica(row.Scan, now)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("cannot read replica %s: %w", id, err)
	}
	return r, true, nil
}

func scanReplica(scan func(...any) error, now time.Time) (r Replica, err error) {
	var started, seen, stopped int64
	err = scan(&r.ID, &r.Run, &r.Host, &r.Folder, &r.Process, &r.Version, &started, &seen, &stopped)
	r.Started, r.Seen, r.Stopped = moment(started), moment(seen), moment(stopped)
	r.Alive = stopped == 0 && now.Sub(r.Seen) < silent
	return r, err
}

func putReplica(tx *store.Tx, r Replica) error {
	if _, err := tx.Exec(`DELETE FROM replica WHERE seen < $1`, r.Seen.Add(-week).UnixMilli()); err != nil {
		return fmt.Errorf("cannot forget old replicas: %w", err)
	}
	_, err := tx.Exec(`INSERT INTO replica (id, run, host, folder, process, version, started, seen, stopped) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0)
		ON CONFLICT (id) DO UPDATE SET run = $2, host = $3, folder = $4, process = $5, version = $6, started = $7, seen = $7, stopped = 0`,
		r.ID, r.Run, r.Host, r.Folder, r.Process, r.Version, r.Seen.UnixMilli())
	if err != nil {
		return fmt.Errorf("cannot write replica %s: %w", r.ID, err)
	}
	return nil
}

func setSeen(tx *store.Tx, r Replica, now time.Time) error {
	result, err := tx.Exec(`UPDATE replica SET seen = $3 WHERE id = $1 AND run = $2`, r.ID, r.Run, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("cannot write replica %s: %w", r.ID, err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(ErrReplaced, err)
	}
	return nil
}

func setStopped(tx *store.Tx, r Replica, now time.Time) error {
	if _, err := tx.Exec(`UPDATE replica SET stopped = $3 WHERE id = $1 AND run = $2`, r.ID, r.Run, now.UnixMilli()); err != nil {
		return fmt.Errorf("cannot write replica %s: %w", r.ID, err)
	}
	return nil
}

func selectReplicas(tx *store.Tx, now time.Time) ([]Replica, error) {
	rows, err := tx.Query(`SELECT id, run, host, folder, process, version, started, seen, stopped FROM replica WHERE seen >= $1 ORDER BY started, id`, now.Add(-week).UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("cannot list replicas: %w", err)
	}
	defer rows.Close()
	list := []Replica{}
	for rows.Next() {
		r, err := scanReplica(rows.Scan, now)
		if err != nil {
			return nil, fmt.Errorf("cannot list replicas: %w", err)
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
