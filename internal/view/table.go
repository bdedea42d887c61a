package view

import (
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's table. folded is the name in lower case: a person has
// each name once. Times are milliseconds.
var Schema = store.Schema{Version: 210, SQL: `
CREATE TABLE view_kept (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	person TEXT NOT NULL,
	who    TEXT NOT NULL,
	name   TEXT NOT NULL,
	folded TEXT NOT NULL,
	filter TEXT NOT NULL,
	shared BIGINT NOT NULL,
	since  BIGINT NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX view_kept_name ON view_kept (tenant, person, shared, folded);
CREATE INDEX view_kept_shared ON view_kept (tenant, shared, folded);
`}

func seen(tx *store.Tx, tenant, person string) (list []View, err error) {
	rows, err := tx.Query(`SELECT id, person, who, name, filter, shared, since FROM view_kept
		WHERE tenant = $1 AND (person = $2 OR shared = 1) ORDER BY folded, id`, tenant, person)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w View
		var shared, since int64
		if err := rows.Scan(&w.ID, &w.Person, &w.By, &w.Name, &w.Filter, &shared, &since); err != nil {
			return nil, err
		}
		w.Shared, w.Since = shared != 0, time.UnixMilli(since).UTC()
		list = append(list, w)
	}
	return list, rows.Err()
}

func put(tx *store.Tx, tenant string, w View) error {
	shared := int64(0)
	if w.Shared {
		shared = 1
	}
	if _, err := tx.Exec(`DELETE FROM view_kept WHERE tenant = $1 AND person = $2 AND shared = $3 AND folded = $4`, tenant, w.Person, shared, folded(w.Name)); err != nil {
		return err
	}
	var n int
	if err := tx.QueryRow(`SELECT count(*) FROM view_kept WHERE tenant = $1 AND person = $2`, tenant, w.Person).Scan(&n); err != nil {
		return err
	}
	if n >= most {
		return ErrMany
	}
	_, err := tx.Exec(`INSERT INTO view_kept (tenant, id, person, who, name, folded, filter, shared, since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		tenant, w.ID, w.Person, w.By, w.Name, folded(w.Name), w.Filter, shared, w.Since.UnixMilli())
	if err != nil {
		return fmt.Errorf("cannot write it: %w", err)
	}
	return nil
}

func drop(tx *store.Tx, tenant, id string) error {
	_, err := tx.Exec(`DELETE FROM view_kept WHERE tenant = $1 AND id = $2`, tenant, id)
	return err
}

func folded(name string) string { return strings.ToLower(name) }
