package inventory

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// writer is one transaction of a reading.
type writer struct {
	*reading
	position // as it will be
	tx       *store.Tx
	counts   Counts
	events   []audit.Event
	object   Object // memory for decoding

	ahead map[ObjectID]known // rows that the page will probably need
	rows  struct{ applications, credentials, owners bulk }
	find  *sql.Stmt
}

func newWriter(r *reading, tx *store.Tx) *writer {
	w := &writer{reading: r, position: r.at.copy(), tx: tx, ahead: map[ObjectID]known{}}
	w.rows.applications = bulk{query: newApplication, tx: tx}
	w.rows.credentials = bulk{query: newCredential, tx: tx}
	w.rows.owners = bulk{query: newOwner, tx: tx}
	return w
}

func (w *writer) end() {
	w.rows.applications.end()
	w.rows.credentials.end()
	w.rows.owners.end()
	if w.find != nil {
		_ = w.find.Close() // its transaction ends as well
	}
}

func (w *writer) finish() error {
	if err := w.Log.Record(w.tx, w.events...); err != nil {
		return err
	}
	return w.position.save(w.tx)
}

// digest tells whether an object changed. It is a cryptographic one: whoever may
// edit an application must not be able to hide a credential from us.
func digest(raw []byte) [16]byte {
	sum := sha256.Sum256(raw)
	return [16]byte(sum[:16])
}

// whole takes in a page of a full walk.
func (w *writer) whole(p *Page) error {
	w.counts.Pages++
	w.counts.Bytes += int64(p.Bytes)
	w.counts.Read += len(p.Records)
	if err := w.foresee(len(p.Records)); err != nil {
		return err
	}
	var unknown []int
	for i := range p.Records {
		rec := &p.Records[i]
		k, ok := w.ahead[rec.ObjectID]
		if !ok {
			unknown = append(unknown, i)
			continue
		}
		w.swept = max(w.swept, k.num)
		if err := w.compare(k, rec); err != nil {
			return err
		}
	}
	return w.meet(p, unknown)
}

const nextObjects = `SELECT num, object_id, hash, gone FROM inventory_application WHERE tenant = $1 AND num > $2 ORDER BY num LIMIT $3`

// foresee reads the rows that follow the last one met: objects come in the same
// order as last time, mostly, and rows side by side are read far faster than one
// by one.
func (w *writer) foresee(n int) error {
	clear(w.ahead)
	if w.baseline == 0 {
		return w.meetStrangers()
	}
	rows, err := w.tx.Query(nextObjects, w.position.tenant, w.swept, int64(n+n/8))
	if err != nil {
		return fmt.Errorf("cannot read known objects: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var k known
		var id ObjectID
		if err := rows.Scan(&k.num, &id, &k.hash, &k.gone); err != nil {
			return fmt.Errorf("cannot read known objects: %w", err)
		}
		w.ahead[id] = k
	}
	return rows.Err()
}

// meetStrangers prepares for a first walk, in which nearly every object is new.
func (w *writer) meetStrangers() error {
	if w.strangers != nil {
		return nil
	}
	rows, err := w.tx.Query(`SELECT object_look FROM inventory_application WHERE tenant = $1`, w.position.tenant)
	if err != nil {
		return fmt.Errorf("cannot read known objects: %w", err)
	}
	defer rows.Close()
	met := &perhaps{}
	for rows.Next() {
		var l int64
		if err := rows.Scan(&l); err != nil {
			return fmt.Errorf("cannot read known objects: %w", err)
		}
		met.add(l)
	}
	w.strangers = met
	return rows.Err()
}

// compare skips an object that is as it was, and takes in one that is not.
func (w *writer) compare(k known, rec *Record) error {
	sum := digest(rec.Raw)
	if k.gone == 0 && k.hash != "" && same(k.hash, sum) {
		w.seen.add(k.num)
		w.counts.Unchanged++
		return nil
	}
	if err := w.reading.feed.Read(rec.Raw, &w.object); err != nil {
		return err
	}
	return w.replace(k.num, hex.EncodeToString(sum[:]), false)
}

func same(text string, sum [16]byte) bool {
	var b [32]byte
	hex.Encode(b[:], sum[:])
	return text == string(b[:])
}

// meet takes in objects that were not foreseen: new ones, and known ones that
// come in another order.
func (w *writer) meet(p *Page, unknown []int) error {
	if len(unknown) == 0 {
		return nil
	}
	first, err := reserve(w.tx, w.position.tenant, len(unknown))
	if err != nil {
		return err
	}
	for _, i := range unknown {
		rec := &p.Records[i]
		k, err := w.lookUp(rec.ObjectID)
		if err != nil {
			return err
		}
		if k.num != 0 {
			if err := w.compare(k, rec); err != nil {
				return err
			}
			continue
		}
		if err := w.reading.feed.Read(rec.Raw, &w.object); err != nil {
			return err
		}
		if w.object.Hidden {
			w.counts.Unchanged++
			continue
		}
		sum := digest(rec.Raw)
		if err := w.insert(first, hex.EncodeToString(sum[:])); err != nil {
			return err
		}
		first++
	}
	return nil
}

// lookUp finds an object's row; its number is 0 if there is none.
func (w *writer) lookUp(id ObjectID) (k known, err error) {
	if w.strangers != nil && !w.strangers.has(look(string(id))) {
		return k, nil
	}
	if w.find == nil {
		if w.find, err = w.tx.Prepare(selectKnown); err != nil {
			return k, fmt.Errorf("cannot look up objects: %w", err)
		}
	}
	return scanKnown(w.find.QueryRow(w.position.tenant, look(string(id)), id), id)
}

// insert writes a new object with everything it holds.
func (w *writer) insert(num int64, hash string) error {
	o := &w.object
	err := w.rows.applications.add(w.position.tenant, num, string(o.Holder), string(o.ObjectID), look(string(o.ObjectID)), string(o.ClientID), look(string(o.ClientID)),
		o.Name, fold(o.Name), o.Audience, o.Home, o.Kind, o.SSO, o.Notes, flag(o.Enabled), millis(o.Created), writeOwners(o.Owners), int64(len(o.Owners)), hash)
	if err != nil {
		return err
	}
	for _, owner := range o.Owners {
		if err := w.rows.owners.add(w.position.tenant, num, look(string(owner.ObjectID))); err != nil {
			return err
		}
		if err := w.person(owner); err != nil {
			return err
		}
	}
	w.tell(evAppAppeared, o, nil)
	for i := range o.Credentials {
		c := &o.Credentials[i]
		unmanaged, err := w.appeared(o, c)
		if err != nil {
			return err
		}
		err = w.rows.credentials.add(w.position.tenant, num, c.KeyID, look(c.KeyID), string(c.Kind), c.Label, c.Hint, c.Thumbprint,
			millis(c.Starts), endMillis(c.Expires), millis(c.LastUsed), unmanaged, o.print(i))
		if err != nil {
			return err
		}
	}
	if w.strangers != nil {
		w.strangers.add(look(string(o.ObjectID)))
	}
	w.seen.add(num)
	w.live++
	return nil
}

// person writes down an owner, once in a reading.
func (w *writer) person(o Owner) error {
	if w.people == nil || len(w.people) > 20_000 {
		w.people = map[ObjectID]string{}
	}
	text := o.Name + "\x00" + o.Mail
	if w.people[o.ObjectID] == text {
		return nil
	}
	w.people[ObjectID(strings.Clone(string(o.ObjectID)))] = text // the id is a part of a larger text
	return putPerson(w.tx, w.position.tenant, o)
}
