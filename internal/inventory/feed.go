package inventory

import (
	"context"
	"errors"
	"iter"
)

// Feed lists the objects of one directory, page by page.
type Feed interface {
	// Name is stable and unique in the tenant; positions are kept under it.
	Name() string
	// Full walks everything from a position that an earlier Page carried, or
	// from the start if it is empty. Its error is ErrResync if the position is
	// too old.
	Full(ctx context.Context, from string) iter.Seq2[*Page, error]
	// Delta walks what changed since a mark, or goes on from the position of an
	// earlier Page of such a walk. Its error is ErrResync if that is too old.
	Delta(ctx context.Context, since string) iter.Seq2[*Page, error]
	// Read decodes the raw bytes of a record into o, whose slices it reuses.
	Read(raw []byte, o *Object) error
}

// Whole is a feed that can read a single object. It is asked for objects of
// which a delta tells only a part and the rest is not known. Its error is
// ErrNotFound if the object is gone.
type Whole interface {
	Object(ctx context.Context, id ObjectID) (raw []byte, err error)
}

// Part is a feed that lists some of the objects of a kind, such as the resources
// of one subscription. Only what it holds can be missed by it. The name of any
// other feed is the kind of all that it lists.
type Part interface {
	Kind() HolderKind
	Holds(id ObjectID) bool
}

// ErrResync means that only a full walk can tell what there is now.
var ErrResync = errors.New("the system has forgotten the position: everything has to be read again")

// Page is one answer of a feed.
type Page struct {
	Records []Record
	Next    string // position to go on from after this page; empty on the last
	Mark    string // where the next Delta begins: on the first page of a full walk, taken before it, and on the last of a delta
	Bytes   int    // on the wire, for the rate that is shown

	// Release gives the memory of the records back, if it is not nil. Nobody may
	// look at them after it.
	Release func()
}

// Record is one directory object in a page.
type Record struct {
	ObjectID ObjectID
	Raw      []byte // as received; its hash tells whether anything changed
	Removed  bool   // delta only: the object is gone
	Partial  bool   // delta only: just the changed properties
}

// Object is a directory object as a feed reads it.
type Object struct {
	Application
	Credentials []Credential
	Prints      []string // keyed hashes of their values, in their order; shorter or empty where none was read
	Has         Fields   // which properties the record held
	Hidden      bool     // of no interest: not kept
}

// Fields is a set of an Object's properties.
type Fields uint16

// The properties that a delta tells apart.
const (
	HasClientID Fields = 1 << iota
	HasName
	HasAudience
	HasHome
	HasKind
	HasSSO
	HasNotes
	HasEnabled
	HasCreated
	HasOwners
	HasPasswords
	HasKeys
)
