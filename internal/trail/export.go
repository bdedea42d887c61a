package trail

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
)

// All walks a whole timeline, the newest first, page by page: no transaction is
// held open for a slow reader.
func (t *Trail) All(ctx context.Context, by access.Actor, q Query) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		q.Limit = MostEvents
		for {
			page, next, err := t.Timeline(ctx, by, q)
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			q.After = next
		}
	}
}

// columns of the table that people open in a spreadsheet.
var columns = []string{
	"time", "action", "outcome", "who", "who_id", "who_client_id", "address", "through", "application", "object_id", "client_id", "credential", "credential_kind", "credential_name",
	"vault", "entry", "version", "operation", "rotation", "sources", "source_ids", "first_known", "correlation", "detail",
}

// CSV writes a timeline as a table, RFC 4180 with a mark that spreadsheets need.
func (t *Trail) CSV(ctx context.Context, by access.Actor, q Query, to io.Writer) error {
	if err := allowed(by); err != nil {
		return err
	}
	if _, err := io.WriteString(to, "\uFEFF"); err != nil {
		return err
	}
	w := csv.NewWriter(to)
	w.UseCRLF = true
	if err := w.Write(columns); err != nil {
		return err
	}
	for e, err := range t.All(ctx, by, q) {
		if err != nil {
			return err
		}
		if err := w.Write(e.cells()); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func (e *Event) cells() []string {
	var sources, ids, detail []string
	known := time.Time{}
	for _, s := range e.Sources {
		sources, ids = append(sources, s.Source), append(ids, s.ID)
		if known.IsZero() || s.Arrived.Before(known) {
			known = s.Arrived
		}
	}
	for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
		detail = append(detail, k+"="+e.Detail[k])
	}
	rotation := ""
	if e.Ours != nil {
		rotation = e.Ours.Rotation
	}
	row := []string{
		e.Time.Format(time.RFC3339Nano), e.Action, e.Outcome, e.Actor.Name, string(e.Actor.ID), string(e.Actor.ClientID), e.Actor.Address, e.Through, e.Name, e.Object, e.ClientID,
		e.KeyID, e.Kind, e.Label, e.Vault, e.Entry, e.Version, e.Operation, rotation, strings.Join(sources, "; "), strings.Join(ids, "; "), known.Format(time.RFC3339Nano), e.Correlation,
		strings.Join(detail, "; "),
	}
	for i := range row {
		row[i] = tame(row[i])
	}
	return row
}

// tame keeps a spreadsheet from taking a foreign text for a formula.
func tame(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// JSON writes a timeline as lines of JSON.
func (t *Trail) JSON(ctx context.Context, by access.Actor, q Query, to io.Writer) error {
	if err := allowed(by); err != nil {
		return err
	}
	w := json.NewEncoder(to)
	for e, err := range t.All(ctx, by, q) {
		if err != nil {
			return err
		}
		if err := w.Encode(&e); err != nil {
			return err
		}
	}
	return nil
}
