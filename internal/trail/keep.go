package trail

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
)

// Limits of what is kept of foreign texts.
const (
	longestText  = 300
	mostDeeds    = 200 // of one record
	mostParticul = 20  // details of one change
)

// row is an event on its way into the table.
type row struct {
	minute, look, id int64
	partner          bool
	event            Event
	body             string
}

// rowsOf are the events of some records: one for each thing that was changed.
// It asks nothing of the database, so that it can be done ahead.
func rowsOf(source string, partner bool, records []connector.Record, arrived time.Time) []row {
	list := make([]row, 0, len(records))
	for i := range records {
		r := &records[i]
		for n := range r.Deeds {
			if n == mostDeeds {
				break
			}
			list = append(list, newRow(source, partner, r, n, arrived))
		}
	}
	return list
}

func newRow(source string, partner bool, r *connector.Record, n int, arrived time.Time) row {
	c := &r.Deeds[n]
	at := r.Time.UTC().Truncate(time.Millisecond)
	e := Event{
		Time: at, Action: c.Action, Operation: short(strings.TrimSpace(r.Operation)), Outcome: short(r.Outcome), Actor: someone(r.Actor), Through: short(r.Through),
		Object: short(string(c.Object)), ClientID: short(string(c.ClientID)), Name: short(c.Name), KeyID: short(c.KeyID), Kind: short(c.Kind), Label: short(c.Label),
		Vault: short(c.Place.Vault), Entry: short(c.Place.Name), Version: short(c.Place.Version), Detail: particulars(c.Detail),
		Correlation: short(r.Correlation), Sources: []Seen{{Source: source, ID: short(r.ID), Arrived: arrived}},
	}
	id := hash(source, r.ID, strconv.Itoa(n))
	e.ID = fmt.Sprintf("%016x", id)
	w := row{minute: at.UnixMilli() / 60_000, look: sameness(partner, source, r, c, n), id: id, partner: partner, event: e}
	w.encode()
	return w
}

// encode writes the body. Plain data always encodes.
func (w *row) encode() {
	raw, err := json.Marshal(&w.event)
	if err != nil {
		panic(fmt.Sprintf("an event does not encode: %v", err)) // cannot happen: texts, numbers and times in range
	}
	w.body = string(raw)
}

// sameness is what two sources make of one event: the credential that came or
// went, which happens once; else the request that caused it and what it did. A
// source without a partner has its own id.
func sameness(partner bool, source string, r *connector.Record, c *connector.Deed, n int) int64 {
	switch {
	case !partner:
		return hash("r", source, r.ID, strconv.Itoa(n))
	case c.KeyID != "":
		return hash("k", strings.ToLower(string(c.Object)), strings.ToLower(c.KeyID), c.Action)
	case r.Correlation != "":
		return hash("c", strings.ToLower(r.Correlation), strings.ToLower(string(c.Object)), c.Action, connector.PlainOperation(r.Operation))
	}
	return hash("t", strings.ToLower(string(c.Object)), c.Action, connector.PlainOperation(r.Operation))
}

func someone(s connector.Someone) connector.Someone {
	s.Name, s.Address = short(s.Name), short(s.Address)
	return s
}

