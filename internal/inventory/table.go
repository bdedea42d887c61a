package inventory

import (
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables.
//
// Every row carries its tenant as a number (inventory_tenant), and every object
// a number in its tenant: the indexes of a large directory would be mostly
// copies of two GUIDs otherwise, and a sync spends its time writing them. Ids
// that people ask for are found by a column of 8 bytes made of them
// (object_look, client_look, key_look), then compared in full. For the same
// reason owners are kept in the order of what they own: what somebody owns is
// found by going through them. Times are
// milliseconds; the end of what has none is noEnd, so that it sorts last. gone
// is 0, or when the thing was missed.
var Schema = store.Schema{Version: 20, SQL: `
CREATE TABLE inventory_tenant (
	tenant TEXT PRIMARY KEY,
	num    INTEGER NOT NULL UNIQUE,
	next   BIGINT NOT NULL
);
CREATE TABLE inventory_feed (
	tenant   INTEGER NOT NULL,
	feed     TEXT NOT NULL,
	phase    TEXT NOT NULL,
	position TEXT NOT NULL,
	mark     TEXT NOT NULL,
	began    BIGINT NOT NULL,
	baseline BIGINT NOT NULL,
	whole    BIGINT NOT NULL,
	fresh    BIGINT NOT NULL,
	swept    BIGINT NOT NULL,
	live     BIGINT NOT NULL,
	seen     TEXT NOT NULL,
	PRIMARY KEY (tenant, feed)
);
CREATE TABLE inventory_application (
	tenant      INTEGER NOT NULL,
	num         BIGINT NOT NULL,
	holder      TEXT NOT NULL,
	object_id   TEXT NOT NULL,
	object_look BIGINT NOT NULL,
	client_id   TEXT NOT NULL,
	client_look BIGINT NOT NULL,
	name        TEXT NOT NULL,
	fold        TEXT NOT NULL,
	audience    TEXT NOT NULL,
	home        TEXT NOT NULL,
	kind        TEXT NOT NULL,
	sso         TEXT NOT NULL,
	notes       TEXT NOT NULL,
	enabled     BIGINT NOT NULL,
	created     BIGINT NOT NULL,
	owners      TEXT NOT NULL,
	owned       BIGINT NOT NULL,
	hash        TEXT NOT NULL,
	gone        BIGINT NOT NULL,
	PRIMARY KEY (tenant, num)
);
CREATE INDEX inventory_application_object ON inventory_application (tenant, object_look);
CREATE INDEX inventory_application_client ON inventory_application (tenant, client_look);
CREATE INDEX inventory_application_name ON inventory_application (tenant, fold, num);
CREATE TABLE inventory_owner (
	tenant INTEGER NOT NULL,
	num    BIGINT NOT NULL,
	owner  BIGINT NOT NULL,
	PRIMARY KEY (tenant, num, owner)
);
CREATE TABLE inventory_person (
	tenant    INTEGER NOT NULL,
	look      BIGINT NOT NULL,
	object_id TEXT NOT NULL,
	fold      TEXT NOT NULL,
	mail      TEXT NOT NULL,
	PRIMARY KEY (tenant, look)
);
CREATE TABLE inventory_credential (
	tenant      INTEGER NOT NULL,
	num         BIGINT NOT NULL,
	key_id      TEXT NOT NULL,
	key_look    BIGINT NOT NULL,
	kind        TEXT NOT NULL,
	label       TEXT NOT NULL,
	hint        TEXT NOT NULL,
	thumbprint  TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	starts      BIGINT NOT NULL,
	expires     BIGINT NOT NULL,
	used        BIGINT NOT NULL,
	unmanaged   BIGINT NOT NULL,
	gone        BIGINT NOT NULL,
	PRIMARY KEY (tenant, num, key_id)
);
CREATE INDEX inventory_credential_end ON inventory_credential (tenant, expires, num) WHERE gone = 0;
CREATE INDEX inventory_credential_key ON inventory_credential (tenant, key_look);
CREATE INDEX inventory_credential_value ON inventory_credential (tenant, fingerprint) WHERE fingerprint <> '';
CREATE INDEX inventory_credential_thumbprint ON inventory_credential (tenant, thumbprint) WHERE thumbprint <> '';
CREATE INDEX inventory_credential_unmanaged ON inventory_credential (tenant, unmanaged) WHERE unmanaged <> 0 AND gone = 0;
CREATE TABLE inventory_entry (
	tenant       INTEGER NOT NULL,
	vault        TEXT NOT NULL,
	name         TEXT NOT NULL,
	kind         TEXT NOT NULL,
	version      TEXT NOT NULL,
	enabled      BIGINT NOT NULL,
	starts       BIGINT NOT NULL,
	expires      BIGINT NOT NULL,
	created      BIGINT NOT NULL,
	updated      BIGINT NOT NULL,
	content_type TEXT NOT NULL,
	tags         TEXT NOT NULL,
	hint         TEXT NOT NULL,
	fingerprint  TEXT NOT NULL,
	thumbprint   TEXT NOT NULL,
	walk         BIGINT NOT NULL,
	gone         BIGINT NOT NULL,
	PRIMARY KEY (tenant, vault, name, kind)
);
CREATE TABLE inventory_deposit (
	tenant  INTEGER NOT NULL,
	vault   TEXT NOT NULL,
	name    TEXT NOT NULL,
	version TEXT NOT NULL,
	num     BIGINT NOT NULL,
	key_id  TEXT NOT NULL,
	how     TEXT NOT NULL,
	PRIMARY KEY (tenant, vault, name)
);
CREATE INDEX inventory_deposit_credential ON inventory_deposit (tenant, num, key_id);
CREATE TABLE inventory_reader (
	tenant    INTEGER NOT NULL,
	vault     TEXT NOT NULL,
	fold      TEXT NOT NULL,
	feed      TEXT NOT NULL,
	reference TEXT NOT NULL,
	version   TEXT NOT NULL,
	consumer  TEXT NOT NULL,
	source    TEXT NOT NULL,
	walk      BIGINT NOT NULL,
	PRIMARY KEY (tenant, vault, fold, feed, reference, version)
);
`}

// noEnd stands for "the issuer told no end": the last millisecond of the year 9999.
const noEnd = 253402300799999

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func endMillis(t time.Time) int64 {
	if t.IsZero() {
		return noEnd
	}
	return t.UnixMilli()
}

func fromEnd(ms int64) time.Time {
	if ms == noEnd {
		return time.Time{}
	}
	return fromMillis(ms)
}

// flag is a bool as both databases keep it.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// look is what an id is looked up by.
func look(id string) int64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return int64(h.Sum64())
}

