package api

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/trail"
)

// about is what a timeline is of.
type about struct {
	title       string
	query       trail.Query
	application inventory.Application // the zero value for a vault entry
	consumers   []string
}

// timelineOf finds out what is meant. Something that is gone has a timeline too:
// a credential or an object that nobody knows any more is looked for by its id.
func (s *service) timelineOf(ctx context.Context, by access.Actor, application, credential, entry string, whole bool) (about, error) {
	set := 0
	for _, text := range []string{application, credential, entry} {
		if text != "" {
			set++
		}
	}
	if set != 1 {
		if set == 0 && whole {
			return about{title: "the log alone"}, nil
		}
		return about{}, invalid("application", "or credential or entry has to be named, and one of them only")
	}
	switch {
	case entry != "":
		p, err := parsePlace(entry)
		if err != nil {
			return about{}, err
		}
		return about{title: "vault entry " + p.String(), query: trail.Query{Entry: p}}, nil
	case credential != "":
		return s.aboutCredential(ctx, by, strings.ToLower(strings.TrimSpace(credential)))
	}
	return s.aboutApplication(ctx, by, strings.TrimSpace(application))
}

func (s *service) aboutCredential(ctx context.Context, by access.Actor, key string) (about, error) {
	a := about{title: "credential " + key, query: trail.Query{Credential: key}}
	d, err := s.Inventory.Credential(ctx, by, key)
	if errors.Is(err, inventory.ErrNotFound) {
		return a, nil
	}
	if err != nil {
		return a, unclear(err)
	}
	a.application, a.query.Credential = d.Application, d.KeyID
	a.title = "credential " + cmp.Or(d.Label, d.KeyID) + " (" + d.KeyID + ") of " + d.Application.Name
	for _, c := range d.Consumers {
		a.consumers = append(a.consumers, c.Consumer)
	}
	return a, nil
}

func (s *service) aboutApplication(ctx context.Context, by access.Actor, text string) (about, error) {
	app, rows, err := s.Inventory.Application(ctx, by, text)
	if errors.Is(err, inventory.ErrNotFound) && isGUID(text) {
		return about{title: "application " + text, query: trail.Query{Applications: []string{text}}}, nil
	}
	if errors.Is(err, inventory.ErrNotFound) {
		t, again := s.Inventory.Resolve(ctx, by, text)
		if again != nil {
			return about{}, unclear(again)
		}
		app, rows, err = s.Inventory.Application(ctx, by, string(t.Application.ObjectID))
	}
	if err != nil {
		return about{}, unclear(err)
	}
	a := about{title: app.Name, application: app, query: trail.Query{Applications: []string{string(app.ObjectID), string(app.ClientID)}}}
	// The service principal is the same application to whoever asks.
	if app.ClientID != "" {
		list, _, err := s.Inventory.Applications(ctx, by, inventory.ApplicationQuery{Name: string(app.ClientID), Limit: 10})
		if err != nil {
			return a, err
		}
		for _, other := range list {
			if !slices.Contains(a.query.Applications, string(other.ObjectID)) {
				a.query.Applications = append(a.query.Applications, string(other.ObjectID))
			}
		}
	}
	for _, r := range rows {
		for _, c := range r.Consumers {
			if !slices.Contains(a.consumers, c.Consumer) {
				a.consumers = append(a.consumers, c.Consumer)
			}
		}
	}
	return a, nil
}

func isGUID(s string) bool {
	return len(s) == 36 && strings.Count(s, "-") == 4 && !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF-", r) })
}

// followed takes over what our own log has recorded until now, so that nobody asks
// right after an act and does not see it.
func (s *service) followed(ctx context.Context, by access.Actor) error {
	if err := by.Check(access.ReadTrail); err != nil {
		return err
	}
	if s.Trail == nil {
		return &describedError{errNotPossible, "no trail is kept here", ""}
	}
	_, err := s.Trail.Follow(ctx, by.Tenant, 4)
	return err
}

