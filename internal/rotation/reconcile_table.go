package rotation

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// ReconcileSchema creates what an installation knows of itself and of the times in
// which it was held. Both belong to the installation as a whole: they stand under
// the tenant that it is configured for.
var ReconcileSchema = store.Schema{Version: 51, SQL: `
CREATE TABLE rotation_beat (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	made   BIGINT NOT NULL,
	beaten BIGINT NOT NULL,
	epoch  TEXT NOT NULL,
	PRIMARY KEY (tenant)
);
CREATE TABLE reconcile (
	tenant TEXT NOT NULL,
	began  BIGINT NOT NULL,
	reason TEXT NOT NULL,
	ended  BIGINT NOT NULL,
	person TEXT NOT NULL,
	hash   TEXT NOT NULL,
	report TEXT NOT NULL,
	PRIMARY KEY (tenant, began)
);
CREATE UNIQUE INDEX reconcile_one_open ON reconcile (tenant) WHERE ended = 0;
`}

// installation is what the database knows of the installation.
type installation struct {
	id     string
	fresh  bool      // made just now
	empty  bool      // made just now, and there is no rotation
	beaten time.Time // when it was first written down outside of the database; zero: never
	epoch  string    // of the database server, when it was last trusted
}

// readInstallation makes the row if there is none.
func readInstallation(tx *store.Tx, tenant string) (i installation, err error) {
	var beaten int64
	err = tx.QueryRow(`SELECT id, beaten, epoch FROM rotation_beat WHERE tenant = $1`, tenant).Scan(&i.id, &beaten, &i.epoch)
	if errors.Is(err, sql.ErrNoRows) {
		var raw [8]byte
		rand.Read(raw[:])
		i.id, i.fresh = hex.EncodeToString(raw[:]), true
		_, err = tx.Exec(`INSERT INTO rotation_beat (tenant, id, made, beaten, epoch) VALUES ($1, $2, $3, 0, '')`, tenant, i.id, time.Now().UnixMilli())
	}
	if err != nil {
		return i, fmt.Errorf("cannot read what the installation knows of itself: %w", err)
	}
	i.beaten = fromMillis(beaten)
	if i.fresh {
		ids, err := rotationIDs(tx, tenant)
		i.empty = err == nil && len(ids) == 0
		return i, err
	}
	return i, nil
}

// refresh reads what another process may have written.
func (i *installation) refresh(tx *store.Tx, tenant string) error {
	var beaten int64
	if err := tx.QueryRow(`SELECT beaten, epoch FROM rotation_beat WHERE tenant = $1 AND id = $2`, tenant, i.id).Scan(&beaten, &i.epoch); err != nil {
		return fmt.Errorf("cannot read what the installation knows of itself: %w", err)
	}
	i.beaten = fromMillis(beaten)
	return nil
}

// noteBeat remembers that there is something outside that knows this database, and
// the server that it lives on.
func noteBeat(tx *store.Tx, tenant, epoch string) error {
	_, err := tx.Exec(`UPDATE rotation_beat SET beaten = CASE WHEN beaten = 0 THEN $2 ELSE beaten END, epoch = $3 WHERE tenant = $1`, tenant, time.Now().UnixMilli(), epoch)
	if err != nil {
		return fmt.Errorf("cannot write down the beat: %w", err)
	}
	return nil
}

// heldSince is why the installation is held, and since when; empty if it is not.
// accepted is when a person has last let it go on.
func heldSince(tx *store.Tx, tenant string) (reason string, began, accepted time.Time, err error) {
	var from, until int64
	err = tx.QueryRow(`SELECT COALESCE(MAX(ended), 0) FROM reconcile WHERE tenant = $1`, tenant).Scan(&until)
	if err == nil {
		err = tx.QueryRow(`SELECT reason, began FROM reconcile WHERE tenant = $1 AND ended = 0`, tenant).Scan(&reason, &from)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	if err != nil {
		return "", began, accepted, fmt.Errorf("cannot read whether the installation is held: %w", err)
	}
	return reason, fromMillis(from), fromMillis(until), nil
}

// markHeld writes down that the installation is held, unless it is already.
func markHeld(tx *store.Tx, tenant, reason string) (began bool, err error) {
	was, _, last, err := heldSince(tx, tenant)
	if err != nil || was != "" {
		return false, err
	}
	now := max(time.Now().UnixMilli(), millis(last)+1)
	if _, err := tx.Exec(`INSERT INTO reconcile (tenant, began, reason, ended, person, hash, report) VALUES ($1, $2, $3, 0, '', '', '')`, tenant, now, reason); err != nil {
		return false, fmt.Errorf("cannot write down that the installation is held: %w", err)
	}
	return true, nil
}

// release ends it, with who accepted what.
func release(tx *store.Tx, tenant, person, hash, report string) error {
	result, err := tx.Exec(`UPDATE reconcile SET ended = $2, person = $3, hash = $4, report = $5 WHERE tenant = $1 AND ended = 0`,
		tenant, time.Now().UnixMilli(), person, hash, report)
	if err != nil {
		return fmt.Errorf("cannot write down the acceptance: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(ErrNotHeld, err)
	}
	return nil
}

// rotationIDs lists the ids of all rotations of a tenant, the oldest first.
func rotationIDs(tx *store.Tx, tenant string) (ids []string, err error) {
	rows, err := tx.Query(`SELECT id FROM rotation WHERE tenant = $1 ORDER BY asked, id`, tenant)
	if err != nil {
		return nil, fmt.Errorf("cannot list rotations: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("cannot list rotations: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
