package main

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/trail"
)

var guidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// subjectOf reads what a timeline is to be of: VAULT/NAME, a key id, or an
// application. A GUID is a key id if something is known of such a credential.
func subjectOf(ctx context.Context, server *client.Client, text string, q api.ListTimelineParams) (api.ListTimelineParams, api.TimelinePage, error) {
	switch {
	case strings.Contains(text, "/"):
		q.Entry = text
	case guidForm.MatchString(text):
		q.Credential = text
	default:
		q.Application = text
	}
	page, err := server.TimelinePage(ctx, q)
	if err == nil && q.Credential != "" && len(page.Value) == 0 {
		q.Application, q.Credential = q.Credential, ""
		page, err = server.TimelinePage(ctx, q)
	}
	return q, page, err
}

func auditTimeline(s *session) *cobra.Command {
	var q api.ListTimelineParams
	limit := 50
	c := &cobra.Command{
		Use:   "timeline APPLICATION|CREDENTIAL|VAULT/NAME",
		Short: "What happened to one thing, ours and theirs, the newest first",
		Long: `Tells what happened to an application, a credential (by its key id) or a vault entry: when,
what, by whom, from where and through what. The clouds' own records and rekey's are on one
line of time; an event that two sources know of is there once and names both. Below stands
what it can touch, and how far each source was read: silence in what is not read yet says
nothing.`,
		Example: `  rekey audit timeline D365_Basware_InvoiceExport
  rekey audit timeline 1b7e0c11-3c1d-4a7e-9f52-0d6a3f2b9c10 --uses
  rekey audit timeline kv-contoso-prod/basware-invoice-export-secret -o csv > evidence.csv`,
		Args: takes("APPLICATION|CREDENTIAL|VAULT/NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			q, first, err := subjectOf(c.Context(), server, args[0], q)
			if err != nil {
				return err
			}
			found, err := take(server.Timeline(c.Context(), q), limit, s.progress(), "event")
			if err != nil {
				return err
			}
			t := &table{none: "Nothing is known to have happened to it.", columns: []column{
				{name: "time", title: "When"}, {name: "who", title: "Who", cut: true}, {name: "what", title: "What", cut: true}, {name: "outcome", title: "Outcome"},
				{name: "rotation", title: "Rotation"}, {name: "sources", title: "Known from", cut: true}, {name: "address"}, {name: "through"}, {name: "application"}, {name: "key_id"}, {name: "place"}, {name: "id"},
			}}
			for _, e := range found {
				t.add(e.Time, e.Who, e.What, e.Outcome, e.Rotation, sourceNames(e), e.Address, e.Through, e.Application, e.KeyID, e.Place, e.ID)
			}
			if err := s.show(found, t); err != nil {
				return err
			}
			s.timelineNotes(first)
			return nil
		},
	}
	f := c.Flags()
	f.BoolVar(&q.Uses, "uses", false, "sign-ins and reads too")
	f.IntVar(&limit, "limit", limit, "at most so `MANY` (0: all)")
	return c
}

func sourceNames(e api.TimelineEvent) string {
	var list []string
	for _, seen := range e.Sources {
		list = append(list, seen.Source)
	}
	return strings.Join(list, ", ")
}

// timelineNotes says beside the table what it is of, what it can touch, and how
// late each source is.
func (s *session) timelineNotes(p api.TimelinePage) {
	s.say("")
	s.say("Of: %s", p.Subject)
	if len(p.Impact.Permissions) > 0 {
		s.say("May: %s", strings.Join(p.Impact.Permissions, ", "))
	}
	if p.Impact.Problem != "" {
		s.say("May: %s", p.Impact.Problem)
	}
	if len(p.Impact.Consumers) > 0 {
		s.say("What stops with it: %s", strings.Join(p.Impact.Consumers, "; "))
	}
	for _, source := range p.Sources {
		s.say("%s: %s", source.Name, sourceWords(source))
	}
}

func sourceWords(t api.TrailSource) string {
	text := t.State
	if !t.Through.IsZero() {
		text += ", complete up to " + t.Through.Local().Format("2006-01-02 15:04")
	}
	if t.LagSeconds > 0 {
		text += ", last " + (time.Duration(t.LagSeconds) * time.Second).String() + " behind"
	}
	for _, g := range t.Gaps {
		if g.State != trail.GapClosed {
			text += ", a gap (" + g.State + ") since " + g.From.Local().Format("2006-01-02 15:04")
		}
	}
	return text
}

