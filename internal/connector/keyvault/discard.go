package keyvault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rekey.example/rekey/internal/connector/rest"
)

// purgeTries are how often a purge is asked for: a vault finishes a deletion some
// ten seconds after it has answered it.
const purgeTries = 8

// Discard deletes the staging copy of a pair, and purges it where we may and the
// vault lets anybody. Where not, it stays recoverable for the vault's retention of
// 7 to 90 days, and readable for nobody until somebody recovers it. One already
// gone is no error.
func (m *Maker) Discard(ctx context.Context, marker string) error {
	name := m.stage(marker)
	err := m.API.Once(ctx, rest.Request{Method: http.MethodDelete, Path: rest.Path("certificates", name) + apiVersion}, nil)
	if err != nil && status(err) != http.StatusNotFound && status(err) != http.StatusConflict {
		return fmt.Errorf("cannot delete staging copy %q: %w", name, err)
	}
	for try := range purgeTries {
		if try > 0 && sleep(ctx, 2*time.Second) != nil {
			return nil
		}
		err := m.API.Once(ctx, rest.Request{Method: http.MethodDelete, Path: rest.Path("deletedcertificates", name) + apiVersion}, nil)
		if s := status(err); s != http.StatusNotFound && s != http.StatusConflict {
			return nil // purged, or not ours to purge
		}
	}
	return nil
}

// status is that of a refusal; 0 for anything else.
func status(err error) int {
	if e, ok := errors.AsType[*rest.Error](err); ok {
		return e.Status
	}
	return 0
}
