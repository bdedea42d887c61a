package inventory

import (
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// Known is a credential as it is or was known, with what holds it.
type Known struct {
	Application Application
	Credential  Credential
	Gone        time.Time // when it was seen to be gone; zero: it is there
}

// Recorded finds a credential of the directory by its key id alone, also one that is
// gone. Its error is ErrNotFound if it was never known. Callers check permission.
func Recorded(tx *store.Tx, tenant, keyID string) (Known, error) {
	number, err := tenantNumber(tx, tenant)
	if err != nil {
		return Known{}, err
	}
	list, err := byKey(tx, tenant, number, keyID)
	if err != nil {
		return Known{}, fmt.Errorf("cannot find credential %s: %w", keyID, err)
	}
	if len(list) == 0 {
		return Known{}, ErrNotFound
	}
	// The one that is there comes first. What was gone for long can be forgotten
	// with its application.
	c := list[0]
	a, err := loadApplication(tx, tenant, number, c.num)
	if err != nil {
		return Known{}, err
	}
	return Known{a.Application, c.Credential, fromMillis(c.gone)}, nil
}

// SetUses keeps uses that are later than the known ones, in the transaction of whoever
// has learnt of them.
func SetUses(tx *store.Tx, tenant string, list []Use) error {
	if _, err := setUses(tx, tenant, list); err != nil {
		return fmt.Errorf("cannot keep when credentials were used: %w", err)
	}
	return nil
}
