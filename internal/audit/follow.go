package audit

import (
	"encoding/json"
	"fmt"

	"rekey.example/rekey/internal/store"
)

// News is one event for whoever follows the log.
type News struct {
	Seq     int64
	Action  string
	Subject string
}

// Follow returns what was recorded for a tenant after the event with a sequence
// number, the oldest first. Numbers are given out in the order of commits, so
// nothing appears later behind the last one. After -1 is from the beginning.
func Follow(tx *store.Tx, tenant string, after int64, limit int) ([]News, error) {
	rows, err := tx.Query(`SELECT seq, action, subject FROM audit_event WHERE tenant = $1 AND seq > $2 ORDER BY seq LIMIT $3`, tenant, after, limit)
	if err != nil {
		return nil, fmt.Errorf("cannot follow the audit log: %w", err)
	}
	defer rows.Close()
	var list []News
	for rows.Next() {
		var n News
		if err := rows.Scan(&n.Seq, &n.Action, &n.Subject); err != nil {
			return nil, fmt.Errorf("cannot follow the audit log: %w", err)
		}
		list = append(list, n)
	}
	return list, rows.Err()
}

// Last is the sequence number of the newest event of all tenants, -1 if there is none.
func Last(tx *store.Tx) (seq int64, err error) {
	if err := tx.QueryRow(`SELECT coalesce(max(seq), -1) FROM audit_event`).Scan(&seq); err != nil {
		return 0, fmt.Errorf("cannot find the end of the audit log: %w", err)
	}
	return seq, nil
}

// After returns a tenant's events from a sequence number on, the oldest first, as
// many as limit: for what follows the log. Who may see them is for the caller to
// have asked.
func After(tx *store.Tx, tenant string, from int64, limit int) ([]Entry, error) {
	rows, err := tx.Query(`SELECT seq, body FROM audit_event WHERE tenant = $1 AND seq >= $2 ORDER BY seq LIMIT $3`, tenant, from, limit)
	if err != nil {
		return nil, fmt.Errorf("cannot follow the audit log: %w", err)
	}
	defer rows.Close()
	var list []Entry
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.Seq, &e.Body); err != nil {
			return nil, fmt.Errorf("cannot follow the audit log: %w", err)
		}
		if err := json.Unmarshal([]byte(e.Body), &e.Event); err != nil {
			return nil, fmt.Errorf("%w: event %d cannot be read: %w", ErrTampered, e.Seq, err)
		}
		list = append(list, e)
	}
	return list, rows.Err()
}
