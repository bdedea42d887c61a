package access

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// DoorSchema creates the tables of people and sessions. Times are milliseconds,
// 0 for never. What a browser, a link or a terminal holds is kept as a hash.
var DoorSchema = store.Schema{Version: 200, SQL: `
CREATE TABLE access_person (
	id         TEXT PRIMARY KEY,
	tenant     TEXT NOT NULL,
	kind       TEXT NOT NULL,
	subject    TEXT NOT NULL,
	name       TEXT NOT NULL,
	alias      TEXT NOT NULL,
	role       TEXT NOT NULL,
	owner      TEXT NOT NULL,
	stands     TEXT NOT NULL,
	password   TEXT NOT NULL,
	created    BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	seen       BIGINT NOT NULL DEFAULT 0,
	disabled   BIGINT NOT NULL DEFAULT 0,
	UNIQUE (tenant, kind, subject)
);
CREATE TABLE access_passkey (
	id      TEXT PRIMARY KEY,
	tenant  TEXT NOT NULL,
	person  TEXT NOT NULL,
	name    TEXT NOT NULL,
	body    TEXT NOT NULL,
	created BIGINT NOT NULL,
	used    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX access_passkey_person ON access_passkey (tenant, person);
CREATE TABLE access_session (
	id       TEXT PRIMARY KEY,
	hash     TEXT NOT NULL UNIQUE,
	tenant   TEXT NOT NULL,
	person   TEXT NOT NULL,
	how      TEXT NOT NULL,
	address  TEXT NOT NULL,
	agent    TEXT NOT NULL,
	created  BIGINT NOT NULL,
	proved   BIGINT NOT NULL,
	seen     BIGINT NOT NULL,
	idle     BIGINT NOT NULL,
	ends     BIGINT NOT NULL,
	ended    BIGINT NOT NULL DEFAULT 0,
	ended_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX access_session_tenant ON access_session (tenant, created, id);
CREATE INDEX access_session_person ON access_session (tenant, person);
CREATE TABLE access_attempt (
	state   TEXT PRIMARY KEY,
	tenant  TEXT NOT NULL,
	browser TEXT NOT NULL,
	purpose TEXT NOT NULL,
	person  TEXT NOT NULL,
	goal    TEXT NOT NULL,
	data    TEXT NOT NULL,
	ends    BIGINT NOT NULL
);
CREATE INDEX access_attempt_ends ON access_attempt (tenant, ends);
CREATE TABLE access_invitation (
	hash    TEXT PRIMARY KEY,
	tenant  TEXT NOT NULL,
	purpose TEXT NOT NULL,
	person  TEXT NOT NULL,
	stands  TEXT NOT NULL,
	ends    BIGINT NOT NULL,
	used    BIGINT NOT NULL DEFAULT 0
);
`}

const sessionColumns = `s.id, s.hash, s.tenant, s.person, p.name, p.role, s.how, s.address, s.agent, s.created, s.proved, s.seen, s.idle, s.ends, s.ended, s.ended_by`

