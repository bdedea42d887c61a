package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/daemon"
)

func incidentCommand(s *session) *cobra.Command {
	return family("incident", "Renew or revoke many credentials at once",
		`An incident is many credentials that leaked, or may have. Everything that is named is an
item and stays one, whatever becomes of it. One approval covers the whole list; at the
end a report says of each what became of it, and how that is known.`,
		incidentOpen(s), incidentList(s), incidentShow(s), incidentWatch(s), incidentApprove(s), incidentReport(s), incidentClose(s))
}

func incidentOpen(s *session) *cobra.Command {
	var q api.IncidentRequest
	var apps, plan, kind, others string
	c := &cobra.Command{
		Use:   "open --reason TEXT --apps FILE|--name NAME-PART",
		Short: "Open an incident for many applications",
		Long: `Opens an incident for all applications in a file, for all with a part of a name, or both.
The file has one application on each line (name, client id, object id or key id) or is a
CSV with a header; - is stdin. At most 10,000 lines and 1 MB. What is not found is an item
as well, and says so.

--plan emergency (the default) makes new values, and the old ones go as soon as every
consumer has moved. --plan revoke ends the credentials now: whoever uses them stops.

--others says what becomes of everybody else who can act as these applications:
  keep           they stay, and are listed
  remove         other credentials and federated ones go, owners stay
  remove-owners  owners go as well
An emergency has to say it. Of several credentials of one application one is renewed; the
others go or stay as --others says. A planned rotation that is in the way is cancelled, if
consumers have not seen its value yet; otherwise the item says what blocks it.

Another administrator approves the list as a whole: rekey incident approve. With
--break-glass one administrator decides alone, and that is written down.`,
		Example: `  rekey incident open --apps leaked.txt --reason "build server was taken over" --others remove --dry-run
  rekey incident open --name Basware --plan revoke --reason "partner was breached" --break-glass "night, nobody else can be reached"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case apps == "" && q.Name == "":
				return usage("say which applications: --apps FILE or --name NAME-PART")
			case q.Reason == "":
				return usage("say what happened: --reason TEXT")
			case plan != "emergency" && plan != "revoke":
				return usage("--plan %s is not for incidents", plan).next("choose one of emergency, revoke")
			case !slices.Contains([]string{"all", "secret", "certificate", "key"}, kind):
				return usage("--kind %s is not a kind", kind).next("choose one of all, secret, certificate, key")
			case others == "" && plan == "emergency":
				return usage("say what becomes of everybody else who can act as these applications: --others keep, remove or remove-owners").next("whoever stole one credential may have added another; --dry-run lists them")
			case others != "" && !slices.Contains([]string{"keep", "remove", "remove-owners"}, others):
				return usage("--others %s is not known", others).next("choose one of keep, remove, remove-owners")
			}
			if apps != "" {
				names, err := readNames(s, apps)
				if err != nil {
					return err
				}
				q.Applications = names
			}
			q.Plan, q.Kind, q.Others = api.IncidentPlan(plan), api.IncidentKind(kind), api.IncidentOthers(others)
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if q.DryRun {
				i, err := server.PlanIncident(c.Context(), q)
				if err != nil {
					return err
				}
				return s.tell(i, func(p *sheet) { tellIncident(p, i); p.heading("Nothing was recorded or changed.") })
			}
			i, err := server.OpenIncident(c.Context(), q, "")
			if err != nil {
				return err
			}
			if i.State == api.IncidentStateWaiting {
				s.say("%s waits for an administrator other than %s: rekey incident approve %s", i.ID, i.By.Name, i.ID)
			}
			return s.tell(i, func(p *sheet) { tellIncident(p, i) })
		},
	}
	f := c.Flags()
	f.StringVar(&apps, "apps", "", "`FILE` that lists the applications; - is stdin")
	f.StringVar(&q.Name, "name", "", "all applications with this in their name: `NAME-PART`")
	f.StringVar(&plan, "plan", "emergency", "`PLAN`: emergency, revoke")
	f.StringVar(&kind, "kind", "all", "only credentials of this `KIND`: all, secret, certificate, key")
	f.StringVar(&others, "others", "", "everybody else who can act as them: keep, remove, remove-owners")
	f.StringVar(&q.Reason, "reason", "", "what happened, for the approver and the audit log: `TEXT`")
	f.StringVar(&q.BreakGlass, "break-glass", "", "one administrator decides alone, and this is why: `TEXT`")
	f.BoolVar(&q.DryRun, "dry-run", false, "show what it would do; record and change nothing")
	return c
}

func incidentList(s *session) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List incidents, the newest first", Long: "Lists incidents, the newest first, with how many of their items have ended.",
		Example: "  rekey incident list", Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := take(server.Incidents(c.Context(), api.ListIncidentsParams{}), limit, s.progress(), "incident")
			if err != nil {
				return err
			}
			t := incidentTable(found)
			t.none = "There is no incident."
			return s.show(found, t)
		},
	}
	c.Flags().IntVar(&limit, "limit", 0, "at most so `MANY` (0: all)")
	return c
}

func incidentTable(found []api.Incident) *table {
	t := &table{columns: []column{
		{name: "id", title: "ID"}, {name: "state", title: "State"}, {name: "plan", title: "Plan"}, {name: "items", title: "Items"}, {name: "done", title: "Done"},
		{name: "could_not", title: "Could not"}, {name: "opened", title: "Opened"}, {name: "by", title: "By", cut: true}, {name: "reason", title: "Reason", cut: true}, {name: "hash"},
	}}
	for _, i := range found {
		t.add(i.ID, string(i.State), string(i.Plan), i.Counts.Items, i.Counts.Done, i.Counts.Failed, i.Opened, i.By.Name, i.Reason, i.Hash)
	}
	return t
}

func incidentShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Where an incident and each of its items stand", Long: "Shows an incident with every item: done, going on, waiting for whom, or why it could not\nbe dealt with and what to do.",
		Example: "  rekey incident show i-4k2v7q3m5x6a", Args: takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			i, err := server.Incident(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.tell(i, func(p *sheet) { tellIncident(p, i) })
		},
	}
}

func tellIncident(p *sheet, i api.Incident) {
	p.fact("Incident", "%s", i.ID)
	p.fact("State", "%s", i.State)
	p.fact("Plan", "%s", planWords[string(i.Plan)])
	p.fact("Others", "%s", i.Others)
	p.fact("Reason", "%s", i.Reason)
	p.fact("Opened by", "%s", i.By.Name)
	p.moment("Opened", i.Opened)
	p.fact("Decided alone", "%s", i.BreakGlass)
	if i.Consent != nil {
		p.fact("Approved by", "%s", i.Consent.By.Name)
		p.moment("Approved", i.Consent.At)
	}
	p.moment("Closed", i.Closed)
	p.fact("Remark", "%s", i.Remark)
	p.fact("Hash", "%s", i.Hash)
	p.fact("Progress", "%s", progressOf(i))
	t := &table{columns: []column{{title: "Named", cut: true}, {title: "Application", cut: true}, {title: "Key"}, {title: "State"}, {title: "What", cut: true}, {title: "What to do", cut: true}}}
	removed, kept := 0, 0
	for _, n := range i.Items {
		t.add(n.Named, n.Application, n.KeyID, itemWords[n.State], n.What, n.Cure)
		removed, kept = removed+len(n.Removed), kept+len(n.Kept)
	}
	p.table("Items", t)
	others := &table{columns: []column{{title: "Application", cut: true}, {title: "Stays?"}, {title: "Who can act as it", cut: true}}}
	for _, n := range i.Items {
		for _, o := range n.Removed {
			others.add(n.Application, "REMOVE", o)
		}
		for _, o := range n.Kept {
			others.add(n.Application, "KEEP", o)
		}
	}
	p.table(fmt.Sprintf("Everybody else: %d removed, %d kept", removed, kept), others)
}

var itemWords = map[api.ItemState]string{
	api.ItemStateWaiting: "waits", api.ItemStateGoing: "going on", api.ItemStateDone: "done", api.ItemStateKept: "kept", api.ItemStateFailed: "could not",
}

func progressOf(i api.Incident) string {
	n := i.Counts
	text := fmt.Sprintf("%d of %d ended: %d done, %d kept, %d could not; %d going on, %d waiting", n.Done+n.Kept+n.Failed, n.Items, n.Done, n.Kept, n.Failed, n.Going, n.Waiting)
	if i.Plan == api.IncidentPlanEmergency {
		text += fmt.Sprintf("; %d new values live", n.Live)
	}
	return text + fmt.Sprintf("; %d old ones withdrawn", n.Withdrawn)
}

func incidentApprove(s *session) *cobra.Command {
	var hash string
	c := &cobra.Command{
		Use: "approve ID", Short: "Approve an incident that somebody else opened",
		Long: `Approves exactly the list that the incident has, all its rotations at once. Who opened it
does not approve it. With --hash the approval only holds for the list with that hash, as
rekey incident show printed it.`,
		Example: "  rekey incident approve i-4k2v7q3m5x6a", Args: takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if hash == "" {
				i, err := server.Incident(c.Context(), args[0])
				if err != nil {
					return err
				}
				hash = i.Hash
			}
			i, err := server.ApproveIncident(c.Context(), args[0], hash)
			if err != nil {
				return err
			}
			s.say("%s is approved. rekey serve carries it on; rekey incident watch %s follows it.", i.ID, i.ID)
			return s.show(i, incidentTable([]api.Incident{i}))
		},
	}
	c.Flags().StringVar(&hash, "hash", "", "approve only the list with this `HASH`")
	return c
}

func incidentWatch(s *session) *cobra.Command {
	var timeout string
	c := &cobra.Command{
		Use: "watch ID", Short: "Follow an incident until every item has ended",
		Long: `Shows how an incident gets on until every item has ended. Exit code 0 if all are done or
kept, 6 if some could not be dealt with, 5 if --timeout passed. Stopping the command does
not stop the incident.`,
		Example: "  rekey incident watch i-4k2v7q3m5x6a --timeout 30m", Args: takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := lengths(map[string]string{"--timeout": timeout}); err != nil {
				return err
			}
			s.carries = true
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			i, err := s.attend(c.Context(), server, args[0], timeout)
			if err != nil {
				return err
			}
			if err := s.show(i, incidentTable([]api.Incident{i})); err != nil {
				return err
			}
			switch n := i.Counts; {
			case n.Waiting+n.Going > 0:
				return failure(exitConflict, "%s has not ended yet: %s", i.ID, progressOf(i)).next("rekey incident show " + i.ID + " says who is needed")
			case n.Failed > 0:
				return failure(exitPartial, "%d of %d items could not be dealt with", n.Failed, n.Items).next("rekey incident show " + i.ID + " says why and what to do")
			}
			return nil
		},
	}
	c.Flags().StringVar(&timeout, "timeout", "", "stay at most so long: `TIME`, 30m, 2d")
	return c
}

const betweenLooks = 500 * time.Millisecond // how often a watched incident is read

// attend reads an incident until all its items have ended or the time is over.
func (s *session) attend(ctx context.Context, server *client.Client, id, timeout string) (api.Incident, error) {
	limited := ctx
	if timeout != "" {
		d, err := daemon.ParseDuration(timeout)
		if err != nil {
			return api.Incident{}, usage("--timeout: %v", err)
		}
		with, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		limited = with
	}
	p := s.progress()
	defer p.done()
	for {
		i, err := server.Incident(ctx, id)
		if err != nil || i.State != api.IncidentStateOpening && i.Counts.Waiting+i.Counts.Going == 0 {
			return i, err
		}
		p.at("%s", progressOf(i))
		select {
		case <-time.After(betweenLooks):
		case <-limited.Done():
			return i, ctx.Err()
		}
	}
}

func incidentReport(s *session) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "report ID", Short: "What became of everything that was named, and how that is known",
		Long: `Writes the completeness report: every application that was named, every credential of it,
what became of it, with which code the old value is refused and since when, who else was
kept or removed, and until when tokens live on that were given out before.`,
		Example: `  rekey incident report i-4k2v7q3m5x6a --format markdown > report.md
  rekey incident report i-4k2v7q3m5x6a --format csv > report.csv`, Args: takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains([]string{"json", "csv", "markdown"}, format) {
				return usage("--format %s is not a format", format).next("choose one of json, csv, markdown")
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := server.IncidentReport(c.Context(), args[0], api.ReportFormat(format), &b); err != nil {
				return err
			}
			_, err = s.out.Write(escapeHostileLines(b.Bytes()))
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "markdown", "`FORMAT`: json, csv, markdown")
	return c
}

// escapeHostileLines keeps what a terminal would act upon from it.
func escapeHostileLines(b []byte) []byte {
	lines := strings.SplitAfter(string(b), "\n")
	for n, line := range lines {
		end := ""
		for _, e := range []string{"\r\n", "\n"} {
			if before, ok0 := strings.CutSuffix(line, e); ok0 {
				line, end = before, e
				break
			}
		}
		mark := ""
		if n == 0 {
			line, mark = strings.TrimPrefix(line, "\ufeff"), line[:len(line)-len(strings.TrimPrefix(line, "\ufeff"))]
		}
		lines[n] = mark + visible(line) + end
	}
	return []byte(strings.Join(lines, ""))
}

func incidentClose(s *session) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "close ID", Short: "Close an incident of which every item has ended",
		Long:    "Closes an incident. Every item has to have ended; --reason is needed if some could not be\ndealt with, and says what becomes of them.",
		Example: `  rekey incident close i-4k2v7q3m5x6a --reason "the two that are left were deleted by hand"`, Args: takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			i, err := server.CloseIncident(c.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return s.show(i, incidentTable([]api.Incident{i}))
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "what becomes of the items that could not be dealt with: `TEXT`")
	return c
}
