package inventory

import (
	"database/sql"
	"errors"
	"fmt"

	"rekey.example/rekey/internal/store"
)

// Walk shows every application that is there, with its rows, to fn. It is for
// those who judge the whole inventory, as policy does, and check permission
// themselves. Memory stays flat.
func (s *Service) Walk(tx *store.Tx, tenant string, fn func(Application, []Row) error) error {
	number, err := tenantNumber(tx, tenant)
	if err != nil || number == 0 {
		return err
	}
	const step = 500
	for last := int64(-1); ; {
		list, err := readApplications(tx, tenant, `SELECT `+applicationColumns+` FROM inventory_application WHERE tenant = $1 AND num > $2 AND gone = 0 ORDER BY num LIMIT $3`,
			number, last, int64(step))
		if err != nil {
			return fmt.Errorf("cannot walk through the inventory: %w", err)
		}
		for _, a := range list {
			last = a.num
			held, err := loadCredentials(tx, tenant, number, a.num, a.ObjectID)
			if err != nil {
				return err
			}
			var there []credential
			for _, c := range held {
				if c.gone == 0 {
					there = append(there, c)
				}
			}
			rows, err := s.rows(tx, tenant, number, there)
			if err != nil {
				return err
			}
			if err := fn(a.Application, rows); err != nil {
				return err
			}
		}
		if len(list) < step {
			return nil
		}
	}
}

// WalkEntries shows every vault entry that is there to fn.
func WalkEntries(tx *store.Tx, tenant string, fn func(Entry) error) error {
	number, err := tenantNumber(tx, tenant)
	if err != nil || number == 0 {
		return err
	}
	const step = 500
	for after := (Entry{}); ; {
		list, err := readEntries(tx, tenant, pageOfEntries, number, after.Place.Vault, after.Place.Name, after.Kind, int64(step))
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := fn(e); err != nil {
				return err
			}
			after = e
		}
		if len(list) < step {
			return nil
		}
	}
}

// Find is one credential as it is known, with its application. Its error is
// ErrNotFound if it is not known or gone. Callers check permission.
func Find(tx *store.Tx, tenant string, holder ObjectID, keyID string) (Application, Credential, error) {
	number, num, err := object(tx, tenant, holder)
	if err != nil {
		return Application{}, Credential{}, err
	}
	a, err := loadApplication(tx, tenant, number, num)
	if err != nil {
		return Application{}, Credential{}, err
	}
	c, err := scanCredential(tx.QueryRow(`SELECT `+credentialColumns+` FROM inventory_credential WHERE tenant = $1 AND num = $2 AND key_id = $3 AND gone = 0`, number, num, keyID), tenant, holder)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Application{}, Credential{}, fmt.Errorf("cannot find credential %s: %w", keyID, err)
	}
	return a.Application, c.Credential, nil
}
