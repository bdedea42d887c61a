package access

import (
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables. Times are milliseconds, 0 for never.
var Schema = store.Schema{Version: 15, SQL: `
CREATE TABLE access_token (
	id         TEXT PRIMARY KEY,
	hash       TEXT NOT NULL UNIQUE,
	tenant     TEXT NOT NULL,
	name       TEXT NOT NULL,
	person     TEXT NOT NULL,
	role       TEXT NOT NULL,
	sources    TEXT NOT NULL,
	created    BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	issuer     TEXT NOT NULL,
	expires    BIGINT NOT NULL,
	last_used  BIGINT NOT NULL DEFAULT 0,
	revoked    BIGINT NOT NULL DEFAULT 0,
	revoked_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX access_token_tenant ON access_token (tenant, created, id);
`}

// ScopeSchema gives tokens a scope narrower than their role, as actions with
// spaces between, and says whose applications they see.
var ScopeSchema = store.Schema{Version: 201, SQL: `
ALTER TABLE access_token ADD COLUMN actions TEXT NOT NULL DEFAULT '';
ALTER TABLE access_token ADD COLUMN owner TEXT NOT NULL DEFAULT '';
`}

func insertToken(tx *store.Tx, t Token, hash string) error {
	_, err := tx.Exec(`INSERT INTO access_token (id, hash, tenant, name, person, role, sources, created, created_by, issuer, expires, actions, owner)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		t.ID, hash, t.Tenant, t.Name, t.Person, string(t.Role), joinSources(t.Sources), millis(t.Created), t.CreatedBy, t.Issuer, millis(t.Expires), joinActions(t.Actions), t.Owner)
	if err != nil {
		return fmt.Errorf("cannot make token %q: %w", t.Name, err)
	}
	return nil
}

// tokenByHash also returns the hash that was found, to be compared once more.
func tokenByHash(tx *store.Tx, hash string) (t Token, found string, err error) {
	row := tx.QueryRow(`SELECT id, tenant, name, person, role, sources, created, created_by, issuer, expires, last_used, revoked, revoked_by, actions, owner, hash
		FROM access_token WHERE hash = $1`, hash)
	t, err = scanToken(func(dest ...any) error { return row.Scan(append(dest, &found)...) })
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, "", ErrUnauthenticated
	}
	if err != nil {
		return Token{}, "", fmt.Errorf("cannot look a token up: %w", err)
	}
	return t, found, nil
}

func tokenByID(tx *store.Tx, tenant, id string) (Token, error) {
	row := tx.QueryRow(`SELECT id, tenant, name, person, role, sources, created, created_by, issuer, expires, last_used, revoked, revoked_by, actions, owner
		FROM access_token WHERE tenant = $1 AND id = $2`, tenant, id)
	t, err := scanToken(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, fmt.Errorf("%w: %s", ErrNoToken, id)
	}
	if err != nil {
		return Token{}, fmt.Errorf("cannot read token %s: %w", id, err)
	}
	return t, nil
}

func selectTokens(tx *store.Tx, tenant string) ([]Token, error) {
	rows, err := tx.Query(`SELECT id, tenant, name, person, role, sources, created, created_by, issuer, expires, last_used, revoked, revoked_by, actions, owner
		FROM access_token WHERE tenant = $1 ORDER BY created, id`, tenant)
	if err != nil {
		return nil, fmt.Errorf("cannot list tokens: %w", err)
	}
	defer rows.Close()
	list := []Token{}
	for rows.Next() {
		t, err := scanToken(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("cannot list tokens: %w", err)
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

func setRevoked(tx *store.Tx, id string, at time.Time, by string) error {
	if _, err := tx.Exec(`UPDATE access_token SET revoked = $1, revoked_by = $2 WHERE id = $3 AND revoked = 0`, millis(at), by, id); err != nil {
		return fmt.Errorf("cannot revoke token %s: %w", id, err)
	}
	return nil
}

func setUsed(tx *store.Tx, id string, at time.Time) error {
	if _, err := tx.Exec(`UPDATE access_token SET last_used = $1 WHERE id = $2 AND last_used < $1`, millis(at), id); err != nil {
		return fmt.Errorf("cannot note the use of token %s: %w", id, err)
	}
	return nil
}

func scanToken(scan func(...any) error) (t Token, err error) {
	var sources, actions string
	var created, expires, used, revoked int64
	err = scan(&t.ID, &t.Tenant, &t.Name, &t.Person, &t.Role, &sources, &created, &t.CreatedBy, &t.Issuer, &expires, &used, &revoked, &t.RevokedBy, &actions, &t.Owner)
	if err != nil {
		return Token{}, err
	}
	t.Created, t.Expires, t.LastUsed, t.Revoked = moment(created), moment(expires), moment(used), moment(revoked)
	for word := range strings.FieldsSeq(actions) {
		t.Actions = append(t.Actions, Action(word))
	}
	t.Sources, err = splitSources(sources)
	return t, err
}

func joinSources(list []netip.Prefix) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.String()
	}
	return strings.Join(texts, " ")
}

func joinActions(list []Action) string {
	words := make([]string, len(list))
	for i, a := range list {
		words[i] = string(a)
	}
	return strings.Join(words, " ")
}

func splitSources(text string) (list []netip.Prefix, err error) {
	for word := range strings.FieldsSeq(text) {
		p, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, err // never "any source" for a list that cannot be read
		}
		list = append(list, p)
	}
	return list, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
