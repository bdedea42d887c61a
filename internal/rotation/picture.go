package rotation

import (
	"slices"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// picture brings the inventory up to date with what a step did, in the step's own
// transaction, so that nobody has to wait for the next reading. It is only a
// picture: if it cannot be drawn, that is undone by itself and left to that
// reading. The record of the step must not fail for it, for it can hold the only
// copy of a value.
func picture(r *Rotation, step string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		if !slices.Contains(pictured, step) {
			return nil
		}
		if _, err := tx.Exec(`SAVEPOINT picture`); err != nil {
			return err
		}
		if draw(tx, r, step) != nil {
			if _, err := tx.Exec(`ROLLBACK TO SAVEPOINT picture`); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`RELEASE SAVEPOINT picture`)
		return err
	}
}

// pictured are the steps that change what the inventory shows.
var pictured = []string{"issue", "deposit", "withdraw", "retract"}

func draw(tx *store.Tx, r *Rotation, step string) error {
	a := r.Terms.Application
	switch step {
	case "issue":
		return inventory.PutCredential(tx, *r.Issued, r.Print)
	case "deposit":
		place := r.Terms.Place
		place.Version = r.Entry
		if err := inventory.Renewed(tx, a.Tenant, place, *r.Issued, r.Print); err != nil {
			return err
		}
		return inventory.SetDeposit(tx, inventory.Deposit{Tenant: a.Tenant, Holder: a.ObjectID, KeyID: r.Issued.KeyID, Place: place, How: "rotation"})
	case "withdraw":
		return inventory.MarkGone(tx, a.Tenant, a.ObjectID, r.Terms.Old.KeyID)
	case "retract":
		for _, attempt := range r.Attempts {
			if attempt.KeyID == "" {
				continue
			}
			if err := inventory.MarkGone(tx, a.Tenant, a.ObjectID, attempt.KeyID); err != nil {
				return err
			}
		}
	}
	return nil
}
