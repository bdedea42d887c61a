package access

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

const personColumns = `p.id, p.tenant, p.kind, p.subject, p.name, p.alias, p.role, p.owner, p.stands, p.password, p.created, p.created_by, p.seen, p.disabled,
	(SELECT COUNT(*) FROM access_passkey k WHERE k.tenant = p.tenant AND k.person = p.id)`

func insertPerson(tx *store.Tx, p Person) error {
	_, err := tx.Exec(`INSERT INTO access_person (id, tenant, kind, subject, name, alias, role, owner, stands, password, created, created_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		p.ID, p.Tenant, string(p.Kind), p.Subject, p.Name, p.Alias, string(p.Role), p.Owner, p.Stands, p.password, millis(p.Created), p.CreatedBy)
	if err != nil {
		return fmt.Errorf("cannot keep the person %q: %w", p.Name, err)
	}
	return nil
}

func updatePerson(tx *store.Tx, p Person) error {
	_, err := tx.Exec(`UPDATE access_person SET name = $1, alias = $2, role = $3, owner = $4, disabled = $5 WHERE tenant = $6 AND id = $7`,
		p.Name, p.Alias, string(p.Role), p.Owner, millis(p.Disabled), p.Tenant, p.ID)
	if err != nil {
		return fmt.Errorf("cannot change the person %q: %w", p.Name, err)
	}
	return nil
}

func setPassword(tx *store.Tx, tenant, id, encoded string) error {
	if _, err := tx.Exec(`UPDATE access_person SET password = $1 WHERE tenant = $2 AND id = $3`, encoded, tenant, id); err != nil {
		return fmt.Errorf("cannot keep a password: %w", err)
	}
	return nil
}

func setSeen(tx *store.Tx, id string, at time.Time) error {
	if _, err := tx.Exec(`UPDATE access_person SET seen = $1 WHERE id = $2`, millis(at), id); err != nil {
		return fmt.Errorf("cannot note a sign-in: %w", err)
	}
	return nil
}

func personByID(tx *store.Tx, tenant, id string) (Person, error) {
	return onePerson(tx.QueryRow(`SELECT `+personColumns+` FROM access_person p WHERE p.tenant = $1 AND p.id = $2`, tenant, id), id)
}

func personBySubject(tx *store.Tx, tenant string, kind Kind, subject string) (Person, error) {
	return onePerson(tx.QueryRow(`SELECT `+personColumns+` FROM access_person p WHERE p.tenant = $1 AND p.kind = $2 AND p.subject = $3`, tenant, string(kind), subject), subject)
}

func onePerson(row *sql.Row, what string) (Person, error) {
	p, err := scanPerson(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Person{}, fmt.Errorf("%w: %s", ErrNoPerson, what)
	}
	if err != nil {
		return Person{}, fmt.Errorf("cannot look a person up: %w", err)
	}
	return p, nil
}

func selectPeople(tx *store.Tx, tenant string) ([]Person, error) {
	rows, err := tx.Query(`SELECT `+personColumns+` FROM access_person p WHERE p.tenant = $1 ORDER BY p.name, p.id`, tenant)
	if err != nil {
		return nil, fmt.Errorf("cannot list people: %w", err)
	}
	defer rows.Close()
	list := []Person{}
	for rows.Next() {
		p, err := scanPerson(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("cannot list people: %w", err)
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

func scanPerson(scan func(...any) error) (p Person, err error) {
	var created, seen, disabled int64
	err = scan(&p.ID, &p.Tenant, &p.Kind, &p.Subject, &p.Name, &p.Alias, &p.Role, &p.Owner, &p.Stands, &p.password, &created, &p.CreatedBy, &seen, &disabled, &p.Passkeys)
	p.Created, p.Seen, p.Disabled, p.Password = moment(created), moment(seen), moment(disabled), p.password != ""
	return p, err
}

// administrators counts the local people who can administer.
func administrators(tx *store.Tx, tenant string) (n int, err error) {
	err = tx.QueryRow(`SELECT COUNT(*) FROM access_person WHERE tenant = $1 AND role = $2 AND disabled = 0`, tenant, string(Administrator)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("cannot count administrators: %w", err)
	}
	return n, nil
}
