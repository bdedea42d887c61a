package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/daemon"
)

func scheduleCommand(s *session) *cobra.Command {
	return family("schedule", "What is due when, windows, freezes, postponing",
		`When rotations are due, and when changes are made at all. Windows, freezes and due dates
are set under schedule in the configuration.`,
		scheduleShow(s), schedulePostpone(s), scheduleResume(s))
}

// outlook is what schedule show prints as a document.
type outlook struct {
	api.Schedule
	Due []api.DueItem `json:"due"`
}

const farthest = 730

func scheduleShow(s *session) *cobra.Command {
	var days, limit int
	var now bool
	c := &cobra.Command{
		Use:   "show",
		Short: "What is due on which day, with windows and freezes",
		Long: `Shows how many rotations should begin on each of the next days, the maintenance windows,
the change freezes, and each credential that is due with the reason why it is or is not
proposed. csv and tsv list the credentials.`,
		Example: `  rekey schedule show
  rekey schedule show --days 365 -o csv > due.csv
  rekey schedule show --now -o json --query "due[?state == 'noPlace'].credential.keyId"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if days < 1 || days > farthest {
				return usage("--days %d is not between 1 and %d", days, farthest)
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			picture, err := server.Schedule(c.Context(), days)
			if err != nil {
				return err
			}
			due, err := take(server.Due(c.Context(), api.ListDueParams{Days: days, Now: now}), limit, s.progress(), "credential")
			if err != nil {
				return err
			}
			if !s.tabular() {
				return s.show(outlook{picture, due}, dueTable(due))
			}
			return s.tell(due, func(p *sheet) { tellSchedule(p, picture, due) })
		},
	}
	f := c.Flags()
	f.IntVar(&days, "days", 90, "look so `MANY` days ahead")
	f.BoolVar(&now, "now", false, "list only what is due already")
	f.IntVar(&limit, "limit", 0, "list at most so `MANY` credentials (0: all)")
	return c
}

func tellSchedule(p *sheet, picture api.Schedule, due []api.DueItem) {
	total := 0
	for _, d := range picture.Days {
		total += d.Due
	}
	p.line("%s", p.s.bold(plural(total, "rotation")+" due in the next "+plural(len(picture.Days), "day")))
	if picture.Proposing {
		p.line("They are proposed by themselves, up to %s open at a time.", plural(picture.AtOnce, "rotation"))
	}
	if !picture.Open {
		p.line("No changes are made now; next %s.", when(picture.Next, p.now))
	}
	tellDays(p, picture.Days)
	windows := &table{columns: []column{{title: "Window", cut: true}, {title: "Days"}, {title: "From"}, {title: "To"}, {title: "Zone"}, {title: "For", cut: true}}}
	for _, w := range picture.Windows {
		windows.add(w.Name, strings.Join(w.Days, ", "), w.From, w.To, w.Zone, forWhom(w.Applications))
	}
	p.table("Changes are made in", windows)
	freezes := &table{columns: []column{{title: "Freeze", cut: true}, {title: "From"}, {title: "Until"}, {title: "For", cut: true}}}
	for _, f := range picture.Freezes {
		const layout = "2006-01-02 15:04 UTC"
		freezes.add(f.Name, f.From.UTC().Format(layout), f.To.UTC().Format(layout), forWhom(f.Applications))
	}
	p.table("Change freezes", freezes)
	p.table("Due", dueTable(due))
	for _, d := range due {
		if d.Warning != "" {
			p.line("%s: %s", visible(d.Credential.Application.Name), visible(d.Warning))
		}
	}
}

func forWhom(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ", ")
}

// widestBar is how long the bar of the busiest day is.
const widestBar = 40

// tellDays draws a bar for each day on which something is due or a freeze begins
// or ends.
func tellDays(p *sheet, days []api.ScheduleDay) {
	most := 1
	for _, d := range days {
		most = max(most, d.Due)
	}
	frozen := ""
	p.line("")
	for _, d := range days {
		changed := d.Frozen != frozen
		frozen = d.Frozen
		if d.Due == 0 && !changed {
			continue
		}
		text := d.Date.UTC().Format("Mon 2006-01-02")
		if d.Due > 0 {
			text += strings.Repeat(" ", 7-len(thousands(d.Due))) + thousands(d.Due) + " " + strings.Repeat("#", max(1, d.Due*widestBar/most))
		}
		switch {
		case changed && frozen != "":
			text += "  from here: change freeze " + visible(frozen)
		case changed:
			text += "  the change freeze is over"
		}
		p.line("%s", text)
	}
}

func dueTable(found []api.DueItem) *table {
	t := &table{none: "Nothing is due.", columns: []column{
		{name: "app_name", title: "Application", cut: true}, {name: "app_id"}, {name: "type", title: "Type"}, {name: "key_id", title: "Key ID"},
		{name: "due", title: "Due"}, {name: "end", title: "Ends"}, {name: "state", title: "State"},
		{name: "why"}, {name: "warning"}, {name: "postponed_until"}, {name: "postponed_by"}, {name: "postponed_reason"},
	}}
	for _, d := range found {
		c := d.Credential
		t.add(c.Application.Name, c.Application.ClientID, string(c.Kind), c.KeyID, d.Due, c.Expires, string(d.State), d.Why, d.Warning,
			d.Postponed.Until, d.Postponed.By, d.Postponed.Reason)
	}
	return t
}

func schedulePostpone(s *session) *cobra.Command {
	var until, reason string
	c := &cobra.Command{
		Use:   "postpone KEY-ID --until DATE --reason TEXT",
		Short: "Do not propose to renew a credential before a day",
		Long: `Keeps a credential from being proposed before a day, and records who wanted it and why.
It does not last longer for that: a day after its end is refused.`,
		Example: `  rekey schedule postpone 0b4f2c4e-3e3c-4d53-b8a3-6f1f2a9c7d10 --until 2027-01-11 --reason "partner is closed"
  rekey schedule postpone 0b4f2c4e-3e3c-4d53-b8a3-6f1f2a9c7d10 --until 10d --reason "after the migration"`,
		Args: takes("KEY-ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if until == "" || reason == "" {
				return usage("say until when, and why: --until DATE --reason TEXT")
			}
			at, err := day(until, time.Now())
			if err != nil {
				return err
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			p, err := server.Postpone(c.Context(), args[0], api.PostponeRequest{Until: at, Reason: reason})
			if err != nil {
				return err
			}
			return s.tell(p, func(sheet *sheet) {
				sheet.fact("Key ID", "%s", p.KeyID)
				sheet.moment("Postponed", p.Until)
				sheet.fact("Reason", "%s", p.Reason)
			})
		},
	}
	c.Flags().StringVar(&until, "until", "", "the first day on which it may be proposed again: `DATE` YYYY-MM-DD, or 10d from now")
	c.Flags().StringVar(&reason, "reason", "", "why: `TEXT`")
	return c
}

// day reads a date, which begins at midnight here, or a time from now.
func day(text string, now time.Time) (time.Time, error) {
	if at, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return at, nil
	}
	d, err := daemon.ParseDuration(text)
	if err != nil {
		return time.Time{}, usage("--until %q is no day; write 2027-01-11, or 10d", text)
	}
	return now.Add(d), nil
}

func scheduleResume(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "resume KEY-ID",
		Short:   "End a postponement",
		Long:    "Ends a postponement: the credential may be proposed again as soon as it is due.",
		Example: "  rekey schedule resume 0b4f2c4e-3e3c-4d53-b8a3-6f1f2a9c7d10",
		Args:    takes("KEY-ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if err := server.Resume(c.Context(), args[0]); err != nil {
				return err
			}
			s.say("%s may be proposed again.", args[0])
			return nil
		},
	}
}
