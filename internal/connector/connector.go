// Package connector says what rekey asks of the systems around it.
//
// A system is one folder below. It implements the roles it can play, passes the
// suite of connectortest for each, and is listed once, in daemon/kinds.go.
// Callers ask for an optional role by type assertion.
package connector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Order asks an issuer for a new credential.
type Order struct {
	Holder  inventory.Application
	Label   string // what people read on it; the marker stands at its end
	Marker  string // unique to the attempt
	Expires time.Time
	Request string // client-request-id, to find the call again in the issuer's log
}

// Issuer creates and withdraws credentials.
type Issuer interface {
	// Credentials lists what the issuer's directory now shows for an object.
	// It may be stale by seconds.
	Credentials(ctx context.Context, holder inventory.Application) ([]inventory.Credential, error)
	// Issue sends exactly one request, however it ends. ErrNotApplied in the
	// error means that nothing was made; any other error means that nobody
	// knows, and a credential with the marker may exist or appear later.
	Issue(ctx context.Context, o Order) (inventory.Credential, secret.Value, error)
	// Withdraw ends a credential. One already gone is no error.
	Withdraw(ctx context.Context, holder inventory.Application, keyID string) error
}

// Verifier proves a value by signing in with it: a new connection each time,
// no token cache.
type Verifier interface {
	// SignIn returns nil if the issuer accepted the value and the token names
	// the client; a *RejectedError if it refused; another error if it could not
	// be asked.
	SignIn(ctx context.Context, client inventory.ClientID, v secret.Value) error
}

// Vault keeps secret values under names, in versions. The newest is current.
type Vault interface {
	// Put makes a new version and returns its id.
	Put(ctx context.Context, name string, d Deposit) (version string, err error)
	// Get returns the current version. Its error is ErrNotFound if there is none.
	Get(ctx context.Context, name string) (Deposit, error)
}

// Deposit is a value with what is written beside it in a vault.
type Deposit struct {
	Value       secret.Value
	Version     string // set by Get
	Expires     time.Time
	ContentType string
	Tags        map[string]string
}

// Feed lists what a system holds, for the inventory.
type Feed = inventory.Feed

// What a caller can branch on.
var (
	// ErrNotFound means that the system answered and has no such thing.
	ErrNotFound = errors.New("not found")
	// ErrNotApplied means that the system surely changed nothing.
	ErrNotApplied = errors.New("nothing was changed")
	// ErrDenied means that our own identity lacks a right.
	ErrDenied = errors.New("permission missing")
	// ErrLagging means that the system's answers contradict each other: one part
	// of it has not heard of a change yet.
	ErrLagging = errors.New("the system has not heard of its own change everywhere yet")
	// ErrNoSlot means that the object takes no further credential.
	ErrNoSlot = errors.New("no free credential slot")
)

// RejectedError means that an issuer answered and refused a sign-in.
type RejectedError struct {
	Code   int    // AADSTS number
	Text   string // the issuer's first sentence
	Secret bool   // it is the credential that was refused, not something behind it
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("sign-in refused: AADSTS%d %s", e.Code, e.Text)
}

// ThrottledError means that the system asks us to wait. Nothing was changed.
type ThrottledError struct{ After time.Duration }

func (e *ThrottledError) Error() string { return fmt.Sprintf("throttled, asked to wait %s", e.After) }
func (e *ThrottledError) Unwrap() error { return ErrNotApplied }
