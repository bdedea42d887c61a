package policy

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables. rank is the severity's place, 1 for the
// worst; text a digest of what the finding says; times are milliseconds, 0 for
// never.
var Schema = store.Schema{Version: 40, SQL: `
CREATE TABLE policy_finding (
	tenant      TEXT NOT NULL,
	id          TEXT NOT NULL,
	rule        TEXT NOT NULL,
	rank        BIGINT NOT NULL,
	state       TEXT NOT NULL,
	application TEXT NOT NULL,
	key_id      TEXT NOT NULL,
	place       TEXT NOT NULL,
	title       TEXT NOT NULL,
	reason      TEXT NOT NULL,
	cure        TEXT NOT NULL,
	text        BIGINT NOT NULL,
	opened      BIGINT NOT NULL,
	resolved    BIGINT NOT NULL,
	judge       TEXT NOT NULL,
	why         TEXT NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE INDEX policy_finding_state ON policy_finding (tenant, state, rank, rule, id);
CREATE INDEX policy_finding_application ON policy_finding (tenant, application, state, rank, rule, id);
CREATE TABLE policy_check (
	tenant  TEXT PRIMARY KEY,
	checked BIGINT NOT NULL
);
`}

// rank is a severity's place in Severities, 1 for the worst.
func (s Severity) rank() int64 { return int64(slices.Index(Severities, s) + 1) }

const columns = `id, rule, rank, state, application, key_id, place, title, reason, cure, opened, resolved, judge, why`

func scan(row interface{ Scan(...any) error }, tenant string) (f Finding, err error) {
	var rank, opened, resolved int64
	f.Tenant = tenant
	err = row.Scan(&f.ID, &f.Rule, &rank, &f.State, &f.Application, &f.KeyID, &f.Place, &f.Title, &f.Reason, &f.Cure, &opened, &resolved, &f.Judge, &f.Why)
	if err != nil {
		return f, err
	}
	if rank < 1 || int(rank) > len(Severities) {
		return f, fmt.Errorf("finding %s has the rank %d", f.ID, rank)
	}
	f.Severity, f.Opened = Severities[rank-1], time.UnixMilli(opened).UTC()
	if resolved != 0 {
		f.Resolved = time.UnixMilli(resolved).UTC()
	}
	return f, nil
}

// known is what a check remembers of a finding that is in the database.
type known struct {
	state State
	rank  int64
	text  int64
	seen  bool
}

// loadKnown leaves out what was reported: no check finds that again, so none may resolve it.
func loadKnown(tx *store.Tx, tenant string) (map[string]*known, error) {
	rows, err := tx.Query(`SELECT id, rule, state, rank, text FROM policy_finding WHERE tenant = $1`, tenant)
	if err != nil {
		return nil, fmt.Errorf("cannot read the findings: %w", err)
	}
	defer rows.Close()
	all := map[string]*known{}
	for rows.Next() {
		var id, rule, state string
		var k known
		if err := rows.Scan(&id, &rule, &state, &k.rank, &k.text); err != nil {
			return nil, fmt.Errorf("cannot read the findings: %w", err)
		}
		if seen(rule) {
			continue
		}
		for _, s := range []State{Open, Acknowledged, Resolved} { // one string for all
			if string(s) == state {
				k.state = s
			}
		}
		all[id] = &k
	}
	return all, rows.Err()
}

const insertFinding = `INSERT INTO policy_finding (tenant, id, rule, rank, state, application, key_id, place, title, reason, cure, text, opened, resolved, judge, why)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, '', '') ON CONFLICT DO NOTHING`

// insert adds a finding and reports whether it was not there yet: another
// replica may have checked at the same time.
func insert(prepared *sql.Stmt, f Finding, now time.Time) (fresh bool, err error) {
	result, err := prepared.Exec(f.Tenant, f.ID, f.Rule, f.Severity.rank(), string(Open), string(f.Application), f.KeyID, f.Place, f.Title, f.Reason, f.Cure, f.text(), now.UnixMilli())
	return changed(result, err, f.ID)
}

// reopen brings a resolved or an acknowledged finding back.
func reopen(tx *store.Tx, f Finding, now time.Time) (bool, error) {
	result, err := tx.Exec(`UPDATE policy_finding SET state = $1, opened = $2, resolved = 0, judge = '', why = '', rank = $3, title = $4, reason = $5, cure = $6, text = $7
		WHERE tenant = $8 AND id = $9 AND state <> $1`,
		string(Open), now.UnixMilli(), f.Severity.rank(), f.Title, f.Reason, f.Cure, f.text(), f.Tenant, f.ID)
	return changed(result, err, f.ID)
}

