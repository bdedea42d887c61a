// Package trail keeps the clouds' own records beside ours: who changed which
// credential, when, from where and through what.
//
// Each source is read in windows that overlap as long as it may still be late.
// Where the reading stands is committed with what was read, so that a crash
// repeats a little and loses nothing. Every event is there once, however often
// and through however many sources it came. What a source no longer has is a gap
// with a name. Our own audit log is one of the sources: a timeline is one walk
// through one index, whoever acted.
package trail

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/store"
)

// Event is one thing that happened, as all sources together tell it.
type Event struct {
	ID          string            `json:"id"` // ours, 16 hexadecimal digits
	Time        time.Time         `json:"time"`
	Action      string            `json:"action"` // connector.CredentialAdded, ...; of our own log its own: rotation.approve
	Operation   string            `json:"operation,omitempty"`
	Outcome     string            `json:"outcome,omitempty"`
	Actor       connector.Someone `json:"actor,omitzero"`
	Through     string            `json:"through,omitempty"`
	Object      string            `json:"object,omitempty"` // object id of the application or service principal
	ClientID    string            `json:"clientId,omitempty"`
	Name        string            `json:"name,omitempty"` // of the object
	KeyID       string            `json:"keyId,omitempty"`
	Kind        string            `json:"kind,omitempty"`
	Label       string            `json:"label,omitempty"`
	Vault       string            `json:"vault,omitempty"`
	Entry       string            `json:"entry,omitempty"`
	Version     string            `json:"version,omitempty"`
	Detail      map[string]string `json:"detail,omitempty"`
	Correlation string            `json:"correlation,omitempty"`
	Sources     []Seen            `json:"sources"`
	Ours        *Ours             `json:"ours,omitempty"` // the act of ours that this is
}

// Seen is a record of an event: one source's word.
type Seen struct {
	Source  string    `json:"source"`
	ID      string    `json:"id"` // the source's own
	Arrived time.Time `json:"arrived"`
}

// Ours is the rotation that caused an event, and how that is known.
type Ours struct {
	Rotation string `json:"rotation"`
	By       string `json:"by"` // "key id", "marker", "request", "deposit"
}

// OwnLog is the name of our audit log among the sources.
const OwnLog = "rekey"

// Trail reads the sources and answers for them.
type Trail struct {
	Store *store.DB
	Log   *audit.Log

	// Writer is the client id that rekey writes as.
	Writer inventory.ClientID

	// Acts finds the rotation that a change belongs to; nil means that there are
	// none. It is asked inside the transaction that keeps the change.
	Acts func(tx *store.Tx, tenant string, c Clue) (Ours, bool, error)

	// Touched tells what a rotation is about.
	Touched func(tx *store.Tx, tenant, rotation string) (Touched, bool, error)

	// Intents are the credentials that the journal says were issued in a span.
	Intents func(tx *store.Tx, tenant string, from, to time.Time) ([]Intent, error)

	// Used is told of new sign-ins, each once, in the transaction that keeps them;
	// nil means that nobody wants to know.
	Used func(tx *store.Tx, tenant string, signIns []*Event) error

	// Report and Settle keep the findings; policy's own unless a test looks.
	Report func(tx *store.Tx, log *audit.Log, f policy.Finding) error
	Settle func(tx *store.Tx, log *audit.Log, tenant, id, why string) error
}

// Clue is what is known of a change whose author is looked for.
type Clue struct {
	Object  inventory.ObjectID
	KeyID   string
	Label   string
	Request string // correlation id
	Place   inventory.Place
	Mark    string // the rotation that the entry's tag names
}

// Touched is what a rotation is about.
type Touched struct {
	Object   inventory.ObjectID
	Old, New string // key ids
	Place    inventory.Place
}

// Intent is a credential that the journal says was made.
type Intent struct {
	Rotation string             `json:"rotation"`
	Object   inventory.ObjectID `json:"objectId"`
	KeyID    string             `json:"keyId"`
	Sent     time.Time          `json:"sent"`
}

// allowed asks whether an actor may see the trail.
func allowed(by access.Actor) error { return by.Check(access.ReadTrail) }

// hash is 63 bits of what identifies something.
func hash(parts ...string) int64 {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

// The subjects of timelines, as the indexes have them; 0 is none.
func applicationKey(id string) int64 { return subject("a", id) }
func credentialKey(id string) int64  { return subject("k", id) }
func entryKey(p inventory.Place) int64 {
	if p.Name == "" {
		return 0
	}
	return subject("e", p.Vault+"/"+p.Name)
}

func subject(kind, id string) int64 {
	if id == "" {
		return 0
	}
	return max(hash(kind, strings.ToLower(id)), 1)
}

// now is the time as the tables keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// act runs fn as the only one that keeps events of the tenant.
func (t *Trail) act(ctx context.Context, tenant string, fn func(tx *store.Tx, num int64) error) error {
	return t.Store.Do(ctx, func(tx *store.Tx) error {
		num, err := lockTenant(tx, tenant)
		if err != nil {
			return err
		}
		return fn(tx, num)
	})
}
