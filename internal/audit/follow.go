package audit

import (
	"encoding/json"
	"fmt"

	"rekey.example/rekey/internal/store"
)

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
