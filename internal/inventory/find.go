package inventory

import (
	"cmp"
	"database/sql"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

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
	*Service
	tx     *store.Tx
	tenant string
	number int64
	not    map[int64]choice // that are not wanted
	by     access.Actor     // who asks: a user finds only what is theirs
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
	f.narrow(&from.expires, &until)
	if f.After == "" {
		from.num = -1 // whatever ends at the very moment the span begins is in it
		return from, until, nil
	}
	after, err := parseCursor(f.After)
	if after.compare(from) < 0 {
		after = from
	}
	return after, until, err
}

// narrow applies what else is asked of the end.
func (f *finder) narrow(from, until *int64) {
	now := time.Now()
	both := func(a, b int64) { *from, *until = max(*from, a), min(*until, b) }
	if f.Ends != "" {
		both(f.Ends.span(now))
	}
	if !f.From.IsZero() {
		both(f.From.UnixMilli(), 1<<62)
	}
	if !f.Before.IsZero() {
		both(-1<<62, f.Before.UnixMilli())
	}
	switch f.State {
	case "expired":
		both(-1<<62, now.UnixMilli())
	case "valid", "early":
		both(now.UnixMilli(), noEnd)
	case "unknown":
		both(noEnd, 1<<62)
	}
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
		{f.by.OnlyOwn(), func() (map[int64]choice, error) { return ownNumbers(f.tx, f.number, f.by) }},
		{f.App != "", func() (map[int64]choice, error) { return matchApplications(f.tx, f.number, f.App) }},
		{f.Owner != "", func() (map[int64]choice, error) { return matchOwners(f.tx, f.number, f.Owner) }},
		{f.Vault != "", func() (map[int64]choice, error) { return matchVault(f.tx, f.number, f.Vault) }},
		{f.Stray, f.stray},
		{f.Search != "", func() (map[int64]choice, error) { return search(f.tx, f.number, f.Search) }},
		{f.Consumer != "" || f.Shared || f.Impact != "", f.consumed},
	} {
		if !filter.wanted {
			continue
		}
		set, err := filter.find()
		if err != nil {
			return nil, false, err
		}
		if set == nil { // it says only what is not wanted
			continue
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
			case only[num] == nil:
				only[num] = keys
			case keys != nil:
				only[num] = both(only[num], keys)
			}
		}
	}
	return only, chosen, nil
}

func (c choice) has(key string) bool { return c == nil || c[key] }

func both(a, b choice) choice {
	c := choice{}
	for key := range a {
		if b[key] {
			c[key] = true
		}
	}
	return c
}

// consumed is the set of those whose consumers are as they are wanted. What nobody is
// known to use is no set: it is all others.
func (f *finder) consumed() (set map[int64]choice, err error) {
	u, err := f.consumption(f.tx, f.by, f.number)
	if err != nil {
		return nil, err
	}
	if f.Impact == InUse || f.Impact == Quiet {
		f.not = u.of
	}
	for _, s := range []struct {
		wanted bool
		set    map[int64]choice
	}{{f.Impact == Breaks, u.of}, {f.Consumer != "", u.usedBy(f.Consumer)}, {f.Shared, u.shared()}} {
		switch {
		case !s.wanted:
		case set == nil:
			set = s.set
		default:
			for num, keys := range set {
				set[num] = both(keys, s.set[num])
			}
		}
	}
	return set, nil
}

// wanted reports whether a credential that was read is in the set.
func (f *finder) wanted(c *credential, only map[int64]choice, chosen bool) bool {
	if f.not[c.num][c.KeyID] {
		return false
	}
	keys, ok := only[c.num]
	return !chosen || ok && keys.has(c.KeyID)
}

// One text for all filters: the index gives the order, and what is not asked for
// is always true.
const (
	selectCredentials = `SELECT c.num, c.key_id, c.kind, c.label, c.hint, c.thumbprint, c.fingerprint, c.starts, c.expires, c.used, c.unmanaged, c.gone
		FROM inventory_credential c JOIN inventory_application a ON a.tenant = c.tenant AND a.num = c.num
		WHERE c.tenant = $1 AND c.gone = 0 AND c.expires < $2
		AND (CAST($3 AS TEXT) = '' OR c.kind = $3) AND (CAST($4 AS TEXT) = '' OR a.holder = $4)
		AND (CAST($5 AS BIGINT) = 0 OR a.owned = 0) AND (CAST($6 AS BIGINT) = 0 OR (c.used <> 0 AND c.used < $6))
		AND (CAST($7 AS BIGINT) = 0 OR c.unmanaged <> 0)
		AND (CAST($8 AS BIGINT) = 0 OR c.used >= $8) AND (CAST($9 AS BIGINT) = 0 OR c.used = 0) AND (CAST($10 AS BIGINT) = 0 OR c.used < $10)
		AND (CAST($11 AS BIGINT) = 0 OR ($11 > 0) = (c.starts > $12)) AND (CAST($13 AS BIGINT) = 0 OR ($13 > 0) = (c.kind IN ('accessKey', 'federated', 'owner')))`
	walkCredentials = selectCredentials + `
		AND (c.expires, c.num, c.key_id) > ($14, $15, $16)
		ORDER BY c.expires, c.num, c.key_id LIMIT $17`
	credentialsOf = selectCredentials + `
		AND c.num = $14`
)

// Unused is how long ago a last use is for a credential to count as no longer used.
const Unused = 90 * 24 * time.Hour

func (f *finder) arguments(until int64) []any {
	now := time.Now()
	used, since, unrecorded, idle, early := int64(0), int64(0), int64(0), int64(0), int64(0)
	if f.Unused > 0 {
		used = now.Add(-f.Unused).UnixMilli()
	}
	recent := now.Add(-Unused).UnixMilli()
	switch f.Used {
	case "recent":
		since = recent
	case "longAgo":
		used = recent
	case "none":
		unrecorded = 1
	}
	switch f.Impact {
	case InUse:
		since = recent
	case Quiet:
		idle = recent
	}
	switch f.State {
	case "early":
		early = 1
	case "valid":
		early = -1
	}
	return []any{f.number, until, string(f.Kind), string(f.Holder), flag(f.NoOwner), used, flag(f.Unmanaged), since, unrecorded, idle, early, now.UnixMilli(), f.Ends.endless()}
}

// walk goes along the index until the page is full.
func (f *finder) walk(only map[int64]choice, chosen bool, from cursor, until int64) (found []credential, err error) {
	step := f.Limit + 1
	if chosen || f.not != nil {
		step = 2000
	}
	for {
		list, err := f.read(walkCredentials, append(f.arguments(until), from.expires, from.num, from.key, int64(step))...)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if f.wanted(&c, only, chosen) {
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
	of, err := f.tx.Prepare(credentialsOf) // it is asked for each of them
	if err != nil {
		return nil, err
	}
	defer of.Close()
	arguments := append(f.arguments(until), nil)
	for num := range only {
		arguments[len(arguments)-1] = num
		rows, err := of.Query(arguments...)
		if err != nil {
			return nil, err
		}
		list, err := f.scan(rows)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if f.wanted(&c, only, true) && c.at().compare(from) > 0 {
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
	return f.scan(rows)
}

// scan reads rows to their end.
func (f *finder) scan(rows *sql.Rows) (list []credential, err error) {
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
