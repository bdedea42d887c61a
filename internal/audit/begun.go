package audit

import (
	"context"
	"fmt"

	"rekey.example/rekey/internal/store"
)

// Begun reports whether anything was ever recorded in this database.
func Begun(ctx context.Context, db *store.DB) (begun bool, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM audit_event)`).Scan(&begun)
	})
	if err != nil {
		return false, fmt.Errorf("cannot look whether the audit log has begun: %w", err)
	}
	return begun, nil
}
