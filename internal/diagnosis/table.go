package diagnosis

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables. Times are milliseconds; endpoints is the
// list of them as JSON, which holds no secret.
var Schema = store.Schema{Version: 250, SQL: `
CREATE TABLE diagnosis_snapshot (
	tenant      TEXT NOT NULL,
	environment TEXT NOT NULL,
	taken       BIGINT NOT NULL,
	actor       TEXT NOT NULL,
	endpoints   TEXT NOT NULL,
	PRIMARY KEY (tenant, environment, taken)
);
`}

const putSnapshot = `INSERT INTO diagnosis_snapshot (tenant, environment, taken, actor, endpoints) VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT (tenant, environment, taken) DO UPDATE SET actor = excluded.actor, endpoints = excluded.endpoints`

func (s Snapshot) put(tx *store.Tx, tenant string) error {
	text, err := json.Marshal(s.Endpoints)
	if err != nil {
		return fmt.Errorf("cannot encode a snapshot: %w", err)
	}
	if _, err := tx.Exec(putSnapshot, tenant, s.Environment, s.Taken.UnixMilli(), s.By, string(text)); err != nil {
		return fmt.Errorf("cannot keep a snapshot of %s: %w", s.Environment, err)
	}
	return nil
}

const lastSnapshot = `SELECT environment, taken, actor, endpoints FROM diagnosis_snapshot WHERE tenant = $1 AND environment = $2 ORDER BY taken DESC LIMIT 1`

// newestSnapshot is the last one of an environment. Its error is ErrNoSnapshot if
// there is none.
func newestSnapshot(tx *store.Tx, tenant, environment string) (s Snapshot, err error) {
	var taken int64
	var text string
	err = tx.QueryRow(lastSnapshot, tenant, environment).Scan(&s.Environment, &taken, &s.By, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return s, ErrNoSnapshot
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &s.Endpoints)
	}
	if err != nil {
		return s, fmt.Errorf("cannot read the snapshot of %s: %w", environment, err)
	}
	s.Taken = time.UnixMilli(taken).UTC()
	return s, nil
}