// tenantNumber is the number of a tenant, 0 if nothing is known of it.
func tenantNumber(tx *store.Tx, tenant string) (num int64, err error) {
	err = tx.QueryRow(`SELECT num FROM inventory_tenant WHERE tenant = $1`, tenant).Scan(&num)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot read the tenant's number: %w", err)
	}
	return num, nil
}

// enrolled is the number of a tenant, a new one if it has none yet.
func enrolled(tx *store.Tx, tenant string) (int64, error) {
	num, err := tenantNumber(tx, tenant)
	if num != 0 || err != nil {
		return num, err
	}
	err = tx.QueryRow(`INSERT INTO inventory_tenant (tenant, num, next)
		SELECT CAST($1 AS TEXT), COALESCE(MAX(num), 0) + 1, 1 FROM inventory_tenant RETURNING num`, tenant).Scan(&num)
	if err != nil {
		return 0, fmt.Errorf("cannot number the tenant: %w", err)
	}
	return num, nil
}

// reserve takes n consecutive numbers for objects.
func reserve(tx *store.Tx, tenant int64, n int) (first int64, err error) {
	err = tx.QueryRow(`UPDATE inventory_tenant SET next = next + $2 WHERE num = $1 RETURNING next - $2`, tenant, int64(n)).Scan(&first)
	if err != nil {
		return 0, fmt.Errorf("cannot number the objects: %w", err)
	}
	return first, nil
}
