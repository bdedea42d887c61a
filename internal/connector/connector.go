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
	Kind    inventory.Kind       // of the new credential
	Old     inventory.Credential // that it will replace; of a resource's two keys, the other one is made anew
	Label   string               // what people read on it; the marker stands at its end
	Marker  string               // unique to the attempt
	Expires time.Time
	Request string       // client-request-id, to find the call again in the issuer's log
	Prover  secret.Value // of a certificate: the old key pair, if it is known; proves that a new one may be added
	Pairs   PairMaker    // of a certificate: who makes the new key pair; nil means the issuer itself, in memory
}

// PairMaker makes key pairs: a vault that has its own generator.
type PairMaker interface {
	// MakePair makes a key pair with a self-signed certificate. What it leaves
	// behind on the way bears the marker, and Discard clears it.
	MakePair(ctx context.Context, subject, marker string, starts, ends time.Time) (secret.Value, error)
	Discard(ctx context.Context, marker string) error
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
	// SignIn returns nil if the issuer accepted the value and what it gave names
	// the holder; a *RejectedError if it refused; another error if it could not
	// be asked. The value is a client secret, the PEM of a key pair, or the key of
	// a resource.
	SignIn(ctx context.Context, holder inventory.Application, v secret.Value) error
}

// Recaller is an issuer that tells its values again, such as the two keys of a
// storage account.
type Recaller interface {
	// Recall returns the present value of a credential.
	Recall(ctx context.Context, holder inventory.Application, keyID string) (secret.Value, error)
}

// Proven is an issuer that takes a proof instead of writing a whole list anew:
// with a key pair that it accepts, another one can be withdrawn, whoever adds a
// third meanwhile.
type Proven interface {
	// WithdrawProven is Withdraw with such a proof; without one that holds it is
	// Withdraw itself.
	WithdrawProven(ctx context.Context, holder inventory.Application, keyID string, prover secret.Value) error
}

// Former is an issuer whose values are kept in more than one form: a key inside
// a connection string, a key pair that a vault encodes anew.
type Former interface {
	// Essence is what stays the same of a value in every form.
	Essence(v secret.Value) secret.Value
	// Form puts a new value into the form that the former one has.
	Form(former, v secret.Value) (secret.Value, error)
}

// Way is a way to act as an application: one of its credentials or of its service
// principal's, a federated one, an owner who can add more.
type Way struct {
	Object inventory.ObjectID   `json:"object"` // that holds it
	Holder inventory.HolderKind `json:"holder"`
	Kind   inventory.Kind       `json:"kind"`
	ID     string               `json:"id"` // key id; of a federated credential or an owner, its object id
	Label  string               `json:"label"`
}

// Gatekeeper is an issuer that knows every way in.
type Gatekeeper interface {
	// Ways lists them, of the application and its service principal.
	Ways(ctx context.Context, holder inventory.Application) ([]Way, error)
	// Close ends one. One already gone is no error.
	Close(ctx context.Context, holder inventory.Application, w Way) error
}

// Witness tells of the uses of one credential: a tenant's sign-in records.
type Witness interface {
	// Uses tells what is recorded of a credential's uses since then. Its error is
	// ErrUnrecorded if the tenant keeps no such records.
	Uses(ctx context.Context, holder inventory.Application, keyID string, since time.Time) (Uses, error)
}

// Uses are the recorded uses of a credential.
type Uses struct {
	Last    time.Time // zero: none is recorded
	From    []string  // addresses it was used from, at most ten
	Where   string    // of the last use: "203.0.113.9 (Amsterdam, NL) for Microsoft Graph"; empty: not told
	Count   int
	Through time.Time // records are complete up to here
	Source  string    // which records: "sign-in log", "activity report"
}

// Consumer is something that uses a value and can be told of a new one.
type Consumer interface {
	// Tell asks the consumer to take the new value. It may be called again with
	// the same Change.Request, which has to be as good as once.
	Tell(ctx context.Context, c Change) error
	// Moved looks whether the consumer uses the new value.
	Moved(ctx context.Context, c Change) (Moved, error)
}

// Change is what a consumer is told. It holds no value.
type Change struct {
	Rotation, Request string // Request stays the same for one consumer of one rotation
	Consumer          string // in plain words
	Reference         string // what the consumer is known by: see docs/reference/consumers.md
	Application       inventory.Application
	Old, New          inventory.Credential
	Place             inventory.Place // Version is the new one
	Switched          time.Time       // when consumers could first read the new value
}

// Moved is what a consumer's evidence says.
type Moved struct {
	Yes    bool
	Proof  string        // what was seen, in words
	Wait   time.Duration // if not: look again after so long; 0 means the caller's pace
	Why    string        // if not: what it still does
	Person string        // if not, and a person has to act: what to do
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
	Kind        inventory.Kind // of the credential: a certificate goes into a Key Vault as one
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
	// ErrUnrecorded means that a tenant keeps no records of that kind.
	ErrUnrecorded = errors.New("no such records are kept")
	// ErrPending means that the system has taken a request and is not done with
	// it. The same call again sends nothing, and learns how it ended.
	ErrPending = errors.New("the system has begun and is not done yet")
	// ErrNoSlot means that the object takes no further credential.
	ErrNoSlot = errors.New("no free credential slot")
)

// RejectedError means that an issuer answered and refused a sign-in.
type RejectedError struct {
	Code   int    // AADSTS number; 0 for issuers other than Entra
	Name   string // the issuer's own name of the error, where it has no AADSTS number
	Text   string // the issuer's first sentence
	Secret bool   // it is the credential that was refused, not something behind it
}

func (e *RejectedError) Error() string { return "sign-in refused: " + e.Which() + " " + e.Text }

// Which is what to look the error up by: AADSTS7000215, AuthenticationFailed.
func (e *RejectedError) Which() string {
	if e.Code != 0 {
		return fmt.Sprintf("AADSTS%d", e.Code)
	}
	return e.Name
}

// ThrottledError means that the system asks us to wait. Nothing was changed.
type ThrottledError struct{ After time.Duration }

func (e *ThrottledError) Error() string { return fmt.Sprintf("throttled, asked to wait %s", e.After) }
func (e *ThrottledError) Unwrap() error { return ErrNotApplied }
