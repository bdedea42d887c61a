package inventory

import (
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// What rotations know first is written here, in their own transactions. They
// record their own audit events.

// PutCredential writes a credential that a rotation made, or now knows better.
// The fingerprint of its value, if known, recognises the value in a vault.
func PutCredential(tx *store.Tx, c Credential, fingerprint string) error {
	number, num, err := object(tx, c.Tenant, c.Holder)
	if err != nil {
		return err
	}
	row := credential{Credential: c, num: num, fingerprint: fingerprint}
	return row.put(tx, number)
}

// MarkGone says that a credential is no longer there.
func MarkGone(tx *store.Tx, tenant string, holder ObjectID, keyID string) error {
	number, num, err := object(tx, tenant, holder)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE inventory_credential SET gone = $4 WHERE tenant = $1 AND num = $2 AND key_id = $3 AND gone = 0`, number, num, keyID, time.Now().UnixMilli()); err != nil {
		return fmt.Errorf("cannot mark credential %s as gone: %w", keyID, err)
	}
	return dropDeposits(tx, number, num, keyID)
}

// SetDeposit says that a place now holds a credential's value.
func SetDeposit(tx *store.Tx, d Deposit) error {
	number, num, err := object(tx, d.Tenant, d.Holder)
	if err != nil {
		return err
	}
	return putDeposit(tx, number, num, d.KeyID, d.Place, d.How)
}

// Renewed says that a vault entry, if it is known, has a new version with the
// value of a credential. Its end is that of the credential.
func Renewed(tx *store.Tx, tenant string, p Place, c Credential, fingerprint string) error {
	number, err := tenantNumber(tx, tenant)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE inventory_entry SET version = $4, expires = $5, hint = $6, fingerprint = $7, updated = 0
		WHERE tenant = $1 AND vault = $2 AND name = $3 AND kind = 'secret' AND gone = 0`,
		number, p.Vault, p.Name, p.Version, endMillis(c.Expires), c.Hint, fingerprint)
	if err != nil {
		return fmt.Errorf("cannot write that %s was renewed: %w", p, err)
	}
	return nil
}

// object finds the numbers of a tenant and one of its objects.
func object(tx *store.Tx, tenant string, holder ObjectID) (number, num int64, err error) {
	if number, err = tenantNumber(tx, tenant); err != nil {
		return 0, 0, err
	}
	k, err := findKnown(tx, number, holder)
	if err != nil {
		return 0, 0, err
	}
	if k.num == 0 {
		return 0, 0, fmt.Errorf("object %s: %w", holder, ErrNotFound)
	}
	return number, k.num, nil
}
