package inventory

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"rekey.example/rekey/internal/store"
)

// How many rows go into one statement. More would not be faster: SQLite looks
// for each numbered parameter in the list of all of them.
const many = 8

// values is the VALUES list of so many rows: ($1, $2), ($3, $4), ...
func values(rows, columns int) string {
	var b strings.Builder
	for n := range rows * columns {
		switch {
		case n == 0:
			b.WriteString("VALUES (")
		case n%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(n+1))
	}
	return b.String() + ")"
}

// table is an INSERT for one row and the same for many.
type table struct {
	columns   int
	one, more string
}

func insertInto(into string, columns int, end string) table {
	return table{columns, into + " " + values(1, columns) + end, into + " " + values(many, columns) + end}
}

var (
	newApplications = insertInto(`INSERT INTO inventory_application (tenant, num, holder, object_id, object_look, client_id, client_look, name, fold,
		audience, home, kind, sso, notes, enabled, created, owners, owned, hash, gone)`, 20, "")
	newCredentials = insertInto(`INSERT INTO inventory_credential (tenant, num, key_id, key_look, kind, label, hint, thumbprint, fingerprint, starts, expires,
		used, unmanaged, gone)`, 14, "")
	newOwners = insertInto(`INSERT INTO inventory_owner (tenant, owner, num)`, 3, " ON CONFLICT DO NOTHING")
)

// bulk collects new rows of one table.
type bulk struct {
	table
	tx      *store.Tx
	waiting []any
	insert  *sql.Stmt
}

func (b *bulk) add(row ...any) error {
	b.waiting = append(b.waiting, row...)
	if len(b.waiting) < many*b.columns {
		return nil
	}
	if b.insert == nil {
		s, err := b.tx.Prepare(b.more)
		if err != nil {
			return fmt.Errorf("cannot prepare to write: %w", err)
		}
		b.insert = s
	}
	_, err := b.insert.Exec(b.waiting...)
	b.waiting = b.waiting[:0]
	if err != nil {
		return fmt.Errorf("cannot write new rows: %w", err)
	}
	return nil
}

// flush writes what is left.
func (b *bulk) flush() error {
	for len(b.waiting) > 0 {
		if _, err := b.tx.Exec(b.one, b.waiting[:b.columns]...); err != nil {
			return fmt.Errorf("cannot write new rows: %w", err)
		}
		b.waiting = append(b.waiting[:0], b.waiting[b.columns:]...)
	}
	return nil
}

// end gives the prepared statement back.
func (b *bulk) end() {
	if b.insert != nil {
		_ = b.insert.Close() // its transaction ends as well
	}
}
