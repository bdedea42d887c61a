package audit

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables.
var Schema = store.Schema{Version: 10, SQL: `
CREATE TABLE audit_event (
	seq     BIGINT PRIMARY KEY,
	tenant  TEXT NOT NULL,
	time    BIGINT NOT NULL,
	actor   TEXT NOT NULL,
	action  TEXT NOT NULL,
	subject TEXT NOT NULL,
	body    TEXT NOT NULL
);
CREATE INDEX audit_event_subject ON audit_event (tenant, subject, seq);
CREATE TABLE audit_hash (id BIGINT PRIMARY KEY, hash TEXT NOT NULL);
CREATE TABLE audit_head (id BIGINT PRIMARY KEY, size BIGINT NOT NULL, checkpoint TEXT NOT NULL);
INSERT INTO audit_head (id, size, checkpoint) VALUES (1, 0, '');
`}

// lock makes this transaction the only one that appends, on both databases, and
// returns the log's size.
func lock(tx *store.Tx) (size int64, err error) {
	err = tx.QueryRow(`UPDATE audit_head SET size = size WHERE id = 1 RETURNING size`).Scan(&size)
	if err != nil {
		return 0, fmt.Errorf("cannot lock the audit log: %w", err)
	}
	return size, nil
}

func head(tx *store.Tx) (size int64, checkpoint string, err error) {
	err = tx.QueryRow(`SELECT size, checkpoint FROM audit_head WHERE id = 1`).Scan(&size, &checkpoint)
	if err != nil {
		return 0, "", fmt.Errorf("cannot read the audit log's head: %w", err)
	}
	return size, checkpoint, nil
}

func setHead(tx *store.Tx, size int64, checkpoint string) error {
	_, err := tx.Exec(`UPDATE audit_head SET size = $1, checkpoint = $2 WHERE id = 1`, size, checkpoint)
	if err != nil {
		return fmt.Errorf("cannot write the audit log's head: %w", err)
	}
	return nil
}

func insert(tx *store.Tx, seq int64, e Event, body []byte) error {
	_, err := tx.Exec(`INSERT INTO audit_event (seq, tenant, time, actor, action, subject, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		seq, e.Tenant, e.Time.UnixMilli(), e.Actor, e.Action, e.Subject, string(body))
	if err != nil {
		return fmt.Errorf("cannot append to the audit log: %w", err)
	}
	return nil
}

// hashReader gives tlog the stored hashes, the ones of this append first.
type hashReader struct {
	tx    *store.Tx
	fresh map[int64]tlog.Hash
	order []int64
}

func (h *hashReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if hash, ok := h.fresh[index]; ok {
			list[i] = hash
			continue
		}
		var text string
		err := h.tx.QueryRow(`SELECT hash FROM audit_hash WHERE id = $1`, index).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("hash %d of the audit log is missing", index)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read hash %d of the audit log: %w", index, err)
		}
		if list[i], err = tlog.ParseHash(text); err != nil {
			return nil, fmt.Errorf("hash %d of the audit log is damaged: %w", index, err)
		}
	}
	return list, nil
}

func (h *hashReader) append(seq int64, body []byte) error {
	hashes, err := tlog.StoredHashes(seq, body, h)
	if err != nil {
		return fmt.Errorf("cannot append to the audit log: %w", err)
	}
	first := tlog.StoredHashIndex(0, seq)
	for i, hash := range hashes {
		h.fresh[first+int64(i)] = hash
		h.order = append(h.order, first+int64(i))
	}
	return nil
}

func (h *hashReader) save() error {
	for _, id := range h.order {
		if _, err := h.tx.Exec(`INSERT INTO audit_hash (id, hash) VALUES ($1, $2)`, id, h.fresh[id].String()); err != nil {
			return fmt.Errorf("cannot append to the audit log: %w", err)
		}
	}
	return nil
}

// Query selects events. Zero fields select all.
type Query struct {
	Subject string
	Action  string // exact, or a prefix ending in "."
	Actor   string
	Since   time.Time
	Before  int64 // only events with a smaller sequence number; 0 means from the newest
	Limit   int   // 0 means 100
}

// Entry is an event with its place in the log.
type Entry struct {
	Seq  int64  `json:"seq"`
	Body string `json:"-"` // the exact bytes that were hashed
	Event
}
