package delivery

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables. Times are milliseconds, 0 for never. A
// link's hash alone finds it: whoever comes with a token belongs to no tenant yet.
var Schema = store.Schema{Version: 120, SQL: `
CREATE TABLE delivery_task (
	tenant    TEXT NOT NULL,
	id        TEXT NOT NULL,
	rotation  TEXT NOT NULL,
	request   TEXT NOT NULL,
	consumer  TEXT NOT NULL,
	reference TEXT NOT NULL,
	title     TEXT NOT NULL,
	place     TEXT NOT NULL,
	key_id    TEXT NOT NULL,
	person    TEXT NOT NULL,
	backup    TEXT NOT NULL,
	state     TEXT NOT NULL,
	opened    BIGINT NOT NULL,
	deadline  BIGINT NOT NULL,
	due       BIGINT NOT NULL,
	reminded  BIGINT NOT NULL,
	viewed    BIGINT NOT NULL,
	escalated BIGINT NOT NULL,
	ended     BIGINT NOT NULL,
	ended_by  TEXT NOT NULL,
	note      TEXT NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX delivery_task_request ON delivery_task (tenant, request);
CREATE INDEX delivery_task_opened ON delivery_task (tenant, opened, id);
CREATE INDEX delivery_task_due ON delivery_task (tenant, due) WHERE due <> 0;
CREATE TABLE delivery_link (
	hash    TEXT PRIMARY KEY,
	tenant  TEXT NOT NULL,
	task    TEXT NOT NULL,
	kind    TEXT NOT NULL,
	expires BIGINT NOT NULL,
	used    BIGINT NOT NULL
);
CREATE INDEX delivery_link_task ON delivery_link (tenant, task);
`}

const columns = `id, tenant, rotation, request, consumer, reference, title, place, key_id, person, backup, state, opened, deadline, due, reminded, viewed, escalated, ended, ended_by, note`

func insertTask(tx *store.Tx, t *Task) error {
	_, err := tx.Exec(`INSERT INTO delivery_task (`+columns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		t.ID, t.Tenant, t.Rotation, t.Request, t.Consumer, t.Reference, t.Title, t.Place, t.KeyID, t.Person, t.Backup, string(t.State),
		millis(t.Opened), millis(t.Deadline), millis(t.Due), int64(t.Reminded), millis(t.Viewed), millis(t.Escalated), millis(t.Ended), t.By, t.Note)
	if err != nil {
		return fmt.Errorf("cannot write task %s: %w", t.ID, err)
	}
	return nil
}

// updateTask writes what changes of a task, unless it has ended meanwhile.
func updateTask(tx *store.Tx, t *Task) error {
	r, err := tx.Exec(`UPDATE delivery_task SET state = $3, due = $4, reminded = $5, viewed = $6, escalated = $7, ended = $8, ended_by = $9, note = $10
		WHERE tenant = $1 AND id = $2 AND ended = 0`,
		t.Tenant, t.ID, string(t.State), millis(t.Due), int64(t.Reminded), millis(t.Viewed), millis(t.Escalated), millis(t.Ended), t.By, t.Note)
	if err != nil {
		return fmt.Errorf("cannot write task %s: %w", t.ID, err)
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, ErrEnded)
	}
	return nil
}

func taskByID(tx *store.Tx, tenant, id string) (Task, error) {
	return oneTask(tx.QueryRow(`SELECT `+columns+` FROM delivery_task WHERE tenant = $1 AND id = $2`, tenant, id))
}

func taskByRequest(tx *store.Tx, tenant, request string) (Task, error) {
	return oneTask(tx.QueryRow(`SELECT `+columns+` FROM delivery_task WHERE tenant = $1 AND request = $2`, tenant, request))
}

func oneTask(row *sql.Row) (Task, error) {
	t, err := scanTask(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return t, ErrNotFound
	}
	if err != nil {
		return t, fmt.Errorf("cannot read a task: %w", err)
	}
	return t, nil
}

