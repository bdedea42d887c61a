package access

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Door lets people in and shows them out: it keeps the people that are known,
// how they prove who they are, and their sessions. Every change is recorded in
// the transaction that makes it.
type Door struct {
	Store   *store.DB
	Tenant  string        // the one tenant that people sign in to
	Idle    time.Duration // after which an unused session ends; 0: UsualIdle
	Longest time.Duration // a session lives; 0: UsualLongest

	// Record writes into the audit log, inside the transaction. The log stands a
	// floor above this package.
	Record func(*store.Tx, Deed) error

	effort effort // what guesses may cost
}

// How long sessions hold, unless it is set.
const (
	UsualIdle    = 30 * time.Minute
	UsualLongest = 10 * time.Hour
)

// Deed is something for the audit log.
type Deed struct {
	By      Actor
	Action  Action
	Subject string
	Title   string
	Refused bool
	Detail  map[string]string
}

var (
	// ErrNoSession means that there is no session with this id or secret, or none any more.
	ErrNoSession = errors.New("nobody is signed in, or no longer")
	// ErrNoPerson means that there is no person with this id.
	ErrNoPerson = errors.New("there is no such person")
)

func (d *Door) idle() time.Duration    { return cmp.Or(d.Idle, UsualIdle) }
func (d *Door) longest() time.Duration { return cmp.Or(d.Longest, UsualLongest) }

func (d *Door) record(tx *store.Tx, e Deed) error {
	if d.Record == nil {
		return nil
	}
	return d.Record(tx, e)
}

// newID is an id that people can read out: a letter and ten more.
func newID(letter string) string { return letter + "-" + strings.ToLower(rand.Text()[:10]) }

// random is 256 random bits as text.
func random() secret.Value {
	var b [32]byte
	rand.Read(b[:])
	return secret.New(base64.RawURLEncoding.EncodeToString(b[:]))
}

// isRandom reports whether a text can be what random made.
func isRandom(v secret.Value) bool {
	if v.Len() != 43 {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(v.Reveal())
	return err == nil
}

// fingerprint is what is kept of something random. It needs no salt and no
// stretching; the purpose keeps one kind from being taken for another.
func fingerprint(purpose string, v secret.Value) string {
	sum := sha256.Sum256([]byte(purpose + "\x00" + v.Reveal()))
	return hex.EncodeToString(sum[:])
}
