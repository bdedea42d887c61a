package inventory

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Impact says what is hit when a credential ends.
type Impact string

// The impacts: somebody is known who uses it; nobody is known, but it signed in within
// the last 90 days; neither.
const (
	Breaks Impact = "breaks"
	InUse  Impact = "used"
	Quiet  Impact = "quiet"
)

// consumption is who uses what, of a whole tenant: what consumers finds for one
// credential, found for all at once. A test holds the two against each other.
type consumption struct {
	only  map[int64]choice          // applications of whoever asks; nil: all
	names map[string]string         // by the folded name, as it is written
	by    map[string]map[owned]bool // the credentials of each consumer, by its folded name
	of    map[int64]choice          // all credentials that anybody uses
}

func (s *Service) consumption(tx *store.Tx, by access.Actor, number int64) (*consumption, error) {
	u := &consumption{names: map[string]string{}, by: map[string]map[owned]bool{}, of: map[int64]choice{}}
	if by.OnlyOwn() {
		var err error
		if u.only, err = ownNumbers(tx, number, by); err != nil {
			return nil, err
		}
	}
	for _, read := range []func(*store.Tx, int64) error{u.tags, u.readers, u.notes} {
		if err := read(tx, number); err != nil {
			return nil, fmt.Errorf("cannot find out who uses what: %w", err)
		}
	}
	if s.Bound == nil {
		return u, nil
	}
	for _, b := range s.Bound(by.Tenant) {
		if err := u.bound(tx, number, b); err != nil {
			return nil, fmt.Errorf("cannot find out who uses what: %w", err)
		}
	}
	return u, nil
}

func (u *consumption) add(consumer string, num int64, key string) {
	consumer = strings.TrimSpace(consumer)
	if consumer == "" || u.only != nil && u.only[num] == nil {
		return
	}
	id := strings.ToLower(consumer)
	if u.by[id] == nil {
		u.by[id], u.names[id] = map[owned]bool{}, consumer
	}
	u.by[id][owned{num, key}] = true
	if u.of[num] == nil {
		u.of[num] = choice{}
	}
	u.of[num][key] = true
}

// tags are what is written beside the values.
func (u *consumption) tags(tx *store.Tx, number int64) error {
	return eachRow(tx, func(rows *sql.Rows) error {
		var num int64
		var key, text string
		if err := rows.Scan(&num, &key, &text); err != nil {
			return err
		}
		tags := map[string]string{}
		_ = json.Unmarshal([]byte(text), &tags) // our own writing
		for c := range strings.SplitSeq(tags[TagConsumer], ";") {
			u.add(c, num, key)
		}
		return nil
	}, `SELECT d.num, d.key_id, e.tags FROM inventory_deposit d
		JOIN inventory_entry e ON e.tenant = d.tenant AND e.vault = d.vault AND e.name = d.name AND e.gone = 0
		JOIN inventory_credential c ON c.tenant = d.tenant AND c.num = d.num AND c.key_id = d.key_id AND c.gone = 0
		WHERE d.tenant = $1 AND e.tags LIKE '%"consumer"%'`, number)
}

// readers are what reads vault entries by name. Their table is folded.
func (u *consumption) readers(tx *store.Tx, number int64) error {
	return eachRow(tx, func(rows *sql.Rows) error {
		var num int64
		var key, consumer string
		if err := rows.Scan(&num, &key, &consumer); err != nil {
			return err
		}
		u.add(consumer, num, key)
		return nil
	}, `SELECT d.num, d.key_id, r.consumer FROM inventory_deposit d
		JOIN inventory_reader r ON r.tenant = d.tenant AND r.vault = LOWER(d.vault) AND r.fold = LOWER(d.name)
		JOIN inventory_credential c ON c.tenant = d.tenant AND c.num = d.num AND c.key_id = d.key_id AND c.gone = 0
		WHERE d.tenant = $1`, number)
}

