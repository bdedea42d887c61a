package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
)

// ExportCredentials writes all credentials that a filter selects, a page at a time,
// however many they are.
func (s *service) ExportCredentials(ctx context.Context, in ExportCredentialsRequestObject) (ExportCredentialsResponseObject, error) {
	actor, p := actorOf(ctx), in.Params
	if err := actor.Check(access.ReadInventory); err != nil {
		return nil, err // before the first byte, while the answer can still say so
	}
	q, err := selected(wire.ListCredentialsParams{
		Expiring: p.Expiring, Expired: p.Expired, Kind: p.Kind, Owner: p.Owner, NoOwner: p.NoOwner, App: p.App, Vault: p.Vault, Unused: p.Unused, UnusedFor: p.UnusedFor,
		Unmanaged: p.Unmanaged, Ends: p.Ends, From: p.From, Before: p.Before, State: p.State, Used: p.Used, Impact: p.Impact, Consumer: p.Consumer,
		Shared: p.Shared, Stray: p.Stray, Search: p.Search,
	})
	if err != nil {
		return nil, err
	}
	q.Limit = 1000
	first, err := s.Inventory.Credentials(ctx, actor, q)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	return sheetAnswer{format: p.Format, now: now, walk: func(each func(*inventory.Row) error) error {
		for page := first; ; {
			for i := range page.Rows {
				if err := each(&page.Rows[i]); err != nil {
					return err
				}
			}
			if page.Next == "" {
				return nil
			}
			q.After = page.Next
			if page, err = s.Inventory.Credentials(ctx, actor, q); err != nil {
				return err
			}
		}
	}}, nil
}

// sheetAnswer is an answer that is written while the inventory is read.
type sheetAnswer struct {
	format wire.ExportFormat
	now    time.Time
	walk   func(func(*inventory.Row) error) error
}

// VisitExportCredentialsResponse writes it. What goes wrong after the first byte breaks
// the connection off, so that nobody takes a part for the whole.
func (a sheetAnswer) VisitExportCredentialsResponse(w http.ResponseWriter) error {
	kind, ending, write := "text/csv; charset=utf-8", "csv", writeCSV
	switch a.format {
	case wire.ExportFormatXlsx:
		kind, ending, write = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", writeXLSX
	case wire.ExportFormatIcs:
		kind, ending, write = "text/calendar; charset=utf-8", "ics", writeICS
	}
	out := &sending{w: w, control: http.NewResponseController(w), head: func(h http.Header) {
		h.Set("Content-Type", kind)
		h.Set("Content-Disposition", `attachment; filename="rekey-credentials-`+a.now.Format(time.DateOnly)+`.`+ending+`"`)
	}}
	buffered := bufio.NewWriterSize(out, 64<<10)
	err := write(buffered, a.now, a.walk)
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil && out.begun {
		panic(http.ErrAbortHandler)
	}
	return err
}

// sending is a writer that gives a slow reader a new deadline with each write.
type sending struct {
	w       http.ResponseWriter
	control *http.ResponseController
	head    func(http.Header)
	begun   bool
}

var _ io.Writer = (*sending)(nil)

func (s *sending) Write(b []byte) (int, error) {
	if !s.begun {
		s.begun = true
		s.head(s.w.Header())
		s.w.WriteHeader(http.StatusOK)
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return s.w.Write(b)
}
