package inventory

import (
	"fmt"
	"strings"

	"rekey.example/rekey/internal/store"
)

// numbers runs a query for application numbers.
func numbers(tx *store.Tx, query string, arguments ...any) (map[int64]choice, error) {
	rows, err := tx.Query(query, arguments...)
	if err != nil {
		return nil, fmt.Errorf("cannot look up applications: %w", err)
	}
	defer rows.Close()
	set := map[int64]choice{}
	for rows.Next() {
		var num int64
		if err := rows.Scan(&num); err != nil {
			return nil, fmt.Errorf("cannot look up applications: %w", err)
		}
		set[num] = nil
	}
	return set, rows.Err()
}

const (
	applicationsByID = `SELECT num FROM inventory_application WHERE tenant = $1 AND object_look = $2 AND object_id = $3
		UNION ALL SELECT num FROM inventory_application WHERE tenant = $1 AND client_look = $2 AND client_id = $3`
	// The name's index holds all that this needs, so it is read and not the table.
	applicationsByName = `SELECT num FROM inventory_application WHERE tenant = $1 AND fold LIKE $2 ESCAPE '!'`
	applicationsOf     = `SELECT num FROM inventory_owner WHERE tenant = $1 AND owner IN (SELECT look FROM inventory_person
		WHERE tenant = $1 AND (object_id = $2 OR fold LIKE $3 ESCAPE '!' OR mail LIKE $3 ESCAPE '!'))`
)

// matchApplications are the applications that a text means: by id, else by a
// part of the name.
func matchApplications(tx *store.Tx, number int64, text string) (map[int64]choice, error) {
	text = strings.TrimSpace(text)
	id := strings.ToLower(text)
	set, err := numbers(tx, applicationsByID, number, look(id), id)
	if err != nil || len(set) > 0 {
		return set, err
	}
	return numbers(tx, applicationsByName, number, part(text))
}

// matchOwners are the applications of those owners that a text means.
func matchOwners(tx *store.Tx, number int64, text string) (map[int64]choice, error) {
	text = strings.TrimSpace(text)
	return numbers(tx, applicationsOf, number, strings.ToLower(text), part(text))
}

// part is a LIKE pattern for names that contain a text.
func part(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(fold(text)) + "%"
}

// matchVault are the credentials whose value is kept in a vault.
func matchVault(tx *store.Tx, number int64, vault string) (map[int64]choice, error) {
	vault = strings.ToLower(strings.TrimSpace(vault))
	rows, err := tx.Query(`SELECT num, key_id FROM inventory_deposit WHERE tenant = $1 AND (vault = $2 OR vault LIKE $3 ESCAPE '!')`,
		number, vault, strings.TrimPrefix(part(vault+"."), "%"))
	if err != nil {
		return nil, fmt.Errorf("cannot look into vault %q: %w", vault, err)
	}
	defer rows.Close()
	set := map[int64]choice{}
	for rows.Next() {
		var num int64
		var key string
		if err := rows.Scan(&num, &key); err != nil {
			return nil, fmt.Errorf("cannot look into vault %q: %w", vault, err)
		}
		if set[num] == nil {
			set[num] = choice{}
		}
		set[num][key] = true
	}
	return set, rows.Err()
}
