package custody

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// Run follows the shared keyring and seals again what old keys have sealed,
// until ctx is done.
func (k *Keeper) Run(ctx context.Context) {
	k.begin()
	for {
		if err := k.Reseal(ctx); err != nil && ctx.Err() == nil && k.Logger != nil {
			k.Logger.Error("cannot finish the exchange of the sealing key", "error", err.Error())
		}
		select {
		case <-k.woken:
		case <-time.After(every):
		case <-ctx.Done():
			return
		}
	}
}

func (k *Keeper) begin() {
	k.once.Do(func() { k.woken, k.quiet = make(chan struct{}, 1), map[string]time.Time{} })
}

func (k *Keeper) wake() {
	k.begin()
	select {
	case k.woken <- struct{}{}:
	default:
	}
}

// Reseal seals again what old keys have sealed, and drops those that nothing
// needs any more. Where there is one key it does nothing. Two processes that do
// it at once do each other no harm.
func (k *Keeper) Reseal(ctx context.Context) error {
	k.begin()
	if err := k.Ring.Follow(ctx); err != nil {
		return err
	}
	if len(k.Ring.Keys()) < 2 {
		return nil
	}
	var errs []error
	for _, t := range k.Sealed {
		n, err := t.Reseal(ctx, k.Store, k.Ring.Sealer)
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot seal %s again: %w", t.Name, err))
		}
		if n > 0 {
			k.stir()
		}
	}
	for _, key := range k.Ring.Keys() {
		if !key.Current {
			errs = append(errs, k.retire(ctx, key.ID, key.Settled))
		}
	}
	return errors.Join(errs...)
}

// retire drops a key if nothing needs it, nor can come to need it again.
func (k *Keeper) retire(ctx context.Context, key string, settled bool) error {
	free, err := k.free(ctx, key)
	if err != nil || !free || !settled && !k.calm(key) {
		return err
	}
	rekey := access.Rekey(k.Tenant)
	intent := audit.By(rekey, access.ResealValues, subject, audit.Done)
	intent.Detail = map[string]string{"intent": "true", "dropped": key}
	if err := k.record(ctx, intent); err != nil {
		return err
	}
	// The count and the drop are in one transaction that could write: on SQLite
	// nobody else writes meanwhile.
	return k.Store.Do(ctx, func(tx *store.Tx) error {
		n, err := k.using(tx, key)
		if err != nil || n > 0 {
			return err
		}
		e := audit.By(rekey, access.ResealValues, subject, audit.Done)
		e.Detail = map[string]string{"dropped": key}
		if err := k.Log.Record(tx, e); err != nil {
			return err
		}
		if err := k.Ring.Drop(ctx, key); err != nil {
			return fmt.Errorf("cannot drop sealing key %s: %w", key, err)
		}
		return nil
	})
}

// free reports whether no row needs a key, and remembers since when.
func (k *Keeper) free(ctx context.Context, key string) (bool, error) {
	n := 0
	err := k.Store.View(ctx, func(tx *store.Tx) (err error) {
		n, err = k.using(tx, key)
		return err
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	switch since := k.quiet[key]; {
	case err != nil || n > 0:
		delete(k.quiet, key)
	case since.IsZero():
		k.quiet[key] = time.Now()
	}
	return err == nil && n == 0, err
}

// stir begins the wait for calm again: a value came that an old key had sealed.
func (k *Keeper) stir() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.quiet)
}

// calm reports whether no row has needed a key for long enough. It asks the
// monotonic clock, which no administrator sets.
func (k *Keeper) calm(key string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := k.Calm
	if wait == 0 {
		wait = calm
	}
	return time.Since(k.quiet[key]) >= wait
}
