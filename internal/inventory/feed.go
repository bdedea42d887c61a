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
	// from the start if it is empty.
	Full(ctx context.Context, from string) iter.Seq2[Page, error]
	// Delta walks what changed since a mark that an earlier last Page carried.
	// Its error is ErrResync if the mark is too old.
	Delta(ctx context.Context, since string) iter.Seq2[Page, error]
}

// ErrResync means that only a full walk can tell what there is now.
var ErrResync = errors.New("the system has forgotten the position: everything has to be read again")

// Page is one answer of a feed.
type Page struct {
	Records []Record
	Next    string // position to go on from after this page; empty on the last
	Mark    string // on the last page: where the next Delta begins
	Bytes   int    // on the wire, for the rate that is shown
}

// Record is one directory object in a page. The raw bytes are only valid until
// the next page is asked for; Read decodes them when they are worth it.
type Record struct {
	ObjectID ObjectID
	Raw      []byte // as received; its hash tells whether anything changed
	Removed  bool   // delta only: the object is gone
	Partial  bool   // delta only: just the changed properties
}
