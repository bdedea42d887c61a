package usage

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// Schema creates the table of the sketches: a row for each credential that was used.
var Schema = store.Schema{Version: 240, SQL: `
CREATE TABLE usage_sketch (
	tenant TEXT NOT NULL,
	key_id TEXT NOT NULL,
	used   BIGINT NOT NULL,
	body   TEXT NOT NULL,
	PRIMARY KEY (tenant, key_id)
);
`}

// lockSketch reads a sketch and keeps others from writing it until the transaction
// ends. One that is not there is empty.
func lockSketch(tx *store.Tx, tenant, key string) (s *Sketch, there bool, err error) {
	return scanSketch(tx.QueryRow(`UPDATE usage_sketch SET used = used WHERE tenant = $1 AND key_id = $2 RETURNING body`, tenant, key))
}

func readSketch(tx *store.Tx, tenant, key string) (s *Sketch, there bool, err error) {
	return scanSketch(tx.QueryRow(`SELECT body FROM usage_sketch WHERE tenant = $1 AND key_id = $2`, tenant, key))
}

func scanSketch(row *sql.Row) (s *Sketch, there bool, err error) {
	var body string
	err = row.Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return new(Sketch), false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("cannot read a sketch: %w", err)
	}
	s = new(Sketch)
	if json.Unmarshal([]byte(body), s) != nil {
		return nil, false, errors.New("a sketch of uses is damaged")
	}
	return s, true, nil
}

func (s *Sketch) save(tx *store.Tx, tenant, key string) error {
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("cannot encode a sketch: %w", err)
	}
	_, err = tx.Exec(`INSERT INTO usage_sketch (tenant, key_id, used, body) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, key_id) DO UPDATE SET used = excluded.used, body = excluded.body`, tenant, key, millis(s.Last.Time), string(body))
	if err != nil {
		return fmt.Errorf("cannot keep a sketch: %w", err)
	}
	return nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
