package inventory

import (
	"cmp"
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
	tx     *store.Tx
	tenant string
	number int64
	by     access.Actor // who asks: a user finds only what is theirs
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
		{f.by.OnlyOwn(), func() (map[int64]choice, error) { return ownNumbers(f.tx, f.number, f.by) }},
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
