package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Epoch names the life of the database that rekey writes to: the identifier that
// its cluster got when it was made, and the number of its timeline, which grows
// with every failover and every restore to a point in time. If either differs
// from last time, commits that were acknowledged may be gone (SAFETY F37). Both
// are empty on SQLite, and where the server does not tell.
func (db *DB) Epoch(ctx context.Context) (system, timeline string, err error) {
	if db.kind != postgres {
		return "", "", nil
	}
	// The checkpoint tells the timeline late after a failover, the name of the
	// present WAL file at once; a standby has only the checkpoint.
	err = db.read.QueryRowContext(ctx, `SELECT s.system_identifier::text, CASE WHEN pg_is_in_recovery() THEN c.timeline_id::text
		ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int::text END
		FROM pg_control_system() AS s, pg_control_checkpoint() AS c`).Scan(&system, &timeline)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == "42501" || e.Code == "42883") { // not permitted; no such function
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("cannot read which cluster this is: %w", err)
	}
	return system, timeline, nil
}

// Durability says what a commit is worth on this server.
type Durability struct {
	Commit      string   // synchronous_commit of our connections
	Sync        bool     // fsync
	WholePages  bool     // full_page_writes
	Synchronous string   // synchronous_standby_names
	Standbys    []string // "name (async)" of each that is connected now, as far as this user may see
}

// Durability asks the server. Zero on SQLite, where each commit is synced.
func (db *DB) Durability(ctx context.Context) (d Durability, err error) {
	if db.kind != postgres {
		return d, nil
	}
	err = db.Do(ctx, func(tx *Tx) error { // on a connection that commits
		err := tx.QueryRow(`SELECT current_setting('synchronous_commit'), current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on', current_setting('synchronous_standby_names')`).
			Scan(&d.Commit, &d.Sync, &d.WholePages, &d.Synchronous)
		if err != nil {
			return err
		}
		rows, err := tx.Query(`SELECT coalesce(application_name, ''), coalesce(sync_state, 'hidden') FROM pg_stat_replication ORDER BY 1`)
		if err != nil {
			return err
		}
		d.Standbys, err = standbys(rows)
		return err
	})
	if err != nil {
		return d, fmt.Errorf("cannot ask how durable a commit is: %w", err)
	}
	return d, nil
}

func standbys(rows *sql.Rows) (list []string, err error) {
	defer rows.Close()
	for rows.Next() {
		var name, state string
		if err := rows.Scan(&name, &state); err != nil {
			return nil, err
		}
		list = append(list, name+" ("+state+")")
	}
	return list, rows.Err()
}

// Problems says in words what could lose a commit, with what to do; none is well.
func (d Durability) Problems() (list []string) {
	if d.Commit == "" {
		return nil
	}
	if d.Commit == "off" || d.Commit == "local" {
		list = append(list, "synchronous_commit is "+d.Commit+": an acknowledged step can be lost; set it to on")
	}
	if !d.Sync {
		list = append(list, "fsync is off: a power cut can destroy the database; set it to on")
	}
	if !d.WholePages {
		list = append(list, "full_page_writes is off: a power cut can destroy the database; set it to on")
	}
	if len(d.Standbys) > 0 && d.Synchronous == "" {
		list = append(list, fmt.Sprintf("synchronous_standby_names is empty and there are standbys (%s): a failover loses the last commits, and rekey would have to compare everything with the clouds; name at least one of them",
			strings.Join(d.Standbys, ", ")))
	}
	return list
}
