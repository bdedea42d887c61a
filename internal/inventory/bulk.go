package inventory

import (
	"database/sql"
	"fmt"

	"rekey.example/rekey/internal/store"
)

const (
	newApplication = `INSERT INTO inventory_application (tenant, num, holder, object_id, object_look, client_id, client_look, name, fold,
		audience, home, kind, sso, notes, enabled, created, owners, owned, hash, gone)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 0)`
	newCredential = `INSERT INTO inventory_credential (tenant, num, key_id, key_look, kind, label, hint, thumbprint, fingerprint, starts, expires, used, unmanaged, gone)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $13, $9, $10, $11, $12, 0)`
	newOwner = `INSERT INTO inventory_owner (tenant, num, owner) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
)

// bulk writes many new rows with one prepared statement. They go in one by one:
// SQLite would keep a journal of its own for a statement of several rows, and
// looks for each numbered parameter in the list of all of them.
type bulk struct {
	query string
	tx    *store.Tx
	stmt  *sql.Stmt
}

func (b *bulk) add(row ...any) (err error) {
	if b.stmt == nil {
		if b.stmt, err = b.tx.Prepare(b.query); err != nil {
			return fmt.Errorf("cannot prepare to write: %w", err)
		}
	}
	if _, err := b.stmt.Exec(row...); err != nil {
		return fmt.Errorf("cannot write new rows: %w", err)
	}
	return nil
}

// end gives the prepared statement back.
func (b *bulk) end() {
	if b.stmt != nil {
		_ = b.stmt.Close() // its transaction ends as well
	}
}
