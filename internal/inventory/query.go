package inventory

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
		f := finder{tx: tx, tenant: by.Tenant, number: number, Query: q}
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

// cursor is a place in the order of the list.
type cursor struct {
	expires, num int64
	key          string
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %s", c.expires, c.num, c.key))
}

func parseCursor(text string) (c cursor, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.SplitN(string(raw), " ", 3)
	if err != nil || len(parts) != 3 {
		return c, ErrCursor
	}
	c.expires, err = strconv.ParseInt(parts[0], 10, 64)
	if err == nil {
		c.num, err = strconv.ParseInt(parts[1], 10, 64)
	}
	if err != nil {
		return c, ErrCursor
	}
	c.key = parts[2]
	return c, nil
}

func (c cursor) compare(d cursor) int {
	return cmp.Or(cmp.Compare(c.expires, d.expires), cmp.Compare(c.num, d.num), cmp.Compare(c.key, d.key))
}

func (c *credential) at() cursor { return cursor{endMillis(c.Expires), c.num, c.KeyID} }

// finder finds the credentials of one page.
type finder struct {
	Query
	tx     *store.Tx
	tenant string
	number int64
}

// few is how many applications are still asked one by one. For more, walking
// through the index and looking each up in the set is faster.
const few = 500

func (f *finder) find() (found []credential, more bool, err error) {
	from, until, err := f.span()
	if err != nil {
		return nil, false, err
	}
	only, chosen, err := f.choose()
	if err != nil {
		return nil, false, err
	}
	if chosen && len(only) <= few {
		found, err = f.ofFew(only, from, until)
	} else {
		found, err = f.walk(only, chosen, from, until)
	}
	if more = len(found) > f.Limit; more {
		found = found[:f.Limit]
	}
	return found, more, err
}

// span is where in the order of ends the page begins and its list ends.
func (f *finder) span() (from cursor, until int64, err error) {
	now := time.Now().UnixMilli()
	from, until = cursor{expires: -1 << 62}, int64(1<<62)
	if f.Expiring > 0 || f.Expired {
		until = now + f.Expiring.Milliseconds()
	}
	if f.Expiring > 0 && !f.Expired {
		from.expires = now
	}
	if f.After != "" {
		from, err = parseCursor(f.After)
	}
	return from, until, err
}

// choice is which credentials of an application are wanted: those of the named
// keys, or all if there are none.
type choice map[string]bool

// choose turns the filters on applications, owners and vaults into the set of
// applications that pass them all.
func (f *finder) choose() (only map[int64]choice, chosen bool, err error) {
	for _, filter := range []struct {
		wanted bool
		find   func() (map[int64]choice, error)
	}{
		{f.App != "", func() (map[int64]choice, error) { return matchApplications(f.tx, f.number, f.App) }},
		{f.Owner != "", func() (map[int64]choice, error) { return matchOwners(f.tx, f.number, f.Owner) }},
		{f.Vault != "", func() (map[int64]choice, error) { return matchVault(f.tx, f.number, f.Vault) }},
	} {
		if !filter.wanted {
			continue
		}
		set, err := filter.find()
		if err != nil {
			return nil, false, err
		}
		if !chosen {
			only, chosen = set, true
			continue
		}
		for num := range only {
			keys, ok := set[num]
			switch {
			case !ok:
				delete(only, num)
			case keys != nil:
				only[num] = keys
			}
		}
	}
	return only, chosen, nil
}

func (c choice) has(key string) bool { return c == nil || c[key] }

// One text for all filters: the index gives the order, and what is not asked for
// is always true.
const (
	selectCredentials = `SELECT c.num, c.key_id, c.kind, c.label, c.hint, c.thumbprint, c.fingerprint, c.starts, c.expires, c.used, c.unmanaged, c.gone
		FROM inventory_credential c JOIN inventory_application a ON a.tenant = c.tenant AND a.num = c.num
		WHERE c.tenant = $1 AND c.gone = 0 AND c.expires < $2
		AND (CAST($3 AS TEXT) = '' OR c.kind = $3) AND (CAST($4 AS TEXT) = '' OR a.holder = $4)
		AND (CAST($5 AS BIGINT) = 0 OR a.owned = 0) AND (CAST($6 AS BIGINT) = 0 OR (c.used <> 0 AND c.used < $6))
		AND (CAST($7 AS BIGINT) = 0 OR c.unmanaged <> 0)`
	walkCredentials = selectCredentials + `
		AND (c.expires, c.num, c.key_id) > ($8, $9, $10)
		ORDER BY c.expires, c.num, c.key_id LIMIT $11`
	credentialsOf = selectCredentials + `
		AND c.num = $8`
)

func (f *finder) arguments(until int64) []any {
	used := int64(0)
	if f.Unused > 0 {
		used = time.Now().Add(-f.Unused).UnixMilli()
	}
	return []any{f.number, until, string(f.Kind), string(f.Holder), flag(f.NoOwner), used, flag(f.Unmanaged)}
}

// walk goes along the index until the page is full.
func (f *finder) walk(only map[int64]choice, chosen bool, from cursor, until int64) (found []credential, err error) {
	step := f.Limit + 1
	if chosen {
		step = 2000
	}
	for {
		list, err := f.read(walkCredentials, append(f.arguments(until), from.expires, from.num, from.key, int64(step))...)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if keys, ok := only[c.num]; !chosen || ok && keys.has(c.KeyID) {
				found = append(found, c)
			}
		}
		if len(list) < step || len(found) > f.Limit {
			return found, nil
		}
		from = list[len(list)-1].at()
	}
}

// ofFew reads what a few applications hold, and puts it in order.
func (f *finder) ofFew(only map[int64]choice, from cursor, until int64) (found []credential, err error) {
	for num, keys := range only {
		list, err := f.read(credentialsOf, append(f.arguments(until), num)...)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if keys.has(c.KeyID) && c.at().compare(from) > 0 {
				found = append(found, c)
			}
		}
	}
	slices.SortFunc(found, func(a, b credential) int { return a.at().compare(b.at()) })
	return found[:min(len(found), f.Limit+1)], nil
}

func (f *finder) read(query string, arguments ...any) (list []credential, err error) {
	rows, err := f.tx.Query(query, arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scanCredential(rows, f.tenant, "")
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, rows.Err()
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