func insertSession(tx *store.Tx, s Session) error {
	_, err := tx.Exec(`INSERT INTO access_session (id, hash, tenant, person, how, address, agent, created, proved, seen, idle, ends)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		s.ID, s.hash, s.Tenant, s.Person, s.How, s.From, s.Agent, millis(s.Created), millis(s.Proved), millis(s.Seen), millis(s.Idle), millis(s.Ends))
	if err != nil {
		return fmt.Errorf("cannot begin a session: %w", err)
	}
	return nil
}

func sessionByHash(tx *store.Tx, tenant, hash string) (Session, error) {
	return oneSession(tx.QueryRow(`SELECT `+sessionColumns+` FROM access_session s JOIN access_person p ON p.tenant = s.tenant AND p.id = s.person
		WHERE s.hash = $1 AND s.tenant = $2`, hash, tenant))
}

func sessionByID(tx *store.Tx, tenant, id string) (Session, error) {
	return oneSession(tx.QueryRow(`SELECT `+sessionColumns+` FROM access_session s JOIN access_person p ON p.tenant = s.tenant AND p.id = s.person
		WHERE s.tenant = $1 AND s.id = $2`, tenant, id))
}

func oneSession(row *sql.Row) (Session, error) {
	s, err := scanSession(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, ErrNoSession
	}
	if err != nil {
		return Session{}, fmt.Errorf("cannot look a session up: %w", err)
	}
	return s, nil
}

// mostSessions bounds a list for people.
const mostSessions = 1000

// selectSessions lists open sessions of one person, or of all if it is empty.
func selectSessions(tx *store.Tx, tenant, person string, now time.Time) ([]Session, error) {
	rows, err := tx.Query(`SELECT `+sessionColumns+` FROM access_session s JOIN access_person p ON p.tenant = s.tenant AND p.id = s.person
		WHERE s.tenant = $1 AND (s.person = $2 OR $2 = '') AND s.ended = 0 AND s.idle > $3 AND s.ends > $3
		ORDER BY s.created DESC, s.id LIMIT $4`, tenant, person, millis(now), mostSessions)
	if err != nil {
		return nil, fmt.Errorf("cannot list sessions: %w", err)
	}
	defer rows.Close()
	list := []Session{}
	for rows.Next() {
		s, err := scanSession(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("cannot list sessions: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

func scanSession(scan func(...any) error) (s Session, err error) {
	var created, proved, seen, idle, ends, ended int64
	err = scan(&s.ID, &s.hash, &s.Tenant, &s.Person, &s.Name, &s.Role, &s.How, &s.From, &s.Agent, &created, &proved, &seen, &idle, &ends, &ended, &s.EndedBy)
	s.Created, s.Proved, s.Seen = moment(created), moment(proved), moment(seen)
	s.Idle, s.Ends, s.Ended = moment(idle), moment(ends), moment(ended)
	return s, err
}

func touchSession(tx *store.Tx, id string, seen, idle time.Time) error {
	if _, err := tx.Exec(`UPDATE access_session SET seen = $1, idle = $2 WHERE id = $3 AND ended = 0 AND seen < $1`, millis(seen), millis(idle), id); err != nil {
		return fmt.Errorf("cannot note the use of session %s: %w", id, err)
	}
	return nil
}

// proveSession exchanges what the browser holds, if it still holds what it did.
func proveSession(tx *store.Tx, id, old, fresh string, at time.Time) (won bool, err error) {
	result, err := tx.Exec(`UPDATE access_session SET hash = $1, proved = $2 WHERE id = $3 AND hash = $4 AND ended = 0`, fresh, millis(at), id, old)
	if err != nil {
		return false, fmt.Errorf("cannot note a sign-in: %w", err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

func endSession(tx *store.Tx, id string, at time.Time, by string) error {
	if _, err := tx.Exec(`UPDATE access_session SET ended = $1, ended_by = $2 WHERE id = $3 AND ended = 0`, millis(at), by, id); err != nil {
		return fmt.Errorf("cannot end session %s: %w", id, err)
	}
	return nil
}

func endSessionsOf(tx *store.Tx, tenant, person string, at time.Time, by string) error {
	if _, err := tx.Exec(`UPDATE access_session SET ended = $1, ended_by = $2 WHERE tenant = $3 AND person = $4 AND ended = 0`, millis(at), by, tenant, person); err != nil {
		return fmt.Errorf("cannot end the sessions of %s: %w", person, err)
	}
	return nil
}

// forgetSessions drops what ended long ago; the audit log still knows of it.
func forgetSessions(tx *store.Tx, tenant string, before time.Time) error {
	if _, err := tx.Exec(`DELETE FROM access_session WHERE tenant = $1 AND ends < $2`, tenant, millis(before)); err != nil {
		return fmt.Errorf("cannot forget old sessions: %w", err)
	}
	return nil
}