// notes are what people wrote into the notes of applications.
func (u *consumption) notes(tx *store.Tx, number int64) error {
	return eachRow(tx, func(rows *sql.Rows) error {
		var num int64
		var text, key string
		if err := rows.Scan(&num, &text, &key); err != nil {
			return err
		}
		for c := range noted(text) {
			u.add(c, num, key)
		}
		return nil
	}, `SELECT a.num, a.notes, c.key_id FROM inventory_application a CROSS JOIN inventory_credential c
		WHERE a.tenant = $1 AND a.gone = 0 AND a.notes <> '' AND c.tenant = $1 AND c.num = a.num AND c.gone = 0`, number) // CROSS keeps SQLite from beginning with the credentials, which are many
}

// bound is what the configuration says.
func (u *consumption) bound(tx *store.Tx, number int64, b Bound) error {
	if b.Place != "" {
		return u.boundPlace(tx, number, b)
	}
	if b.Application == "" {
		return nil
	}
	id := strings.ToLower(b.Application)
	set, err := numbers(tx, `SELECT num FROM inventory_application WHERE tenant = $1 AND fold = $2`, number, fold(b.Application))
	if err != nil {
		return err
	}
	byID, err := numbers(tx, applicationsByID, number, look(id), id)
	if err != nil {
		return err
	}
	for num := range byID {
		set[num] = nil
	}
	for num := range set {
		keys, err := liveKeys(tx, number, num)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if b.KeyID == "" || strings.EqualFold(b.KeyID, key) {
				u.add(b.Consumer, num, key)
			}
		}
	}
	return nil
}

func (u *consumption) boundPlace(tx *store.Tx, number int64, b Bound) error {
	return eachRow(tx, func(rows *sql.Rows) error {
		var p Place
		var num int64
		var key string
		if err := rows.Scan(&p.Vault, &p.Name, &num, &key); err != nil {
			return err
		}
		if strings.EqualFold(b.Place, p.String()) || strings.EqualFold(b.Place, p.Vault+"/"+p.Name) {
			if b.KeyID == "" || strings.EqualFold(b.KeyID, key) {
				u.add(b.Consumer, num, key)
			}
		}
		return nil
	}, `SELECT d.vault, d.name, d.num, d.key_id FROM inventory_deposit d
		JOIN inventory_credential c ON c.tenant = d.tenant AND c.num = d.num AND c.key_id = d.key_id AND c.gone = 0
		WHERE d.tenant = $1 AND LOWER(d.name) = $2`, number, strings.ToLower(b.Place[strings.LastIndexByte(b.Place, '/')+1:]))
}

func liveKeys(tx *store.Tx, number, num int64) (keys []string, err error) {
	err = eachRow(tx, func(rows *sql.Rows) error {
		var key string
		err := rows.Scan(&key)
		keys = append(keys, key)
		return err
	}, `SELECT key_id FROM inventory_credential WHERE tenant = $1 AND num = $2 AND gone = 0`, number, num)
	return keys, err
}

// usedBy are the credentials of one consumer.
func (u *consumption) usedBy(consumer string) map[int64]choice {
	set := map[int64]choice{}
	for c := range u.by[strings.ToLower(strings.TrimSpace(consumer))] {
		if set[c.num] == nil {
			set[c.num] = choice{}
		}
		set[c.num][c.keyID] = true
	}
	return set
}

// shared are the credentials whose consumer also uses one of another application: if
// that consumer is broken into, both are lost.
func (u *consumption) shared() map[int64]choice {
	set := map[int64]choice{}
	for _, credentials := range u.by {
		nums := map[int64]bool{}
		for c := range credentials {
			nums[c.num] = true
		}
		if len(nums) < 2 {
			continue
		}
		for c := range credentials {
			if set[c.num] == nil {
				set[c.num] = choice{}
			}
			set[c.num][c.keyID] = true
		}
	}
	return set
}

// size is how many credentials a set holds.
func size(set map[int64]choice) (n int) {
	for _, keys := range set {
		n += len(keys)
	}
	return n
}
