package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Query selects events. Zero fields select all.
type Query struct {
	Subject string
	Action  string // exact, or a prefix ending in "."
	Actor   string
	Since   time.Time
	Before  int64 // only events with a smaller sequence number; 0 means from the newest
	Limit   int   // 0 means 100; at most 1000
}

// Entry is an event with its place in the log.
type Entry struct {
	Seq  int64  `json:"seq"`
	Body string `json:"-"` // the exact bytes that were hashed
	Event
}

// MaxList is the most that one List returns.
const MaxList = 1000

// List returns the events of the actor's tenant that q selects, the newest
// first. The next page is the same query with Before set to the last Seq.
func List(ctx context.Context, db *store.DB, actor access.Actor, q Query) ([]Entry, error) {
	if err := actor.Check(access.ReadAudit); err != nil {
		return nil, err
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	if q.Before <= 0 {
		q.Before = math.MaxInt64
	}
	var list []Entry
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		list, err = selectEntries(tx, actor.Tenant, q)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the audit log: %w", err)
	}
	return list, nil
}

// listBy is the same selection in four texts, each led by the index that its
// name has; the other filters look at what the index finds.
var listBy = struct{ subject, action, actor, time string }{
	subject: `SELECT seq, body FROM audit_event WHERE tenant = $1 AND seq < $2 AND subject = $3` + listRest,
	action:  `SELECT seq, body FROM audit_event WHERE tenant = $1 AND seq < $2 AND ($3 = '' OR subject = $3) AND action = $4` + listRest,
	actor:   `SELECT seq, body FROM audit_event WHERE tenant = $1 AND seq < $2 AND ($3 = '' OR subject = $3) AND actor = $6` + listRest,
	time:    `SELECT seq, body FROM audit_event WHERE tenant = $1 AND seq < $2 AND ($3 = '' OR subject = $3)` + listRest,
}

// The first event since a time bounds the sequence numbers, so that the walk back
// from the newest ends there. The sum keeps both planners from looking for that
// event from the log's beginning.
const listRest = `
	AND ($4 = '' OR action = $4 OR ($5 > 0 AND substr(action, 1, $5) = $4))
	AND ($6 = '' OR actor = $6)
	AND (CAST($7 AS BIGINT) = 0 OR time >= $7)
	AND (CAST($7 AS BIGINT) = 0 OR seq >= (SELECT COALESCE(MIN(seq + 0), 0) FROM audit_event WHERE tenant = $1 AND time >= $7))
	ORDER BY seq DESC LIMIT $8`

func selectEntries(tx *store.Tx, tenant string, q Query) ([]Entry, error) {
	since, prefix := int64(0), 0
	if !q.Since.IsZero() {
		since = q.Since.UnixMilli()
	}
	if strings.HasSuffix(q.Action, ".") {
		prefix = len(q.Action)
	}
	text := listBy.time
	switch {
	case q.Subject != "":
		text = listBy.subject
	case q.Action != "" && prefix == 0:
		text = listBy.action
	case q.Actor != "":
		text = listBy.actor
	}
	rows, err := tx.Query(text, tenant, q.Before, q.Subject, q.Action, prefix, q.Actor, since, min(q.Limit, MaxList))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []Entry{}
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.Seq, &e.Body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(e.Body), &e.Event); err != nil {
			return nil, fmt.Errorf("%w: event %d cannot be read: %w", ErrTampered, e.Seq, err)
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// Newest is the number of a tenant's newest event, 0 if there is none. It grows with
// every change that is recorded: what was computed before it may have changed.
func Newest(ctx context.Context, db *store.DB, tenant string) (seq int64, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT COALESCE(MAX(seq), 0) FROM audit_event WHERE tenant = $1`, tenant).Scan(&seq)
	})
	if err != nil {
		return 0, fmt.Errorf("cannot read the end of the audit log: %w", err)
	}
	return seq, nil
}