// ListTimeline lists what happened to something.
func (s *service) ListTimeline(ctx context.Context, in ListTimelineRequestObject) (ListTimelineResponseObject, error) {
	by, p := actorOf(ctx), in.Params
	if err := s.followed(ctx, by); err != nil {
		return nil, err
	}
	a, err := s.timelineOf(ctx, by, p.Application, p.Credential, p.Entry, false)
	if err != nil {
		return nil, err
	}
	u := requestOf(ctx).URL
	keys, err := after(u, 1)
	if err != nil {
		return nil, err
	}
	if a.query.Limit, a.query.Quiet = limit(p.Limit), !p.Uses; keys != nil {
		a.query.After = keys[0]
	}
	list, more, err := s.Trail.Timeline(ctx, by, a.query)
	if errors.Is(err, trail.ErrCursor) {
		return nil, invalid("after", "is no page of this list; begin without it")
	}
	if err != nil {
		return nil, err
	}
	sources, err := s.Trail.Sources(ctx, by)
	if err != nil {
		return nil, err
	}
	page := ListTimeline200JSONResponse{Subject: a.title, Value: each(list, wireTimeline), Sources: each(sources, wireSource)}
	if keys == nil && a.application.ObjectID != "" {
		page.Impact = s.impact(ctx, a)
	}
	if more != "" {
		page.NextLink = next(u, more)
	}
	return page, nil
}

// patienceForImpact is how long a page waits for the directory.
const patienceForImpact = 10 * time.Second

// impact is what an application can touch. A directory that does not answer is no
// reason to show no timeline.
func (s *service) impact(ctx context.Context, a about) wire.TimelineImpact {
	out := wire.TimelineImpact{Consumers: append([]string{}, a.consumers...), Permissions: []string{}}
	if s.Permissions == nil {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, patienceForImpact)
	defer cancel()
	list, err := s.Permissions(ctx, a.application)
	if err != nil {
		out.Problem = "the permissions cannot be read: " + err.Error()
	}
	out.Permissions = append(out.Permissions, list...)
	return out
}

// ListTrailSources tells how each source stands.
func (s *service) ListTrailSources(ctx context.Context, _ ListTrailSourcesRequestObject) (ListTrailSourcesResponseObject, error) {
	by := actorOf(ctx)
	if err := s.followed(ctx, by); err != nil {
		return nil, err
	}
	list, err := s.Trail.Sources(ctx, by)
	if err != nil {
		return nil, err
	}
	return ListTrailSources200JSONResponse{Value: each(list, wireSource)}, nil
}

// ListClosings lists the daily books.
func (s *service) ListClosings(ctx context.Context, in ListClosingsRequestObject) (ListClosingsResponseObject, error) {
	by := actorOf(ctx)
	if err := s.followed(ctx, by); err != nil {
		return nil, err
	}
	list, err := s.Trail.Closings(ctx, by, limit(in.Params.Limit))
	if err != nil {
		return nil, err
	}
	return ListClosings200JSONResponse{Value: each(list, wireClosing)}, nil
}

// ExportTimeline streams a whole timeline.
func (s *service) ExportTimeline(ctx context.Context, in ExportTimelineRequestObject) (ExportTimelineResponseObject, error) {
	by, p := actorOf(ctx), in.Params
	if err := s.followed(ctx, by); err != nil {
		return nil, err
	}
	a, err := s.timelineOf(ctx, by, p.Application, p.Credential, p.Entry, p.Format == wire.TimelineFormatSigned)
	if err != nil {
		return nil, err
	}
	switch p.Format {
	case wire.TimelineFormatCsv:
		return exported{"text/csv; charset=utf-8", "rekey-timeline.csv", func(w io.Writer) error { return s.Trail.CSV(ctx, by, a.query, w) }}, nil
	case wire.TimelineFormatSigned:
		if err := by.Check(access.ReadAudit); err != nil {
			return nil, err
		}
		return exported{"application/x-ndjson", "rekey-evidence.jsonl", func(w io.Writer) error { return s.Trail.Bundle(ctx, by, a.title, a.query, w) }}, nil
	}
	return exported{"application/x-ndjson", "rekey-timeline.jsonl", func(w io.Writer) error { return s.Trail.JSON(ctx, by, a.query, w) }}, nil
}

// exported is a file that is written while it is read. What goes wrong after the
// first byte breaks the connection off, so that nobody takes half for the whole.
type exported struct {
	kind, file string
	write      func(io.Writer) error
}

// VisitExportTimelineResponse writes it.
func (e exported) VisitExportTimelineResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", e.kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+e.file+`"`)
	out := &slow{w: w, control: http.NewResponseController(w)}
	err := e.write(out)
	if err != nil && out.begun {
		panic(http.ErrAbortHandler)
	}
	return err
}

// slow is a writer that gives a slow reader a new deadline with each write.
type slow struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (p *slow) Write(b []byte) (int, error) {
	p.begun = true
	if err := p.control.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.w.Write(b)
}
