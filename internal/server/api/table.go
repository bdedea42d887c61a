package api

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Schema creates the table of Idempotency-Keys that were used. The column rotation
// holds the id of what was made: a rotation, or an incident.
var Schema = store.Schema{Version: 70, SQL: `
CREATE TABLE api_request (
	tenant   TEXT NOT NULL,
	actor    TEXT NOT NULL,
	key      TEXT NOT NULL,
	hash     TEXT NOT NULL,
	rotation TEXT NOT NULL,
	time     BIGINT NOT NULL,
	PRIMARY KEY (tenant, actor, key)
);
CREATE INDEX api_request_time ON api_request (time);
`}

// keep is how long a key is remembered.
const keep = 7 * 24 * time.Hour

// answered returns the id of what the first request with a key made, or
// nothing if there was none. Its error is errKeyReused if that was another request.
func (s *service) answered(ctx context.Context, a access.Actor, key, hash string) (id string, err error) {
	var first string
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT hash, rotation FROM api_request WHERE tenant = $1 AND actor = $2 AND key = $3`, a.Tenant, a.ID, key).Scan(&first, &id)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot look up an Idempotency-Key: %w", err)
	}
	if first != hash {
		return "", errKeyReused
	}
	return id, nil
}

// remember notes what a request made, and forgets old notes.
func (s *service) remember(ctx context.Context, a access.Actor, key, hash, id string) error {
	now := time.Now()
	return s.Store.Do(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(`DELETE FROM api_request WHERE tenant = $1 AND time < $2`, a.Tenant, now.Add(-keep).UnixMilli()); err != nil {
			return fmt.Errorf("cannot forget old Idempotency-Keys: %w", err)
		}
		_, err := tx.Exec(`INSERT INTO api_request (tenant, actor, key, hash, rotation, time) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
			a.Tenant, a.ID, key, hash, id, now.UnixMilli())
		if err != nil {
			return fmt.Errorf("cannot remember an Idempotency-Key: %w", err)
		}
		return nil
	})
}

func requestHash(q any) string {
	raw, err := json.Marshal(q)
	if err != nil {
		panic(err) // plain data
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
