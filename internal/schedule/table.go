package schedule

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables. Times are milliseconds, 0 for never.
var Schema = store.Schema{Version: 160, SQL: `
CREATE TABLE schedule_budget (
	tenant  TEXT NOT NULL,
	writer  TEXT NOT NULL,
	version BIGINT NOT NULL,
	whole   DOUBLE PRECISION NOT NULL,
	planned DOUBLE PRECISION NOT NULL,
	at      BIGINT NOT NULL,
	closed  BIGINT NOT NULL,
	PRIMARY KEY (tenant, writer)
);
CREATE TABLE schedule_postponed (
	tenant TEXT NOT NULL,
	key_id TEXT NOT NULL,
	until  BIGINT NOT NULL,
	reason TEXT NOT NULL,
	actor  TEXT NOT NULL,
	name   TEXT NOT NULL,
	since  BIGINT NOT NULL,
	PRIMARY KEY (tenant, key_id)
);
`}

// errOvertaken means that another replica has written the row meanwhile.
var errOvertaken = errors.New("another replica was faster")

// readBucket reads a budget's row; version 0 if there is none yet.
func readBucket(tx *store.Tx, tenant, writer string) (k bucket, err error) {
	var at, closed int64
	err = tx.QueryRow(`SELECT version, whole, planned, at, closed FROM schedule_budget WHERE tenant = $1 AND writer = $2`, tenant, writer).
		Scan(&k.version, &k.all, &k.planned, &at, &closed)
	if errors.Is(err, sql.ErrNoRows) {
		return bucket{}, nil
	}
	if err != nil {
		return bucket{}, fmt.Errorf("cannot read the budget: %w", err)
	}
	k.at, k.closed = moment(at), moment(closed)
	return k, nil
}

// writeBucket writes a budget's row, unless it is no longer as it was read.
func writeBucket(tx *store.Tx, tenant, writer string, k bucket) error {
	result, err := tx.Exec(`INSERT INTO schedule_budget (tenant, writer, version, whole, planned, at, closed) VALUES ($1, $2, 1, $3, $4, $5, $6)
		ON CONFLICT (tenant, writer) DO UPDATE SET version = schedule_budget.version + 1, whole = excluded.whole, planned = excluded.planned, at = excluded.at, closed = excluded.closed
		WHERE schedule_budget.version = $7`,
		tenant, writer, k.all, k.planned, millis(k.at), millis(k.closed), k.version)
	if err != nil {
		return fmt.Errorf("cannot write the budget: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errOvertaken, err)
	}
	return nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
