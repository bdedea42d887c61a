package inventory

import (
	"fmt"

	"rekey.example/rekey/internal/store"
)

func dropDeposits(tx *store.Tx, tenant, num int64, keyID string) error {
	if _, err := tx.Exec(`DELETE FROM inventory_deposit WHERE tenant = $1 AND num = $2 AND key_id = $3`, tenant, num, keyID); err != nil {
		return fmt.Errorf("cannot forget where %s was kept: %w", keyID, err)
	}
	return nil
}
