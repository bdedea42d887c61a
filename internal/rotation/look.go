package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// held is an error that already knows how the visit ends.
type held struct{ verdict }

func (h *held) Error() string { return h.why }

// credentials is what the directory now shows of the application.
func (k *Keeper) credentials(ctx context.Context, r *Rotation, sys Systems) ([]inventory.Credential, error) {
	list, err := sys.Issuer.Credentials(ctx, r.Terms.Application)
	if err != nil {
		return nil, fmt.Errorf("cannot read the credentials: %w", r.gone(err))
	}
	r.Missing = time.Time{}
	return list, nil
}

// gone is err, but if it says that the directory does not know the application
// (SAFETY F26), it holds the rotation, and ends it after a day: a deletion can be
// a mistake that is mended, and one replica may know less than the others.
func (r *Rotation) gone(err error) error {
	if !errors.Is(err, connector.ErrNotFound) {
		return err
	}
	if r.Missing.IsZero() {
		r.Missing = time.Now().UTC()
	}
	if left := quarantine - time.Since(r.Missing); left > 0 {
		return &held{verdict{
			wait: min(left, 30*time.Minute), why: "the directory does not know the application any more; if it stays so for a day, the rotation ends",
			needs: "whoever deleted the application, to restore it if that was a mistake",
		}}
	}
	return &held{verdict{end: cmp.Or(r.Ending, Void), why: "the application was deleted; its secrets went with it"}}
}

// clock is the issuer's time, by which overlaps are measured. It holds the
// rotation while this machine's clock says something else: one of the two is
// wrong, and the time that both secrets work must not be cut short (SAFETY F40).
func (k *Keeper) clock(ctx context.Context, sys Systems) (time.Time, error) {
	now, err := sys.Now(ctx)
	if err != nil {
		return now, fmt.Errorf("cannot read the issuer's clock: %w", err)
	}
	if skew := time.Since(now).Abs(); skew > 5*time.Minute {
		v, _ := park(fmt.Sprintf("this machine's clock differs from the issuer's by %s", skew.Round(time.Second)), "whoever runs this machine, to set its clock")
		return now, &held{v}
	}
	return now, nil
}

// served is what consumers now read from the vault. Without an entry it holds the
// rotation: nothing can be proved, and they are cut off.
func (k *Keeper) served(ctx context.Context, r *Rotation, vault connector.Vault) (connector.Deposit, error) {
	d, err := vault.Get(ctx, r.Terms.Place.Name)
	if errors.Is(err, connector.ErrNotFound) {
		v, _ := park(fmt.Sprintf("%s is no longer in the vault: its consumers are cut off", r.Terms.Place), "whoever deleted it, to recover it")
		return d, &held{v}
	}
	if err != nil {
		return d, fmt.Errorf("cannot read %s: %w", r.Terms.Place, err)
	}
	return d, nil
}

// tidy withdraws strays while a rotation waits, so that none lives for a day.
func (k *Keeper) tidy(ctx context.Context, r *Rotation) error {
	sys, err := k.Systems(r.Terms.Application.Tenant)
	if err != nil {
		return err
	}
	list, err := k.credentials(ctx, r, sys)
	if err != nil {
		return err
	}
	return k.sweep(ctx, r, sys, list)
}

// timed limits how long one request may be under way. It is called before the
// intention is written down, not after it: a process that sleeps in between for
// longer wakes with no time left and sends nothing. Others have gone on without
// it by then (SAFETY F36).
func timed(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 30*time.Second)
}
