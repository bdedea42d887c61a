package access

import (
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

func insertPasskey(tx *store.Tx, tenant string, k Passkey) error {
	_, err := tx.Exec(`INSERT INTO access_passkey (id, tenant, person, name, body, created) VALUES ($1, $2, $3, $4, $5, $6)`,
		k.ID, tenant, k.Person, k.Name, k.body, millis(k.Created))
	if err != nil {
		return fmt.Errorf("cannot keep a passkey: %w", err)
	}
	return nil
}

func selectPasskeys(tx *store.Tx, tenant, person string) ([]Passkey, error) {
	rows, err := tx.Query(`SELECT id, person, name, body, created, used FROM access_passkey WHERE tenant = $1 AND person = $2 ORDER BY created, id`, tenant, person)
	if err != nil {
		return nil, fmt.Errorf("cannot list passkeys: %w", err)
	}
	defer rows.Close()
	list := []Passkey{}
	for rows.Next() {
		var k Passkey
		var created, used int64
		if err := rows.Scan(&k.ID, &k.Person, &k.Name, &k.body, &created, &used); err != nil {
			return nil, fmt.Errorf("cannot list passkeys: %w", err)
		}
		k.Created, k.Used = moment(created), moment(used)
		list = append(list, k)
	}
	return list, rows.Err()
}

// usePasskey notes a use, with the counter that the device keeps.
func usePasskey(tx *store.Tx, tenant, id, body string, at time.Time) error {
	if _, err := tx.Exec(`UPDATE access_passkey SET body = $1, used = $2 WHERE tenant = $3 AND id = $4`, body, millis(at), tenant, id); err != nil {
		return fmt.Errorf("cannot note the use of a passkey: %w", err)
	}
	return nil
}

func deletePasskey(tx *store.Tx, tenant, person, id string) error {
	if _, err := tx.Exec(`DELETE FROM access_passkey WHERE tenant = $1 AND person = $2 AND id = $3`, tenant, person, id); err != nil {
		return fmt.Errorf("cannot remove a passkey: %w", err)
	}
	return nil
}

func endOtherSessions(tx *store.Tx, tenant, person, but string, at time.Time, by string) error {
	if _, err := tx.Exec(`UPDATE access_session SET ended = $1, ended_by = $2 WHERE tenant = $3 AND person = $4 AND id <> $5 AND ended = 0`, millis(at), by, tenant, person, but); err != nil {
		return fmt.Errorf("cannot end the sessions of %s: %w", person, err)
	}
	return nil
}
