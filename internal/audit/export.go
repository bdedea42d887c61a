package audit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Scope is which events an export holds. Zero fields mean all.
type Scope struct {
	Tenant  string `json:"tenant,omitempty"`
	Subject string `json:"subject,omitempty"`
}

func (s Scope) holds(e Event) bool {
	return (s.Tenant == "" || e.Tenant == s.Tenant) && (s.Subject == "" || e.Subject == s.Subject)
}

// Format names the layout of an export.
const Format = "rekey-audit-export/1"

// An export is lines of JSON: a header, the events, a trailer.
type (
	header struct {
		Format     string `json:"format"`
		Log        string `json:"log"`
		Key        string `json:"key"` // verifies the checkpoint; compare it with the one you trust
		Checkpoint string `json:"checkpoint"`
		Scope      Scope  `json:"scope,omitzero"`
		Complete   bool   `json:"complete"` // it is the whole log, from the first event to the checkpoint
	}
	exported struct {
		Seq   int64            `json:"seq"`
		Body  string           `json:"body"`  // the exact bytes that were hashed: JSON in a JSON string
		Proof tlog.RecordProof `json:"proof"` // that they are event seq of the checkpoint's tree
	}
	trailer struct {
		Events int64  `json:"events"`
		Signed string `json:"signed"` // a note over the number of events and the hash of all lines before
	}
)

// exportName opens the signed text of a trailer, so that it can never be taken
// for a checkpoint.
const exportName = Name + "/export"

func trailerText(events int64, digest []byte) string {
	return fmt.Sprintf("%s\n%d\n%x\n", exportName, events, digest)
}

// Export writes the events of the actor's tenant, of one subject if the scope
// names one, with the proofs that VerifyExport checks without the database. It
// streams: memory does not grow with the log, and no transaction is held open
// for a slow reader.
func (l *Log) Export(ctx context.Context, db *store.DB, actor access.Actor, s Scope, to io.Writer) (events int64, err error) {
	if err := actor.Check(access.ReadAudit); err != nil {
		return 0, err
	}
	if s.Tenant != "" && s.Tenant != actor.Tenant {
		return 0, &access.DeniedError{Actor: actor, Action: access.ReadAudit, Why: "it is another tenant's log"}
	}
	s.Tenant = actor.Tenant
	return l.export(ctx, db, s, to)
}

// ExportAll writes every tenant's events, for whoever has the machine.
func (l *Log) ExportAll(ctx context.Context, db *store.DB, to io.Writer) (events int64, err error) {
	return l.export(ctx, db, Scope{}, to)
}

func (l *Log) export(ctx context.Context, db *store.DB, s Scope, to io.Writer) (int64, error) {
	x := newExporter(l, db, s, to)
	if err := x.head(ctx); err != nil {
		return 0, fmt.Errorf("cannot export the audit log: %w", err)
	}
	for more, next := true, int64(0); more; {
		var err error
		if next, more, err = x.page(ctx, next); err != nil {
			return x.events, fmt.Errorf("cannot export the audit log: %w", err)
		}
	}
	if err := x.end(to); err != nil {
		return x.events, fmt.Errorf("cannot export the audit log: %w", err)
	}
	return x.events, nil
}

type exporter struct {
	log    *Log
	db     *store.DB
	scope  Scope
	last   Checkpoint
	events int64
	digest hash.Hash
	to     *bufio.Writer
}

func newExporter(l *Log, db *store.DB, s Scope, to io.Writer) *exporter {
	x := &exporter{log: l, db: db, scope: s, digest: sha256.New()}
	x.to = bufio.NewWriterSize(io.MultiWriter(to, x.digest), 64<<10)
	return x
}

func (x *exporter) head(ctx context.Context) error {
	h := header{Format: Format, Log: Name, Key: x.log.key, Scope: x.scope}
	err := x.db.View(ctx, func(tx *store.Tx) (err error) {
		if x.last, err = x.log.latest(tx); err != nil {
			return err
		}
		h.Complete, err = complete(tx, x.scope)
		return err
	})
	if err != nil {
		return err
	}
	if x.last.Size == 0 {
		return errors.New("it has no events yet")
	}
	h.Checkpoint = x.last.Text
	return x.line(h)
}

// complete reports whether the scope leaves nothing out.
func complete(tx *store.Tx, s Scope) (bool, error) {
	if s.Subject != "" {
		return false, nil
	}
	if s.Tenant == "" {
		return true, nil
	}
	var others bool
	err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM audit_event WHERE tenant < $1) OR EXISTS (SELECT 1 FROM audit_event WHERE tenant > $1)`, s.Tenant).Scan(&others)
	return !others, err
}

// pageSize is a power of two, so that most hashes a page's proofs need stand in
// the page itself.
const pageSize = 1024

// page writes the next events from a sequence number on.
func (x *exporter) page(ctx context.Context, from int64) (next int64, more bool, err error) {
	err = x.db.View(ctx, func(tx *store.Tx) error {
		known := &hashes{tx: tx, have: map[int64]tlog.Hash{}}
		list, err := selectPage(tx, x.scope, from, x.last.Size, known)
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.Proof, err = tlog.ProveRecord(x.last.Size, e.Seq, known); err != nil {
				return err
			}
			if err := tlog.CheckRecord(e.Proof, x.last.Size, x.last.Root, e.Seq, leaf([]byte(e.Body))); err != nil {
				return fmt.Errorf("%w: event %d: %w", ErrTampered, e.Seq, err)
			}
			if err := x.line(e); err != nil {
				return err
			}
			x.events++
			next = e.Seq + 1
		}
		more = len(list) == pageSize
		return nil
	})
	return next, more, err
}

var pages = struct{ all, tenant, subject string }{
	all:     `SELECT seq, body, hashes FROM audit_event WHERE seq >= $1 ORDER BY seq LIMIT $2`,
	tenant:  `SELECT seq, body, hashes FROM audit_event WHERE seq >= $1 AND tenant = $3 ORDER BY seq LIMIT $2`,
	subject: `SELECT seq, body, hashes FROM audit_event WHERE seq >= $1 AND tenant = $3 AND subject = $4 ORDER BY seq LIMIT $2`,
}

func selectPage(tx *store.Tx, s Scope, from, end int64, known *hashes) ([]exported, error) {
	text, args := pages.all, []any{from, pageSize}
	switch {
	case s.Subject != "":
		text, args = pages.subject, append(args, s.Tenant, s.Subject)
	case s.Tenant != "":
		text, args = pages.tenant, append(args, s.Tenant)
	}
	rows, err := tx.Query(text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := make([]exported, 0, pageSize)
	for rows.Next() {
		var e exported
		var stored []byte
		if err := rows.Scan(&e.Seq, &e.Body, &stored); err != nil {
			return nil, err
		}
		if e.Seq >= end { // recorded since the export began
			break
		}
		known.keep(e.Seq, stored)
		list = append(list, e)
	}
	return list, rows.Err()
}

func (x *exporter) line(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := x.to.Write(append(raw, '\n')); err != nil {
		return err
	}
	return nil
}

// end writes the trailer, which is not part of what it is a hash of.
func (x *exporter) end(to io.Writer) error {
	if err := x.to.Flush(); err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: trailerText(x.events, x.digest.Sum(nil))}, x.log.signer)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(trailer{Events: x.events, Signed: string(signed)})
	if err != nil {
		return err
	}
	_, err = to.Write(append(raw, '\n'))
	return err
}
