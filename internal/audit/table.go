package audit

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables. audit_event.hashes are the 32-byte
// hashes of the tree that the event completes: its own, then those of the
// perfect subtrees that end with it, upwards. Every hash of the tree stands in
// exactly one row, and an append writes it with the event.
var Schema = store.Schema{Version: 10, SQL: `
CREATE TABLE audit_event (
	seq     BIGINT PRIMARY KEY,
	tenant  TEXT NOT NULL,
	time    BIGINT NOT NULL,
	actor   TEXT NOT NULL,
	action  TEXT NOT NULL,
	subject TEXT NOT NULL,
	body    TEXT NOT NULL,
	hashes  BYTEA NOT NULL
);
CREATE INDEX audit_event_tenant ON audit_event (tenant, seq);
CREATE INDEX audit_event_subject ON audit_event (tenant, subject, seq);
CREATE INDEX audit_event_action ON audit_event (tenant, action, seq);
CREATE INDEX audit_event_actor ON audit_event (tenant, actor, seq);
CREATE INDEX audit_event_time ON audit_event (tenant, time, seq);
CREATE TABLE audit_head (id BIGINT PRIMARY KEY, size BIGINT NOT NULL, checkpoint TEXT NOT NULL, peaks BYTEA NOT NULL);
INSERT INTO audit_head (id, size, checkpoint, peaks) VALUES (1, 0, '', '');
CREATE TABLE audit_checkpoint (size BIGINT PRIMARY KEY, checkpoint TEXT NOT NULL);
`}

// head is the end of the log: its signed checkpoint and the edge to go on from.
type head struct {
	size       int64
	checkpoint string
	peaks      []byte
}

// lockHead makes this transaction the only one that appends, on both databases.
func lockHead(tx *store.Tx) (h head, err error) {
	err = tx.QueryRow(`UPDATE audit_head SET size = size WHERE id = 1 RETURNING size, checkpoint, peaks`).Scan(&h.size, &h.checkpoint, &h.peaks)
	if errors.Is(err, sql.ErrNoRows) {
		return h, fmt.Errorf("%w: its head is missing", ErrTampered)
	}
	if err != nil {
		return h, fmt.Errorf("cannot lock the audit log: %w", err)
	}
	return h, nil
}

func readHead(tx *store.Tx) (h head, err error) {
	err = tx.QueryRow(`SELECT size, checkpoint, peaks FROM audit_head WHERE id = 1`).Scan(&h.size, &h.checkpoint, &h.peaks)
	if errors.Is(err, sql.ErrNoRows) {
		return h, fmt.Errorf("%w: its head is missing", ErrTampered)
	}
	if err != nil {
		return h, fmt.Errorf("cannot read the audit log's head: %w", err)
	}
	return h, nil
}

func setHead(tx *store.Tx, h head) error {
	_, err := tx.Exec(`UPDATE audit_head SET size = $1, checkpoint = $2, peaks = $3 WHERE id = 1`, h.size, h.checkpoint, h.peaks)
	if err != nil {
		return fmt.Errorf("cannot write the audit log's head: %w", err)
	}
	return nil
}

func insertKept(tx *store.Tx, list []Checkpoint) error {
	for _, c := range list {
		if _, err := tx.Exec(`INSERT INTO audit_checkpoint (size, checkpoint) VALUES ($1, $2)`, c.Size, c.Text); err != nil {
			return fmt.Errorf("cannot keep checkpoint %d of the audit log: %w", c.Size, err)
		}
	}
	return nil
}

// insertOne and insertMany are the same statement for one event and for eight.
// More at a time would be slower again: SQLite takes $1 for a name, and looks
// each name up in a list.
var insertOne, insertMany = insertText(1), insertText(many)

const many = 8

func insertText(rows int) string {
	values := make([]string, rows)
	for i := range values {
		n := i * 8
		values[i] = fmt.Sprintf("($%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5, n+6, n+7, n+8)
	}
	return `INSERT INTO audit_event (seq, tenant, time, actor, action, subject, body, hashes) VALUES ` + strings.Join(values, ", ")
}

func insertRows(tx *store.Tx, rows []row) error {
	whole := len(rows) - len(rows)%many
	if err := insertBatches(tx, insertMany, rows[:whole], many); err != nil {
		return err
	}
	return insertBatches(tx, insertOne, rows[whole:], 1)
}

func insertBatches(tx *store.Tx, text string, rows []row, size int) error {
	if len(rows) == 0 {
		return nil
	}
	exec := func(args ...any) (sql.Result, error) { return tx.Exec(text, args...) }
	if len(rows) > size { // to prepare and to close is a question each to PostgreSQL
		insert, err := tx.Prepare(text)
		if err != nil {
			return fmt.Errorf("cannot append to the audit log: %w", err)
		}
		defer insert.Close()
		exec = insert.Exec
	}
	for batch := range slices.Chunk(rows, size) {
		args := make([]any, 0, size*8)
		for _, r := range batch {
			args = append(args, r.seq, r.tenant, r.time, r.actor, r.action, r.subject, string(r.body), r.hashes)
		}
		if _, err := exec(args...); err != nil {
			return fmt.Errorf("cannot append to the audit log: %w", err)
		}
	}
	return nil
}

// hashes gives tlog the stored hashes. What it has read once it keeps.
type hashes struct {
	tx   *store.Tx
	have map[int64]tlog.Hash // by tlog's index
}

// place says in which row a hash stands, and where in it.
func place(index int64) (seq int64, level int) {
	level, n := tlog.SplitStoredHashIndex(index)
	return (n+1)<<level - 1, level
}

// keep adds the hashes that stand in a row.
func (h *hashes) keep(seq int64, row []byte) {
	for level := 0; len(row) >= tlog.HashSize; level++ {
		h.have[tlog.StoredHashIndex(level, (seq+1)>>level-1)] = tlog.Hash(row[:tlog.HashSize])
		row = row[tlog.HashSize:]
	}
}

func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var missing []any
	for _, index := range indexes {
		if _, ok := h.have[index]; !ok {
			seq, _ := place(index)
			missing = append(missing, seq)
		}
	}
	if err := h.fetch(missing); err != nil {
		return nil, err
	}
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hash, ok := h.have[index]
		if !ok {
			seq, level := place(index)
			return nil, fmt.Errorf("%w: hash %d of event %d is missing", ErrTampered, level, seq)
		}
		list[i] = hash
	}
	return list, nil
}

// fetch reads the hashes of some rows, 16 at a time.
func (h *hashes) fetch(seqs []any) error {
	for len(seqs) > 0 {
		batch := seqs[:min(16, len(seqs))]
		seqs = seqs[len(batch):]
		for len(batch) < 16 {
			batch = append(batch[:len(batch):len(batch)], batch[0])
		}
		rows, err := h.tx.Query(`SELECT seq, hashes FROM audit_event WHERE seq IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`, batch...)
		if err != nil {
			return fmt.Errorf("cannot read hashes of the audit log: %w", err)
		}
		for rows.Next() {
			var seq int64
			var b []byte
			if err := rows.Scan(&seq, &b); err != nil {
				rows.Close()
				return fmt.Errorf("cannot read hashes of the audit log: %w", err)
			}
			h.keep(seq, b)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return fmt.Errorf("cannot read hashes of the audit log: %w", err)
		}
	}
	return nil
}

// Size is how many events the log has.
func Size(tx *store.Tx) (n int64, err error) {
	if err = tx.QueryRow(`SELECT size FROM audit_head WHERE id = 1`).Scan(&n); err != nil {
		return 0, fmt.Errorf("cannot read the head of the audit log: %w", err)
	}
	return n, nil
}
