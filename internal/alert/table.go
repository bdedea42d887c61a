package alert

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables. rank is the severity's place, 1 for the
// worst; body is the Matter in JSON; times are milliseconds, 0 for never. A row of
// alert_telling cannot be there twice: that is what keeps anything from being told
// twice. An essential message is one about rekey itself. alert_seen are requests from outside that were taken once.
var Schema = store.Schema{Version: 220, SQL: `
CREATE TABLE alert (
	tenant      TEXT NOT NULL,
	id          TEXT NOT NULL,
	source      TEXT NOT NULL,
	kind        TEXT NOT NULL,
	application TEXT NOT NULL,
	key_id      TEXT NOT NULL,
	rank        BIGINT NOT NULL,
	rung        BIGINT NOT NULL,
	state       TEXT NOT NULL,
	level       BIGINT NOT NULL,
	round       BIGINT NOT NULL,
	hash        BIGINT NOT NULL,
	body        TEXT NOT NULL,
	opened      BIGINT NOT NULL,
	changed     BIGINT NOT NULL,
	due         BIGINT NOT NULL,
	until       BIGINT NOT NULL,
	judge       TEXT NOT NULL,
	why         TEXT NOT NULL,
	settled     BIGINT NOT NULL,
	told        BIGINT NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE INDEX alert_state ON alert (tenant, state, rank, opened, id);
CREATE INDEX alert_source_of ON alert (tenant, source, state);
CREATE INDEX alert_due ON alert (tenant, state, due);
CREATE TABLE alert_telling (
	tenant    TEXT NOT NULL,
	alert     TEXT NOT NULL,
	occasion  TEXT NOT NULL,
	channel   TEXT NOT NULL,
	recipient TEXT NOT NULL,
	act       TEXT NOT NULL,
	state     TEXT NOT NULL,
	due       BIGINT NOT NULL,
	again     BIGINT NOT NULL,
	message   TEXT NOT NULL,
	PRIMARY KEY (tenant, alert, occasion, channel, recipient)
);
CREATE INDEX alert_telling_due ON alert_telling (tenant, state, due);
CREATE INDEX alert_telling_message ON alert_telling (tenant, message);
CREATE TABLE alert_message (
	tenant    TEXT NOT NULL,
	id        TEXT NOT NULL,
	channel   TEXT NOT NULL,
	recipient TEXT NOT NULL,
	state     TEXT NOT NULL,
	tries     BIGINT NOT NULL,
	due       BIGINT NOT NULL,
	made      BIGINT NOT NULL,
	began     BIGINT NOT NULL,
	ended     BIGINT NOT NULL,
	claim     TEXT NOT NULL,
	essential BIGINT NOT NULL,
	problem   TEXT NOT NULL,
	body      TEXT NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE INDEX alert_message_due ON alert_message (tenant, state, due);
CREATE INDEX alert_message_channel ON alert_message (tenant, channel, state);
CREATE TABLE alert_channel (
	tenant   TEXT NOT NULL,
	name     TEXT NOT NULL,
	failures BIGINT NOT NULL,
	since    BIGINT NOT NULL,
	paused   BIGINT NOT NULL,
	dead     BIGINT NOT NULL,
	taken    BIGINT NOT NULL,
	problem  TEXT NOT NULL,
	PRIMARY KEY (tenant, name)
);
CREATE TABLE alert_source (
	tenant TEXT NOT NULL,
	name   TEXT NOT NULL,
	heard  BIGINT NOT NULL,
	seen   BIGINT NOT NULL,
	looked BIGINT NOT NULL,
	PRIMARY KEY (tenant, name)
);
CREATE TABLE alert_seen (
	tenant TEXT NOT NULL,
	digest TEXT NOT NULL,
	time   BIGINT NOT NULL,
	PRIMARY KEY (tenant, digest)
);
CREATE INDEX alert_seen_time ON alert_seen (tenant, time);
`}

const columns = `id, source, rank, rung, state, level, round, hash, body, opened, changed, due, until, judge, why, settled, told`