// rewrite changes what a finding says.
func rewrite(tx *store.Tx, f Finding) error {
	_, err := tx.Exec(`UPDATE policy_finding SET rank = $1, title = $2, reason = $3, cure = $4, text = $5 WHERE tenant = $6 AND id = $7`,
		f.Severity.rank(), f.Title, f.Reason, f.Cure, f.text(), f.Tenant, f.ID)
	if err != nil {
		return fmt.Errorf("cannot write finding %s: %w", f.ID, err)
	}
	return nil
}

// resolve closes a finding and returns it, if it was not closed already.
func resolve(tx *store.Tx, tenant, id string, now time.Time) (f Finding, done bool, err error) {
	f, err = scan(tx.QueryRow(`UPDATE policy_finding SET state = $1, resolved = $2 WHERE tenant = $3 AND id = $4 AND state <> $1 RETURNING `+columns,
		string(Resolved), now.UnixMilli(), tenant, id), tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("cannot resolve finding %s: %w", id, err)
	}
	return f, true, nil
}

func changed(result sql.Result, err error, id string) (bool, error) {
	if err != nil {
		return false, fmt.Errorf("cannot write finding %s: %w", id, err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

func acknowledge(tx *store.Tx, tenant, id, judge, why string) error {
	_, err := tx.Exec(`UPDATE policy_finding SET state = $1, judge = $2, why = $3 WHERE tenant = $4 AND id = $5`, string(Acknowledged), judge, why, tenant, id)
	if err != nil {
		return fmt.Errorf("cannot acknowledge finding %s: %w", id, err)
	}
	return nil
}

func byID(tx *store.Tx, tenant, id string) (Finding, error) {
	f, err := scan(tx.QueryRow(`SELECT `+columns+` FROM policy_finding WHERE tenant = $1 AND id = $2`, tenant, id), tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return f, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	if err != nil {
		return f, fmt.Errorf("cannot read finding %s: %w", id, err)
	}
	return f, nil
}

// The two lists, each led by its index. A page begins after rank, rule and id.
const (
	listAll = `SELECT ` + columns + ` FROM policy_finding WHERE tenant = $1 AND state = $2 AND (rank, rule, id) > ($3, $4, $5)
		AND ($6 = '' OR rule = $6) AND rank <= $7 ORDER BY rank, rule, id LIMIT $8`
	listApplication = `SELECT ` + columns + ` FROM policy_finding WHERE tenant = $1 AND state = $2 AND (rank, rule, id) > ($3, $4, $5)
		AND ($6 = '' OR rule = $6) AND rank <= $7 AND application = $9 ORDER BY rank, rule, id LIMIT $8`
)

func list(tx *store.Tx, tenant string, q Query) ([]Finding, error) {
	worst := int64(len(Severities))
	if q.Severity != "" {
		worst = q.Severity.rank()
	}
	args := []any{tenant, string(q.State), q.After.Severity.rank(), q.After.Rule, q.After.ID, q.Rule, worst, q.Limit}
	text := listAll
	if q.Application != "" {
		text, args = listApplication, append(args, string(q.Application))
	}
	rows, err := tx.Query(text, args...)
	if err != nil {
		return nil, fmt.Errorf("cannot list the findings: %w", err)
	}
	return collect(rows, tenant)
}

func collect(rows *sql.Rows, tenant string) ([]Finding, error) {
	defer rows.Close()
	found := []Finding{}
	for rows.Next() {
		f, err := scan(rows, tenant)
		if err != nil {
			return nil, fmt.Errorf("cannot list the findings: %w", err)
		}
		found = append(found, f)
	}
	return found, rows.Err()
}

func setChecked(tx *store.Tx, tenant string, at time.Time) error {
	_, err := tx.Exec(`INSERT INTO policy_check (tenant, checked) VALUES ($1, $2) ON CONFLICT (tenant) DO UPDATE SET checked = excluded.checked`, tenant, at.UnixMilli())
	if err != nil {
		return fmt.Errorf("cannot note the check: %w", err)
	}
	return nil
}

func checked(tx *store.Tx, tenant string) (time.Time, error) {
	var ms int64
	err := tx.QueryRow(`SELECT checked FROM policy_check WHERE tenant = $1`, tenant).Scan(&ms)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot read when the policy was checked: %w", err)
	}
	return time.UnixMilli(ms).UTC(), nil
}
