package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Attempt is a sign-in that has begun: a person was sent to prove who they are
// and has not come back yet. It belongs to the browser it began in, counts once,
// and ends by itself.
type Attempt struct {
	Purpose string // what it was begun for: entra, passkey, register
	Person  string // who has to come back, if it is known; a Person.ID
	Goal    string // local path to go to afterwards
	Data    string // what the purpose keeps; never a secret
}

// ErrAttempt means that a sign-in cannot be ended: it was never begun, not in
// this browser, or has ended already.
var ErrAttempt = errors.New("this sign-in was not begun in this browser, took too long, or has ended already")

// ErrTooMany means that more is being tried than one may.
var ErrTooMany = errors.New("too many sign-ins are being tried; wait a little")

const (
	attemptLife  = 10 * time.Minute
	mostAttempts = 10_000 // at once in a tenant; each is 300 bytes
)

// NewBrowser is what a browser keeps while it signs in: it binds attempts to it.
func NewBrowser() secret.Value { return random() }

// IsBrowser reports whether a text can be what NewBrowser made.
func IsBrowser(v secret.Value) bool { return isRandom(v) }

// Derive makes a value that only this browser's return with this state can make
// again: the nonce and the verifier of PKCE. So neither needs to be kept.
func Derive(browser, state secret.Value, what string) string {
	mac := hmac.New(sha256.New, []byte(browser.Reveal()))
	fmt.Fprintf(mac, "rekey sign-in\x00%s\x00%s", what, state.Reveal())
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Begin notes an attempt and returns its state, which finds it again.
func (d *Door) Begin(ctx context.Context, browser secret.Value, a Attempt) (state secret.Value, err error) {
	state = random()
	now := time.Now()
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(`DELETE FROM access_attempt WHERE tenant = $1 AND ends < $2`, d.Tenant, millis(now)); err != nil {
			return fmt.Errorf("cannot forget old attempts: %w", err)
		}
		var n int
		if err := tx.QueryRow(`SELECT COUNT(*) FROM access_attempt WHERE tenant = $1`, d.Tenant).Scan(&n); err != nil {
			return fmt.Errorf("cannot count attempts: %w", err)
		}
		if n >= mostAttempts {
			return ErrTooMany
		}
		_, err := tx.Exec(`INSERT INTO access_attempt (state, tenant, browser, purpose, person, goal, data, ends) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			fingerprint("state", state), d.Tenant, fingerprint("browser", browser), a.Purpose, a.Person, a.Goal, a.Data, millis(now.Add(attemptLife)))
		if err != nil {
			return fmt.Errorf("cannot begin a sign-in: %w", err)
		}
		return nil
	})
	return state, err
}

// End takes an attempt back, once. Its error is ErrAttempt if there is none for
// this browser, one of these purposes, and the state. One that another browser comes with is over as
// well: its state has become known to somebody.
func (d *Door) End(ctx context.Context, browser, state secret.Value, purposes ...string) (a Attempt, err error) {
	if !isRandom(browser) || !isRandom(state) {
		return a, ErrAttempt
	}
	var holder string
	var ends int64
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		hash := fingerprint("state", state)
		row := tx.QueryRow(`SELECT browser, purpose, person, goal, data, ends FROM access_attempt WHERE tenant = $1 AND state = $2`, d.Tenant, hash)
		if err := row.Scan(&holder, &a.Purpose, &a.Person, &a.Goal, &a.Data, &ends); errors.Is(err, sql.ErrNoRows) {
			return ErrAttempt
		} else if err != nil {
			return fmt.Errorf("cannot look a sign-in up: %w", err)
		}
		result, err := tx.Exec(`DELETE FROM access_attempt WHERE tenant = $1 AND state = $2`, d.Tenant, hash)
		if err != nil {
			return fmt.Errorf("cannot end a sign-in: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, ErrAttempt) // somebody else came with it in the same moment
		}
		return nil
	})
	if err != nil {
		return Attempt{}, err
	}
	if !hmac.Equal([]byte(holder), []byte(fingerprint("browser", browser))) || !slices.Contains(purposes, a.Purpose) || time.Now().UnixMilli() >= ends {
		return Attempt{}, ErrAttempt
	}
	return a, nil
}
