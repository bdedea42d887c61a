package inventory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Service answers questions about the inventory. Whoever asks needs the right to
// read it and sees only their tenant.
type Service struct {
	Store *store.DB

	// Bound tells which consumers the configuration knows. It may be nil.
	Bound func(tenant string) []Bound

	// Strays tells which markers stand for credentials that were made and not adopted.
	// It may be nil.
	Strays func(tx *store.Tx, tenant string) ([]Marked, error)
}

// Marked is a marker in the names of an application's credentials.
type Marked struct {
	Holder ObjectID
	Marker string // the label's end
}

// Query selects credentials. Zero fields select all.
type Query struct {
	Expiring  time.Duration // still valid, and end within this time
	Expired   bool          // have ended; together with Expiring, either
	Kind      Kind
	Holder    HolderKind
	App       string // part of the application's name, or its whole client id or object id
	Owner     string // part of an owner's name or address, or the whole object id
	NoOwner   bool
	Vault     string        // kept in this vault: its name or host
	Unused    time.Duration // the last recorded use is longer ago; none recorded does not count
	Unmanaged bool          // appeared without rekey after the first sync
	Ends      Ends          // end in this part of time
	From      time.Time     // end at this time or later, ...
	Before    time.Time     // ... and before this; zero: whenever
	State     string        // valid, expired, early (has not begun), unknown (no end is told)
	Used      string        // recent (within 90 days), longAgo, none (recorded)
	Impact    Impact        // what is hit when it ends
	Consumer  string        // used by this one; the whole name
	Shared    bool          // whose consumer uses credentials of other applications as well
	Stray     bool          // made by a rotation and not adopted
	Search    string        // part of the name of the application or an owner or of the label, or a whole id
	After     string        // Listing.Next of the page before
	Limit     int           // 0 means 100, at most 1,000
}

// Row is a credential with what people need to know beside it.
type Row struct {
	Credential
	Application Application
	Places      []Deposit
	Consumers   []Binding // what breaks when it ends
	Unmanaged   time.Time // since when it is known that rekey did not make it; zero: rekey did, or it was there before
	Gone        time.Time // when it was missed; zero while it is there

	position string // see Position
}

// Listing is one page, the credentials that end first at the beginning.
type Listing struct {
	Rows []Row
	Next string // what to ask After for the next page; empty on the last
}

// ErrCursor means that Query.After is none of ours.
var ErrCursor = errors.New("the position in the list is not valid; begin at the first page")

// Credentials lists credentials by their end. It reads only the page it answers,
// out of an index, however many there are.
func (s *Service) Credentials(ctx context.Context, by access.Actor, q Query) (l Listing, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return l, err
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil || number == 0 {
			return err
		}
		f := finder{Service: s, tx: tx, tenant: by.Tenant, number: number, by: by, Query: q}
		found, more, err := f.find()
		if err != nil {
			return err
		}
		if l.Rows, err = s.rows(tx, by.Tenant, number, found); err != nil {
			return err
		}
		if more {
			last := found[len(found)-1]
			l.Next = cursor{endMillis(last.Expires), last.num, last.KeyID}.String()
		}
		return nil
	})
	if err != nil {
		return Listing{}, fmt.Errorf("cannot list credentials: %w", err)
	}
	return l, nil
}

// rows adds to each credential what is known beside it.
func (s *Service) rows(tx *store.Tx, tenant string, number int64, found []credential) ([]Row, error) {
	rows := make([]Row, 0, len(found))
	var bound []Bound
	if s.Bound != nil {
		bound = s.Bound(tenant)
	}
	held := map[int64]*application{}
	for _, c := range found {
		a := held[c.num]
		if a == nil {
			loaded, err := loadApplication(tx, tenant, number, c.num)
			if err != nil {
				return nil, err
			}
			a = &loaded
			held[c.num] = a
		}
		c.Holder = a.ObjectID
		r := Row{Credential: c.Credential, Application: a.Application, Unmanaged: fromMillis(c.unmanaged), Gone: fromMillis(c.gone)}
		var err error
		if r.Places, err = deposits(tx, tenant, number, c.num, a.ObjectID, c.KeyID); err != nil {
			return nil, err
		}
		if r.Consumers, err = consumers(tx, number, &r, bound); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}