func auditSources(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "sources",
		Short: "How far each source of the clouds' records was read, and what is missing",
		Long: `Lists where the clouds' own records come from: up to when each is complete, how late it
last was, and its gaps. An open gap is asked for again until it can be read or the source
no longer has it; then it is named as lost.`,
		Example: `  rekey audit sources
  rekey audit sources -o json --query "[?state!='reading']"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			list, err := server.TrailSources(c.Context())
			if err != nil {
				return err
			}
			t := &table{none: "No source was read yet: rekey serve reads them every trail.every.", columns: []column{
				{name: "name", title: "Source"}, {name: "state", title: "State"}, {name: "through", title: "Complete up to"}, {name: "lag", title: "Behind"}, {name: "records", title: "Events"},
				{name: "gaps", title: "Gaps", cut: true}, {name: "problem", title: "Problem", cut: true}, {name: "looked"}, {name: "newest"},
			}}
			for _, source := range list {
				var gaps []string
				for _, g := range source.Gaps {
					gaps = append(gaps, g.State+" "+g.From.UTC().Format(time.RFC3339)+": "+g.Why)
				}
				t.add(source.Name, source.State, source.Through, (time.Duration(source.LagSeconds) * time.Second).String(), int(source.Records), strings.Join(gaps, "; "), source.Problem, source.Looked, source.Newest)
			}
			return s.show(list, t)
		},
	}
}

func auditClose(s *session) *cobra.Command {
	limit := 30
	c := &cobra.Command{
		Use:   "close",
		Short: "The daily books: what rekey meant to add, and what the directory says was added",
		Long: `Shows the last days whose books are closed. A day is closed when the directory's records
of it are complete. Every credential that the journal says was made has to be among them, and
every one that rekey's own identity made has to be in the journal; a difference is a finding
(rule books). What others added is counted beside.`,
		Example: `  rekey audit close
  rekey audit close --limit 365 -o csv > books.csv`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			list, err := server.Closings(c.Context(), limit)
			if err != nil {
				return err
			}
			t := &table{none: "No day is closed yet: the first is, when the directory's records of it are complete.", columns: []column{
				{name: "day", title: "Day"}, {name: "balanced", title: "Balanced"}, {name: "intents", title: "Meant"}, {name: "adds", title: "Seen"}, {name: "others", title: "By others"},
				{name: "unseen", title: "Not seen", cut: true}, {name: "unintended", title: "Not meant", cut: true}, {name: "closed"},
			}}
			for _, b := range list {
				var strange []string
				for _, e := range b.Unintended {
					strange = append(strange, e.KeyID+" on "+e.Application)
				}
				balanced := "yes"
				if !b.Balanced {
					balanced = "NO"
				}
				t.add(b.Day, balanced, b.Intents, b.Adds, b.Others, strings.Join(b.Unseen, "; "), strings.Join(strange, "; "), b.Closed)
			}
			return s.show(list, t)
		},
	}
	c.Flags().IntVar(&limit, "limit", limit, "at most so `MANY` days")
	return c
}

// exportSigned writes a bundle of evidence.
func (s *session) exportSigned(ctx context.Context, about string, w io.Writer) error {
	server, err := s.connect(ctx)
	if err != nil {
		return err
	}
	p := api.ExportTimelineParams{Format: api.TimelineFormatSigned}
	if about != "" {
		q, _, err := subjectOf(ctx, server, about, api.ListTimelineParams{Limit: 1})
		if err != nil {
			return err
		}
		p.Application, p.Credential, p.Entry = q.Application, q.Credential, q.Entry
	}
	return server.ExportTimeline(ctx, p, w)
}

// verifyBundle checks a bundle of evidence; not ours if the file is none.
func (s *session) verifyBundle(f *os.File, key string) (ours bool, err error) {
	r, err := trail.VerifyBundle(f, key)
	if errors.Is(err, trail.ErrNotBundle) {
		_, err := f.Seek(0, io.SeekStart)
		return false, err
	}
	if err != nil && !errors.Is(err, audit.ErrTampered) {
		return true, err
	}
	shown := s.tell(r, func(p *sheet) {
		p.fact("Evidence about", "%s", r.About)
		p.fact("Tenant", "%s", r.Tenant)
		p.fact("Made", "%s", r.Made.Format(time.RFC3339))
		p.fact("Records", "%s", thousands(int(r.Records)))
		p.fact("Log events", "%s", thousands(int(r.Log.Events)))
		p.fact("Verdict", "%s", verdict(err == nil))
		if err != nil {
			p.fact("Problem", "%s", err.Error())
		}
		p.fact("Signed by", "%s", r.Key)
		if !r.Trusted {
			p.fact("Mind", "this key is the file's own word; compare it with rekey audit checkpoint, or give --key")
		}
		for _, source := range r.Sources {
			p.fact(source.Name, "%s, complete up to %s, %d gaps", source.State, source.Through.Format(time.RFC3339), len(source.Gaps))
		}
	})
	if shown == nil && err != nil {
		return true, tampered(err.Error())
	}
	return true, shown
}