func scan(row interface{ Scan(...any) error }, tenant string) (a Alert, err error) {
	var rank, rung, opened, changed, due, until, settled, told int64
	var body string
	err = row.Scan(&a.ID, &a.source, &rank, &rung, &a.State, &a.Level, &a.round, &a.hash, &body, &opened, &changed, &due, &until, &a.Judge, &a.Why, &settled, &told)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal([]byte(body), &a.Matter); err != nil {
		return a, fmt.Errorf("alert %s cannot be read: %w", a.ID, err)
	}
	a.Tenant, a.Opened, a.Changed, a.Due = tenant, moment(opened), moment(changed), moment(due)
	a.Until, a.Settled, a.Told = moment(until), moment(settled), moment(told)
	return a, nil
}

// text is a digest of what a matter says.
func (m *Matter) text() int64 {
	raw := m.encoded()
	h := fnv.New64a()
	h.Write([]byte(raw))
	return int64(h.Sum64())
}

func (m *Matter) encoded() string {
	raw, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("a matter does not encode: %v", err)) // plain data only; cannot happen
	}
	return string(raw)
}

// put writes an alert, whether it is there already or not.
func put(tx *store.Tx, a *Alert) error {
	_, err := tx.Exec(`INSERT INTO alert (tenant, id, source, kind, application, key_id, rank, rung, state, level, round, hash, body, opened, changed, due, until, judge, why, settled, told)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
		ON CONFLICT (tenant, id) DO UPDATE SET source = excluded.source, application = excluded.application, key_id = excluded.key_id, rank = excluded.rank, rung = excluded.rung,
		state = excluded.state, level = excluded.level, round = excluded.round, hash = excluded.hash, body = excluded.body, opened = excluded.opened, changed = excluded.changed,
		due = excluded.due, until = excluded.until, judge = excluded.judge, why = excluded.why, settled = excluded.settled, told = excluded.told`,
		a.Tenant, a.ID, a.source, a.Kind, string(a.ObjectID), a.KeyID, a.Severity.rank(), a.Rung, string(a.State), a.Level, a.round, a.hash, a.encoded(),
		millis(a.Opened), millis(a.Changed), millis(a.Due), millis(a.Until), a.Judge, a.Why, millis(a.Settled), millis(a.Told))
	if err != nil {
		return fmt.Errorf("cannot write alert %s: %w", a.ID, err)
	}
	return nil
}

// byID reads an alert and, with lock, keeps others from changing it until the end
// of the transaction.
func byID(tx *store.Tx, tenant, id string, lock bool) (Alert, error) {
	if lock {
		if _, err := tx.Exec(`UPDATE alert SET id = id WHERE tenant = $1 AND id = $2`, tenant, id); err != nil {
			return Alert{}, fmt.Errorf("cannot read alert %s: %w", id, err)
		}
	}
	a, err := scan(tx.QueryRow(`SELECT `+columns+` FROM alert WHERE tenant = $1 AND id = $2`, tenant, id), tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	if err != nil {
		return a, fmt.Errorf("cannot read alert %s: %w", id, err)
	}
	return a, nil
}

// selected reads the alerts of a query of columns.
func selected(tx *store.Tx, tenant, query string, args ...any) ([]Alert, error) {
	rows, err := tx.Query(query, append([]any{tenant}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot list alerts: %w", err)
	}
	defer rows.Close()
	list := []Alert{}
	for rows.Next() {
		a, err := scan(rows, tenant)
		if err != nil {
			return nil, fmt.Errorf("cannot list alerts: %w", err)
		}
		list = append(list, a)
	}
	return list, rows.Err()
}

// known is what a look remembers of an alert that is in the database.
type known struct {
	state State
	rung  int
	hash  int64
	seen  bool
}

func loadKnown(tx *store.Tx, tenant, source string) (map[string]*known, error) {
	rows, err := tx.Query(`SELECT id, state, rung, hash FROM alert WHERE tenant = $1 AND source = $2`, tenant, source)
	if err != nil {
		return nil, fmt.Errorf("cannot read the alerts: %w", err)
	}
	defer rows.Close()
	all := map[string]*known{}
	for rows.Next() {
		var id string
		k := &known{}
		if err := rows.Scan(&id, &k.state, &k.rung, &k.hash); err != nil {
			return nil, fmt.Errorf("cannot read the alerts: %w", err)
		}
		all[id] = k
	}
	return all, rows.Err()
}
