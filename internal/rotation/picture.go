package rotation

import (
	"errors"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// picture brings the inventory up to date with what a step did, in the step's own
// transaction, so that nobody has to wait for the next reading. An application
// that the inventory does not know (yet, or any more) is left to that reading.
func picture(r *Rotation, step string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		err := draw(tx, r, step)
		if errors.Is(err, inventory.ErrNotFound) {
			return nil
		}
		return err
	}
}

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
