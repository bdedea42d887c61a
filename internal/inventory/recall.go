package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Recalled is a credential that the inventory has seen, with its holder.
type Recalled struct {
	Application Application
	Credential  Credential
	Gone        bool // the directory no longer shows it
}

// A person waits for this one, now and then: it goes through the tenant's
// credentials, and an index on three characters would only cost every sync.
const credentialsByHint = `SELECT ` + credentialColumns + ` FROM inventory_credential WHERE tenant = $1 AND hint = $2 ORDER BY gone, num, key_id LIMIT 20`

// ByHint lists the credentials whose value began with these three characters, those
// that are still there first, twenty at most.
func (s *Service) ByHint(ctx context.Context, by access.Actor, hint string) (list []Recalled, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return nil, err
	}
	if hint == "" {
		return nil, nil
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		f := finder{tx: tx, tenant: by.Tenant}
		found, err := f.read(credentialsByHint, number, hint)
		if err != nil {
			return err
		}
		list, err = recalled(tx, by, number, found)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot look for credentials by their first characters: %w", err)
	}
	return list, nil
}

// ByPlace lists the credential whose value is kept at a place; none if that is not
// known.
func (s *Service) ByPlace(ctx context.Context, by access.Actor, at Place) (list []Recalled, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return nil, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		num, keyID, _, _, err := heldBy(tx, number, at)
		if err != nil || keyID == "" {
			return err
		}
		f := finder{tx: tx, tenant: by.Tenant}
		found, err := f.read(`SELECT `+credentialColumns+` FROM inventory_credential WHERE tenant = $1 AND num = $2 AND key_id = $3`, number, num, keyID)
		if err != nil {
			return err
		}
		list, err = recalled(tx, by, number, found)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot look what %s holds: %w", at, err)
	}
	return list, nil
}

func recalled(tx *store.Tx, by access.Actor, number int64, found []credential) (list []Recalled, err error) {
	for _, c := range found {
		a, err := loadApplication(tx, by.Tenant, number, c.num)
		if errors.Is(err, sql.ErrNoRows) || err == nil && !a.Application.Visible(by) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c.Holder = a.ObjectID
		list = append(list, Recalled{Application: a.Application, Credential: c.Credential, Gone: c.gone != 0 || a.gone != 0})
	}
	return list, nil
}
