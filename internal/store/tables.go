package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

// Table is a table as the database describes it.
type Table struct {
	Name    string
	Columns []string // in alphabetical order
}

// Tables lists the tables that the given schemas have made, in alphabetical
// order. Those of libraries are left out.
func (db *DB) Tables(ctx context.Context) ([]Table, error) {
	names, err := db.every(ctx)
	if err != nil {
		return nil, err
	}
	var list []Table
	for _, n := range names {
		if n == goose.DefaultTablename || strings.HasPrefix(n, "river_") {
			continue
		}
		columns, err := db.words(ctx, map[kind]string{
			lite:     `SELECT name FROM pragma_table_info($1) ORDER BY name`,
			postgres: `SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`,
		}[db.kind], n)
		if err != nil {
			return nil, fmt.Errorf("cannot describe table %s: %w", n, err)
		}
		slices.Sort(columns)
		list = append(list, Table{Name: n, Columns: columns})
	}
	return list, nil
}

// every lists all tables there are.
func (db *DB) every(ctx context.Context) ([]string, error) {
	names, err := db.words(ctx, map[kind]string{
		lite:     `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`,
		postgres: `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`,
	}[db.kind])
	if err != nil {
		return nil, fmt.Errorf("cannot list the tables: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// words are the first column of what a query finds.
func (db *DB) words(ctx context.Context, query string, args ...any) (list []string, err error) {
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var w string
		if err := rows.Scan(&w); err != nil {
			return nil, explain(err)
		}
		list = append(list, w)
	}
	return list, explain(rows.Err())
}

// Size is how many bytes the database takes.
func (db *DB) Size(ctx context.Context) (n int64, err error) {
	query := map[kind]string{
		lite:     `SELECT c.page_count * s.page_size FROM pragma_page_count AS c, pragma_page_size AS s`,
		postgres: `SELECT pg_database_size(current_database())`,
	}[db.kind]
	if err := db.read.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return 0, fmt.Errorf("cannot measure the database: %w", explain(err))
	}
	return n, nil
}

// Count is how many rows a table has.
func Count(tx *Tx, t Table) (n int64, err error) {
	if err := tx.QueryRow(`SELECT count(*) FROM ` + t.quoted()).Scan(&n); err != nil {
		return 0, fmt.Errorf("cannot count table %s: %w", t.Name, err)
	}
	return n, nil
}

func (t Table) quoted() string { return quote(t.Name) }

// quote is a name from the database's own catalogue, as SQL takes it.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
