package calendar

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/alert/ical"
	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables. token is the hash of the one in a feed's
// address; calendar_event is what a feed has said; body is the event in JSON.
var Schema = store.Schema{Version: 221, SQL: `
CREATE TABLE calendar_feed (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	token  TEXT NOT NULL,
	name   TEXT NOT NULL,
	owner  TEXT NOT NULL,
	bare   BIGINT NOT NULL,
	made   BIGINT NOT NULL,
	maker  TEXT NOT NULL,
	seen   BIGINT NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX calendar_feed_token ON calendar_feed (token);
CREATE TABLE calendar_event (
	tenant   TEXT NOT NULL,
	feed     TEXT NOT NULL,
	uid      TEXT NOT NULL,
	hash     TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	changed  BIGINT NOT NULL,
	gone     BIGINT NOT NULL,
	body     TEXT NOT NULL,
	PRIMARY KEY (tenant, feed, uid)
);
`}

const columns = `tenant, id, name, owner, bare, made, maker, seen`

func scan(row interface{ Scan(...any) error }) (f Feed, err error) {
	var bare, made, seen int64
	err = row.Scan(&f.Tenant, &f.ID, &f.Name, &f.Owner, &bare, &made, &f.By, &seen)
	f.Bare, f.Made, f.Read = bare != 0, time.UnixMilli(made).UTC(), time.Time{}
	if seen != 0 {
		f.Read = time.UnixMilli(seen).UTC()
	}
	return f, err
}

func feeds(tx *store.Tx, tenant string) ([]Feed, error) {
	rows, err := tx.Query(`SELECT `+columns+` FROM calendar_feed WHERE tenant = $1 ORDER BY made, id`, tenant)
	if err != nil {
		return nil, fmt.Errorf("cannot list calendar feeds: %w", err)
	}
	defer rows.Close()
	list := []Feed{}
	for rows.Next() {
		f, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("cannot list calendar feeds: %w", err)
		}
		list = append(list, f)
	}
	return list, rows.Err()
}

func insertFeed(tx *store.Tx, f *Feed, token string) error {
	bare := 0
	if f.Bare {
		bare = 1
	}
	_, err := tx.Exec(`INSERT INTO calendar_feed (tenant, id, token, name, owner, bare, made, maker, seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`,
		f.Tenant, f.ID, token, f.Name, f.Owner, bare, f.Made.UnixMilli(), f.By)
	if err != nil {
		return fmt.Errorf("cannot keep a calendar feed: %w", err)
	}
	return nil
}

