package trail

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables.
//
// trail_event has a row for each event. minute and look find the same event
// again, also when another source tells of it: the time keeps the index in the
// order of arrival, so that a hundred million events do not make it slower.
// application, credential and entry are hashes of what the event is about, 0 for
// none; their indexes are the timelines. id makes the order in them total. made is
// 1 for a credential that was added, for the books.
// A part of a source is remembered until it can no longer be listed.
var Schema = store.Schema{Version: 231, SQL: `
CREATE TABLE trail_tenant (
	tenant TEXT PRIMARY KEY,
	num    INTEGER NOT NULL UNIQUE,
	began  BIGINT NOT NULL,
	seq    BIGINT NOT NULL
);
CREATE TABLE trail_source (
	tenant  INTEGER NOT NULL,
	source  TEXT NOT NULL,
	keeps   BIGINT NOT NULL,
	late    BIGINT NOT NULL,
	done    BIGINT NOT NULL,
	swept   BIGINT NOT NULL,
	newest  BIGINT NOT NULL,
	looked  BIGINT NOT NULL,
	delay   BIGINT NOT NULL,
	records BIGINT NOT NULL,
	state   TEXT NOT NULL,
	problem TEXT NOT NULL,
	PRIMARY KEY (tenant, source)
);
CREATE TABLE trail_part (
	tenant  INTEGER NOT NULL,
	source  TEXT NOT NULL,
	part    BIGINT NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	state   TEXT NOT NULL,
	why     TEXT NOT NULL,
	PRIMARY KEY (tenant, source, part)
);
CREATE INDEX trail_part_created ON trail_part (tenant, source, created);
CREATE TABLE trail_gap (
	tenant INTEGER NOT NULL,
	source TEXT NOT NULL,
	since  BIGINT NOT NULL,
	until  BIGINT NOT NULL,
	part   BIGINT NOT NULL,
	state  TEXT NOT NULL,
	why    TEXT NOT NULL,
	found  BIGINT NOT NULL,
	ended  BIGINT NOT NULL,
	PRIMARY KEY (tenant, source, since, part)
);
CREATE TABLE trail_event (
	tenant      INTEGER NOT NULL,
	minute      INTEGER NOT NULL,
	look        BIGINT NOT NULL,
	id          BIGINT NOT NULL,
	time        BIGINT NOT NULL,
	application BIGINT NOT NULL,
	credential  BIGINT NOT NULL,
	entry       BIGINT NOT NULL,
	made        INTEGER NOT NULL,
	body        TEXT NOT NULL
);
CREATE INDEX trail_event_same ON trail_event (tenant, minute, look);
CREATE INDEX trail_event_application ON trail_event (tenant, application, time, id) WHERE application <> 0;
CREATE INDEX trail_event_credential ON trail_event (tenant, credential, time, id) WHERE credential <> 0;
CREATE INDEX trail_event_entry ON trail_event (tenant, entry, time, id) WHERE entry <> 0;
CREATE INDEX trail_event_made ON trail_event (tenant, time) WHERE made = 1;
CREATE TABLE trail_closing (
	tenant INTEGER NOT NULL,
	day    BIGINT NOT NULL,
	closed BIGINT NOT NULL,
	body   TEXT NOT NULL,
	PRIMARY KEY (tenant, day)
);
`}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// lockTenant makes this transaction the only one that keeps events of a tenant,
// and returns the tenant's number.
func lockTenant(tx *store.Tx, tenant string) (num int64, err error) {
	err = tx.QueryRow(`UPDATE trail_tenant SET seq = seq WHERE tenant = $1 RETURNING num`, tenant).Scan(&num)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRow(`INSERT INTO trail_tenant (tenant, num, began, seq)
			SELECT CAST($1 AS TEXT), COALESCE(MAX(num), 0) + 1, CAST($2 AS BIGINT), 0 FROM trail_tenant RETURNING num`, tenant, now().UnixMilli()).Scan(&num)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot lock the trail: %w", err)
	}
	return num, nil
}

// tenantNumber is the number of a tenant and since when its trail is kept; 0 if
// nothing is known of it.
func tenantNumber(tx *store.Tx, tenant string) (num int64, began time.Time, err error) {
	var ms int64
	err = tx.QueryRow(`SELECT num, began FROM trail_tenant WHERE tenant = $1`, tenant).Scan(&num, &ms)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("cannot read the trail's tenant: %w", err)
	}
	return num, fromMillis(ms), nil
}

const selectSame = `SELECT minute, id, body FROM trail_event WHERE tenant = $1 AND minute IN ($2, $3, $4) AND look = $5`

const insertEvent = `INSERT INTO trail_event (tenant, minute, look, id, time, application, credential, entry, made, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

const updateEvent = `UPDATE trail_event SET body = $5 WHERE tenant = $1 AND minute = $2 AND look = $3 AND id = $4`

// read takes an event out of its row.
func read(body string) (e Event, err error) {
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return e, errors.New("an event of the trail is damaged")
	}
	return e, nil
}
