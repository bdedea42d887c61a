package inventory

import (
	"database/sql"
	"errors"
	"fmt"

	"rekey.example/rekey/internal/store"
)

// How it is known that a place holds a value, the surest first.
const (
	ByRotation    = "rotation"
	ByTag         = "tag"
	ByFingerprint = "fingerprint"
	ByThumbprint  = "thumbprint"
	ByHint        = "hint" // a guess: only one credential fits
)

// deposits are the places that hold a credential's value.
func deposits(tx *store.Tx, tenant string, number, num int64, holder ObjectID, keyID string) ([]Deposit, error) {
	rows, err := tx.Query(`SELECT vault, name, version, how FROM inventory_deposit WHERE tenant = $1 AND num = $2 AND key_id = $3 ORDER BY vault, name`, number, num, keyID)
	if err != nil {
		return nil, fmt.Errorf("cannot read where %s is kept: %w", keyID, err)
	}
	defer rows.Close()
	list := []Deposit{}
	for rows.Next() {
		d := Deposit{Tenant: tenant, Holder: holder, KeyID: keyID}
		if err := rows.Scan(&d.Place.Vault, &d.Place.Name, &d.Place.Version, &d.How); err != nil {
			return nil, fmt.Errorf("cannot read where %s is kept: %w", keyID, err)
		}
		list = append(list, d)
	}
	return list, rows.Err()
}

// putDeposit says what a place holds; it holds one value at a time.
func putDeposit(tx *store.Tx, number, num int64, keyID string, p Place, how string) error {
	_, err := tx.Exec(`INSERT INTO inventory_deposit (tenant, vault, name, version, num, key_id, how) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, vault, name) DO UPDATE SET version = excluded.version, num = excluded.num, key_id = excluded.key_id, how = excluded.how`,
		number, p.Vault, p.Name, p.Version, num, keyID, how)
	if err != nil {
		return fmt.Errorf("cannot write where %s is kept: %w", keyID, err)
	}
	return nil
}

func dropDeposits(tx *store.Tx, number, num int64, keyID string) error {
	if _, err := tx.Exec(`DELETE FROM inventory_deposit WHERE tenant = $1 AND num = $2 AND key_id = $3`, number, num, keyID); err != nil {
		return fmt.Errorf("cannot forget where %s was kept: %w", keyID, err)
	}
	return nil
}

func dropPlace(tx *store.Tx, number int64, p Place) error {
	if _, err := tx.Exec(`DELETE FROM inventory_deposit WHERE tenant = $1 AND vault = $2 AND name = $3`, number, p.Vault, p.Name); err != nil {
		return fmt.Errorf("cannot forget what %s held: %w", p, err)
	}
	return nil
}

// heldBy is what a place is known to hold, and how.
func heldBy(tx *store.Tx, number int64, p Place) (num int64, keyID, version, how string, err error) {
	err = tx.QueryRow(`SELECT num, key_id, version, how FROM inventory_deposit WHERE tenant = $1 AND vault = $2 AND name = $3`, number, p.Vault, p.Name).
		Scan(&num, &keyID, &version, &how)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", "", "", nil
	}
	if err != nil {
		err = fmt.Errorf("cannot read what %s holds: %w", p, err)
	}
	return num, keyID, version, how, err
}