func deleteFeed(tx *store.Tx, tenant, id string) (Feed, error) {
	f, err := scan(tx.QueryRow(`DELETE FROM calendar_feed WHERE tenant = $1 AND id = $2 RETURNING `+columns, tenant, id))
	if errors.Is(err, sql.ErrNoRows) {
		return f, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	if err == nil {
		_, err = tx.Exec(`DELETE FROM calendar_event WHERE tenant = $1 AND feed = $2`, tenant, id)
	}
	if err != nil {
		return f, fmt.Errorf("cannot end calendar feed %s: %w", id, err)
	}
	return f, nil
}

// feedByHash finds a feed by what is kept of its token. It is the one statement
// without a tenant: the token says whose it is.
func feedByHash(tx *store.Tx, token string) (Feed, error) {
	f, err := scan(tx.QueryRow(`SELECT `+columns+` FROM calendar_feed WHERE token = $1`, token))
	if errors.Is(err, sql.ErrNoRows) {
		return f, ErrNotFound
	}
	if err != nil {
		return f, fmt.Errorf("cannot find a calendar feed: %w", err)
	}
	return f, nil
}

// said is an event as a feed has last shown it.
type said struct {
	ical.Event
	hash    string
	gone    int64
	present bool
}

// remember makes the events of a feed: those of now, and those that were there and
// are not any more.
func remember(tx *store.Tx, f *Feed, entries []Entry) ([]ical.Event, error) {
	before, err := saidBefore(tx, f)
	if err != nil {
		return nil, err
	}
	at := now()
	var list []ical.Event
	for _, e := range entries {
		uid := e.ID
		was := before[uid]
		if was != nil && was.present { // the same one twice
			continue
		}
		event := ical.Event{UID: uid, Start: e.Start.UTC(), End: e.End.UTC(), AllDay: e.AllDay, Summary: e.Summary, Text: e.Text, URL: e.URL, Free: e.Free}
		if e.AllDay { // the date is what counts, in whatever zone it was found
			event.Start, event.End = date(e.Start), date(e.End)
		}
		if f.Bare {
			event.Summary, event.Text = e.Bare, ""
		}
		sum := digest(event)
		switch {
		case was == nil:
			event.Stamp = at
			err = put(tx, f, &event, sum, 0)
			before[uid] = &said{present: true}
		case was.hash == sum && was.gone == 0:
			event.Sequence, event.Stamp, was.present = was.Sequence, was.Stamp, true
		default:
			event.Sequence, event.Stamp, was.present = was.Sequence+1, at, true
			err = put(tx, f, &event, sum, 0)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, event)
	}
	for _, uid := range sorted(before) {
		was := before[uid]
		if was.present {
			continue
		}
		switch {
		case was.gone == 0:
			was.Sequence, was.Stamp, was.Cancelled = was.Sequence+1, at, true
			err = put(tx, f, &was.Event, was.hash, at.UnixMilli())
		case at.UnixMilli()-was.gone > goneFor.Milliseconds():
			_, err = tx.Exec(`DELETE FROM calendar_event WHERE tenant = $1 AND feed = $2 AND uid = $3`, f.Tenant, f.ID, uid)
			if err != nil {
				return nil, fmt.Errorf("cannot forget event %s: %w", uid, err)
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		was.Cancelled = true
		list = append(list, was.Event)
	}
	if at.Sub(f.Read) > time.Minute {
		if _, err := tx.Exec(`UPDATE calendar_feed SET seen = $3 WHERE tenant = $1 AND id = $2`, f.Tenant, f.ID, at.UnixMilli()); err != nil {
			return nil, fmt.Errorf("cannot note that a calendar feed was read: %w", err)
		}
	}
	return list, nil
}

func date(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

func sorted(m map[string]*said) []string {
	list := make([]string, 0, len(m))
	for uid := range m {
		list = append(list, uid)
	}
	slices.SortFunc(list, strings.Compare)
	return list
}

func digest(e ical.Event) string {
	raw, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("an event does not encode: %v", err)) // plain data only; cannot happen
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:12])
}

func saidBefore(tx *store.Tx, f *Feed) (map[string]*said, error) {
	rows, err := tx.Query(`SELECT uid, hash, sequence, changed, gone, body FROM calendar_event WHERE tenant = $1 AND feed = $2`, f.Tenant, f.ID)
	if err != nil {
		return nil, fmt.Errorf("cannot read what calendar %s said: %w", f.ID, err)
	}
	defer rows.Close()
	all := map[string]*said{}
	for rows.Next() {
		var uid, body string
		var sequence, changed int64
		s := &said{}
		if err := rows.Scan(&uid, &s.hash, &sequence, &changed, &s.gone, &body); err != nil {
			return nil, fmt.Errorf("cannot read what calendar %s said: %w", f.ID, err)
		}
		if err := json.Unmarshal([]byte(body), &s.Event); err != nil {
			return nil, fmt.Errorf("cannot read what calendar %s said: %w", f.ID, err)
		}
		s.UID, s.Sequence, s.Stamp = uid, int(sequence), time.UnixMilli(changed).UTC()
		all[uid] = s
	}
	return all, rows.Err()
}

func put(tx *store.Tx, f *Feed, e *ical.Event, hash string, gone int64) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("cannot encode event %s: %w", e.UID, err)
	}
	_, err = tx.Exec(`INSERT INTO calendar_event (tenant, feed, uid, hash, sequence, changed, gone, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (tenant, feed, uid) DO UPDATE SET hash = excluded.hash, sequence = excluded.sequence, changed = excluded.changed, gone = excluded.gone, body = excluded.body`,
		f.Tenant, f.ID, e.UID, hash, e.Sequence, e.Stamp.UnixMilli(), gone, string(body))
	if err != nil {
		return fmt.Errorf("cannot keep event %s: %w", e.UID, err)
	}
	return nil
}
