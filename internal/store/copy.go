package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Copied is one table that was copied.
type Copied struct {
	Table string
	Rows  int64
	Sum   string // over all rows, whatever their order; equal on both sides
}

// Transfer copies the rows of every table from one database into another one
// with the same tables. What the target's tables have is replaced.
type Transfer struct {
	From, To *DB
	Leave    []string                       // tables that stay empty
	Tell     func(table string, rows int64) // called now and then; may be nil
	Also     func(*Tx) error                // runs in the target's transaction at the end; may be nil
}

// Run copies one consistent state of the source, in one transaction of the
// target: either all of it is there afterwards, compared row by row, or nothing
// has changed. Nothing is written to the source.
func (t Transfer) Run(ctx context.Context) (list []Copied, err error) {
	tables, err := t.tables(ctx)
	if err != nil {
		return nil, err
	}
	err = t.From.View(ctx, func(from *Tx) error {
		return t.To.Do(ctx, func(to *Tx) error {
			for _, table := range tables {
				c, err := t.table(from, to, table)
				if err != nil {
					return err
				}
				list = append(list, c)
			}
			if t.Also != nil {
				return t.Also(to)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("cannot copy the database, and nothing was changed: %w", err)
	}
	return list, nil
}

// tables are those of both sides, which have to be the same.
func (t Transfer) tables(ctx context.Context) ([]Table, error) {
	from, err := t.From.Tables(ctx)
	if err != nil {
		return nil, err
	}
	to, err := t.To.Tables(ctx)
	if err != nil {
		return nil, err
	}
	same := slices.EqualFunc(from, to, func(a, b Table) bool { return a.Name == b.Name && slices.Equal(a.Columns, b.Columns) })
	if !same {
		return nil, fmt.Errorf("cannot copy the database: the two have different tables; run rekey db migrate on the source first")
	}
	return from, nil
}

// table copies one table and reads it back.
func (t Transfer) table(from, to *Tx, table Table) (Copied, error) {
	if _, err := to.Exec(`DELETE FROM ` + table.quoted()); err != nil {
		return Copied{}, fmt.Errorf("cannot empty table %s: %w", table.Name, err)
	}
	if slices.Contains(t.Leave, table.Name) {
		return Copied{Table: table.Name}, nil
	}
	in := inserter{tx: to, table: table, at: t.To.kind}
	sent, err := each(from, table, func(n int64, values []any) error {
		if t.Tell != nil && n%5000 == 0 {
			t.Tell(table.Name, n)
		}
		return in.add(values)
	})
	if err == nil {
		err = in.flush()
	}
	if err != nil {
		return Copied{}, fmt.Errorf("cannot copy table %s: %w", table.Name, err)
	}
	got, err := each(to, table, func(int64, []any) error { return nil })
	if err != nil {
		return Copied{}, fmt.Errorf("cannot read back table %s: %w", table.Name, err)
	}
	if got != sent {
		return Copied{}, fmt.Errorf("table %s came out different: %d rows with the sum %s were read, %d with %s arrived", table.Name, sent.Rows, sent.Sum, got.Rows, got.Sum)
	}
	if t.Tell != nil {
		t.Tell(table.Name, sent.Rows)
	}
	return sent, nil
}

// each reads all rows of a table, in no order, and sums them up.
func each(tx *Tx, table Table, do func(n int64, values []any) error) (c Copied, err error) {
	columns := make([]string, len(table.Columns))
	for i, name := range table.Columns {
		columns[i] = quote(name)
	}
	rows, err := tx.Query(`SELECT ` + strings.Join(columns, ", ") + ` FROM ` + table.quoted())
	if err != nil {
		return c, err
	}
	defer rows.Close()
	var total sum
	for c.Table = table.Name; rows.Next(); c.Rows++ {
		values, err := scanRow(rows, len(columns))
		if err != nil {
			return c, err
		}
		if err := total.add(values); err != nil {
			return c, err
		}
		if err := do(c.Rows+1, values); err != nil {
			return c, err
		}
	}
	c.Sum = total.String()
	return c, rows.Err()
}

func scanRow(rows *sql.Rows, n int) ([]any, error) {
	values, into := make([]any, n), make([]any, n)
	for i := range values {
		into[i] = &values[i]
	}
	return values, rows.Scan(into...)
}

// inserter writes rows: to PostgreSQL many in a statement, to SQLite one in a
// prepared statement, as each of them likes it best.
type inserter struct {
	tx    *Tx
	table Table
	at    kind
	full  *sql.Stmt // of the batch's size
	batch []any
	rows  int
}

// size is how many rows go in one statement; PostgreSQL takes 65,535 parameters.
func (in *inserter) size() int {
	if in.at == lite {
		return 1
	}
	return min(256, 65535/len(in.table.Columns))
}

func (in *inserter) add(values []any) (err error) {
	in.batch = append(in.batch, values...)
	if in.rows++; in.rows < in.size() {
		return nil
	}
	if in.full == nil {
		if in.full, err = in.tx.Prepare(in.text(in.rows)); err != nil {
			return err
		}
	}
	_, err = in.full.Exec(in.batch...)
	in.batch, in.rows = in.batch[:0], 0
	return err
}

// flush writes what is left of the last batch.
func (in *inserter) flush() error {
	if in.rows > 0 {
		if _, err := in.tx.Exec(in.text(in.rows), in.batch...); err != nil {
			return err
		}
	}
	if in.full != nil {
		return in.full.Close()
	}
	return nil
}

func (in *inserter) text(rows int) string {
	columns := make([]string, len(in.table.Columns))
	for i, name := range in.table.Columns {
		columns[i] = quote(name)
	}
	var b strings.Builder
	b.WriteString(`INSERT INTO ` + in.table.quoted() + ` (` + strings.Join(columns, ", ") + `) VALUES `)
	for n := range rows * len(columns) {
		switch {
		case n > 0 && n%len(columns) == 0:
			b.WriteString("), (")
		case n == 0:
			b.WriteString("(")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(n+1))
	}
	b.WriteString(")")
	return b.String()
}