// short keeps the beginning of a foreign text.
func short(s string) string {
	if len(s) <= longestText {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ToValidUTF8(s[:longestText], "") + "..."
}

func particulars(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	kept := map[string]string{}
	for k, v := range m {
		if v != "" && len(kept) < mostParticul {
			kept[short(k)] = short(v)
		}
	}
	return kept
}

// keeper writes events in one transaction.
type keeper struct {
	*Trail
	tx     *store.Tx
	tenant string
	num    int64
	began  time.Time // events before are history: nobody is asked about them
	same   *sql.Stmt
	insert *sql.Stmt

	// What lies behind the newest minute of the table can only have come with this
	// transaction: nothing has to be looked up for it, which is most of a day's work.
	top  int64
	mine map[int64]bool // what this transaction added behind it

	fresh  []*Event // new events, and those that a source has added to
	added  int      // new events
	joined int      // events that another source knew already
	again  int      // records that came once more
}

func (t *Trail) keeper(tx *store.Tx, tenant string) (*keeper, error) {
	num, began, err := tenantNumber(tx, tenant)
	if err != nil {
		return nil, err
	}
	k := &keeper{Trail: t, tx: tx, tenant: tenant, num: num, began: began, mine: map[int64]bool{}}
	if err := tx.QueryRow(`SELECT COALESCE(MAX(minute), 0) FROM trail_event WHERE tenant = $1`, num).Scan(&k.top); err != nil {
		return nil, fmt.Errorf("cannot keep events: %w", err)
	}
	if k.same, err = tx.Prepare(selectSame); err != nil {
		return nil, fmt.Errorf("cannot keep events: %w", err)
	}
	if k.insert, err = tx.Prepare(insertEvent); err != nil {
		k.same.Close()
		return nil, fmt.Errorf("cannot keep events: %w", err)
	}
	return k, nil
}

func (k *keeper) close() {
	k.same.Close()
	k.insert.Close()
}

// keep writes what is new of some events.
func (k *keeper) keep(rows []row) error {
	for i := range rows {
		if err := k.one(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) one(w *row) error {
	known, at, id, err := k.known(w)
	if err != nil {
		return err
	}
	if known == nil {
		return k.add(w)
	}
	mine := w.event.Sources[0]
	if slices.ContainsFunc(known.Sources, func(s Seen) bool { return s.Source == mine.Source && s.ID == mine.ID }) {
		k.again++
		return nil
	}
	known.add(&w.event)
	merged := row{event: *known}
	merged.encode()
	if _, err := k.tx.Exec(updateEvent, k.num, at, w.look, id, merged.body); err != nil {
		return fmt.Errorf("cannot join an event: %w", err)
	}
	k.joined++
	k.fresh = append(k.fresh, known)
	return nil
}

// known finds the event that a record is of, if it is there: the same record, or
// one of another source that this source has not told of yet.
func (k *keeper) known(w *row) (found *Event, minute, id int64, err error) {
	before, after := w.minute, w.minute
	if w.partner { // the other's clock may stand on the other side of a minute
		before, after = w.minute-1, w.minute+1
	}
	if before > k.top && !k.mine[w.look] {
		return nil, 0, 0, nil
	}
	rows, err := k.same.Query(k.num, before, w.minute, after, w.look)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("cannot look for an event: %w", err)
	}
	defer rows.Close()
	mine := w.event.Sources[0]
	for rows.Next() {
		var m, n int64
		var body string
		if err := rows.Scan(&m, &n, &body); err != nil {
			return nil, 0, 0, fmt.Errorf("cannot look for an event: %w", err)
		}
		e, err := read(body)
		if err != nil {
			return nil, 0, 0, err
		}
		i := slices.IndexFunc(e.Sources, func(s Seen) bool { return s.Source == mine.Source })
		if i >= 0 && e.Sources[i].ID == mine.ID {
			return &e, m, n, nil
		}
		if i < 0 && found == nil {
			found, minute, id = &e, m, n
		}
	}
	return found, minute, id, rows.Err()
}

// add takes over what another source says of the same event, where it says more.
func (e *Event) add(o *Event) {
	e.Sources = append(e.Sources, o.Sources...)
	for _, p := range []struct {
		to   *string
		from string
	}{
		{&e.Outcome, o.Outcome}, {&e.Actor.Name, o.Actor.Name}, {&e.Actor.Address, o.Actor.Address}, {&e.Actor.Kind, o.Actor.Kind}, {&e.Through, o.Through},
		{&e.Name, o.Name}, {&e.ClientID, o.ClientID}, {&e.Kind, o.Kind}, {&e.Label, o.Label}, {&e.Correlation, o.Correlation},
		{(*string)(&e.Actor.ID), string(o.Actor.ID)}, {(*string)(&e.Actor.ClientID), string(o.Actor.ClientID)},
	} {
		if *p.to == "" {
			*p.to = p.from
		}
	}
}

func (k *keeper) add(w *row) error {
	e := &w.event
	if err := k.claim(e); err != nil {
		return err
	}
	if e.Ours != nil {
		w.encode()
	}
	application := e.Object
	if application == "" {
		application = e.ClientID
	}
	_, err := k.insert.Exec(k.num, w.minute, w.look, w.id, e.Time.UnixMilli(), applicationKey(application), credentialKey(e.KeyID), entryKey(e.Place()), flag(e.Action == connector.CredentialAdded), w.body)
	if err != nil {
		return fmt.Errorf("cannot keep an event: %w", err)
	}
	k.added++
	k.fresh = append(k.fresh, e)
	if w.minute > k.top {
		k.mine[w.look] = true
	}
	return nil
}

// claim recognises what rekey did itself.
func (k *keeper) claim(e *Event) error {
	if k.Acts == nil || !claimable(e.Action) {
		return nil
	}
	ours, found, err := k.Acts(k.tx, k.tenant, e.clue())
	if err != nil {
		return fmt.Errorf("cannot look whether an event is ours: %w", err)
	}
	if found {
		e.Ours = &ours
	}
	return nil
}

func claimable(action string) bool {
	switch action {
	case connector.CredentialAdded, connector.CredentialRemoved, connector.VersionAdded, connector.ObjectChanged, seenEntry, seenVersion:
		return true
	}
	return false
}