func selectTasks(tx *store.Tx, tenant string, f Filter, limit int) ([]Task, error) {
	rows, err := tx.Query(`SELECT `+columns+` FROM delivery_task
		WHERE tenant = $1 AND (opened < $2 OR opened = $2 AND id < $3) AND ($4 = '' OR state = $4 OR $4 = 'pending' AND ended = 0) AND ($5 = '' OR rotation = $5)
		ORDER BY opened DESC, id DESC LIMIT $6`, tenant, millis(f.Before.Opened), f.Before.ID, string(f.State), f.Rotation, limit)
	if err != nil {
		return nil, fmt.Errorf("cannot list tasks: %w", err)
	}
	defer rows.Close()
	list := []Task{}
	for rows.Next() {
		t, err := scanTask(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("cannot list tasks: %w", err)
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

func dueTasks(tx *store.Tx, tenant string, at time.Time, limit int) (ids []string, err error) {
	rows, err := tx.Query(`SELECT id FROM delivery_task WHERE tenant = $1 AND due <> 0 AND due <= $2 ORDER BY due, id LIMIT $3`, tenant, millis(at), limit)
	if err != nil {
		return nil, fmt.Errorf("cannot list the tasks that are due: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("cannot list the tasks that are due: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func scanTask(scan func(...any) error) (t Task, err error) {
	var opened, deadline, due, viewed, escalated, ended int64
	err = scan(&t.ID, &t.Tenant, &t.Rotation, &t.Request, &t.Consumer, &t.Reference, &t.Title, &t.Place, &t.KeyID, &t.Person, &t.Backup, &t.State,
		&opened, &deadline, &due, &t.Reminded, &viewed, &escalated, &ended, &t.By, &t.Note)
	t.Opened, t.Deadline, t.Due, t.Viewed, t.Escalated, t.Ended = moment(opened), moment(deadline), moment(due), moment(viewed), moment(escalated), moment(ended)
	return t, err
}

func insertLink(tx *store.Tx, l link) error {
	if _, err := tx.Exec(`INSERT INTO delivery_link (hash, tenant, task, kind, expires, used) VALUES ($1, $2, $3, $4, $5, 0)`, l.hash, l.tenant, l.task, l.kind, millis(l.expires)); err != nil {
		return fmt.Errorf("cannot make a link for task %s: %w", l.task, err)
	}
	return nil
}

func linkByHash(tx *store.Tx, hash string) (l link, err error) {
	var expires, used int64
	err = tx.QueryRow(`SELECT hash, tenant, task, kind, expires, used FROM delivery_link WHERE hash = $1`, hash).Scan(&l.hash, &l.tenant, &l.task, &l.kind, &expires, &used)
	if errors.Is(err, sql.ErrNoRows) || err == nil && l.hash != hash { // an index that compares loosely, by a collation for instance
		return link{}, ErrLink
	}
	if err != nil {
		return link{}, fmt.Errorf("cannot look a link up: %w", err)
	}
	l.expires, l.used = moment(expires), moment(used)
	return l, nil
}

// useLink uses a link up, and reports whether this was the first time.
func useLink(tx *store.Tx, hash string, at time.Time) (bool, error) {
	r, err := tx.Exec(`UPDATE delivery_link SET used = $2 WHERE hash = $1 AND used = 0`, hash, millis(at))
	if err != nil {
		return false, fmt.Errorf("cannot use a link: %w", err)
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

func unuseLink(tx *store.Tx, hash string) error {
	if _, err := tx.Exec(`UPDATE delivery_link SET used = 0 WHERE hash = $1`, hash); err != nil {
		return fmt.Errorf("cannot give a link back: %w", err)
	}
	return nil
}

func deleteLink(tx *store.Tx, hash string) error {
	if _, err := tx.Exec(`DELETE FROM delivery_link WHERE hash = $1`, hash); err != nil {
		return fmt.Errorf("cannot end a link: %w", err)
	}
	return nil
}

func deleteLinks(tx *store.Tx, tenant, task string) error {
	if _, err := tx.Exec(`DELETE FROM delivery_link WHERE tenant = $1 AND task = $2`, tenant, task); err != nil {
		return fmt.Errorf("cannot end the links of task %s: %w", task, err)
	}
	return nil
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
