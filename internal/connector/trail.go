package connector

import (
	"context"
	"iter"
	"time"

	"rekey.example/rekey/internal/inventory"
)

// Recorder is a system that keeps records of what happened in it, whoever did it.
type Recorder interface {
	// Name is what people read of it: "directory audits".
	Name() string
	// Habits say how the system treats its records.
	Habits() Habits
	// Records yields what was made available from one moment up to another. Known
	// reports whether a part was read before; a recorder whose records come in
	// parts leaves those out. The error is ErrUnrecorded if the tenant keeps no
	// such records.
	Records(ctx context.Context, from, to time.Time, known func(part string) bool) iter.Seq2[Batch, error]
}

// Habits are what a source of records promises, and what it does not.
type Habits struct {
	Keeps  time.Duration // what is older cannot be read any more
	Late   time.Duration // a record can still come this long after the moment that it belongs to
	Window time.Duration // the longest span that may be asked for at once
	// Partner is true of a source whose events another source tells of too.
	Partner bool
}

// Batch is some records of a source that were read together.
type Batch struct {
	Part    string    // id of the part they came in; empty: the source has none
	Created time.Time // when the source made the part
	Expires time.Time // after which it cannot be read any more
	Records []Record
	// Err says why this part could not be read, though the others could. It is
	// asked for again until it expires.
	Err error
	// Lost is set when content is gone that no later reading can bring back.
	Lost *Loss
}

// Loss is a span of which a source says that it has nothing to tell.
type Loss struct {
	From, To time.Time // From zero: since it was read last
	Why      string
}

// Record is what a source tells of one event, in our words.
type Record struct {
	ID          string    // the source's own, the same whenever it is delivered
	Time        time.Time // of the event
	Correlation string    // of the request that caused it; the same in every source
	Operation   string    // the source's name of it
	Outcome     string    // success, failure
	Actor       Someone
	Through     string // the user agent, or the portal that it came through
	Deeds       []Deed
}

// Someone is who acted, as a source says it.
type Someone struct {
	Kind     string             `json:"kind"` // user, app, system; empty: not told
	ID       inventory.ObjectID `json:"id,omitempty"`
	Name     string             `json:"name,omitempty"` // user principal name, or the application's name
	ClientID inventory.ClientID `json:"clientId,omitempty"`
	Address  string             `json:"address,omitempty"` // IP address
}

// Deed is one thing that an event did: a change, or a use.
type Deed struct {
	Action   string             // one of the actions below, or "other"
	Object   inventory.ObjectID // the application or service principal
	ClientID inventory.ClientID
	Name     string // of the object
	KeyID    string // of the credential; of an owner or a federated credential, its id
	Kind     string // Password, AsymmetricX509Cert, ...
	Label    string
	Place    inventory.Place
	Detail   map[string]string
}

// The actions of changes.
const (
	CredentialAdded   = "credential.added"
	CredentialRemoved = "credential.removed"
	OwnerAdded        = "owner.added"
	OwnerRemoved      = "owner.removed"
	FederatedAdded    = "federated.added"
	FederatedRemoved  = "federated.removed"
	ObjectAdded       = "application.added"
	ObjectChanged     = "application.updated"
	ObjectRemoved     = "application.deleted"
	PermissionAdded   = "permission.added"
	PermissionRemoved = "permission.removed"
	SignedIn          = "signin"
	VersionAdded      = "entry.version"
	VersionNearEnd    = "entry.near-expiry"
	VersionEnded      = "entry.expired"
	EntryRead         = "entry.read"
	EntryChanged      = "entry.changed"
	OtherChange       = "other"
)

// Adds reports whether a change lets somebody in who could not get in before.
func (c Deed) Adds() bool {
	switch c.Action {
	case CredentialAdded, OwnerAdded, FederatedAdded, VersionAdded:
		return true
	}
	return false
}
