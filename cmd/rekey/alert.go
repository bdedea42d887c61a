package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func alertCommand(s *session) *cobra.Command {
	c := family("alert", "What somebody should know, and who was told",
		`An alert is told to the owner first; if nobody acknowledges it, to the backup owner and
then to the team. One that was acknowledged comes back at the next step of the ladder.
Channels and the ladder are set under channels and alerts in the configuration.`,
		alertList(s), alertShow(s), alertAcknowledge(s), alertSnooze(s), alertChannels(s), alertTest(s))
	c.Aliases = []string{"alerts"}
	return c
}

var alertStates = []string{"open", "acknowledged", "snoozed", "settled", "all"}

func alertList(s *session) *cobra.Command {
	var q api.ListAlertsParams
	var state string
	var limit int
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List alerts, the worst first",
		Long:    "Lists what somebody should know and what has become of it, the worst first.",
		Example: `  rekey alert list
  rekey alert list --state open -o json --query "[?severity == 'high'].headline"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if state != "" && !slices.Contains(alertStates, state) {
				return usage("--state %s is not a state", state).next("choose one of " + strings.Join(alertStates, ", "))
			}
			q.State = api.ListAlertsParamsState(state)
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := take(server.Alerts(c.Context(), q), limit, s.progress(), "alert")
			if err != nil {
				return err
			}
			return s.show(found, alertTable(found))
		},
	}
	f := c.Flags()
	f.StringVar(&state, "state", "", "only in this `STATE`: open, acknowledged, snoozed, settled, all (default: all that have not settled)")
	f.StringVar(&q.Kind, "kind", "", "only of this `KIND`: credential.ending, rotation.waiting, ...")
	f.IntVar(&limit, "limit", 0, "at most so `MANY` (0: all)")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(alertStates, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return c
}

func alertTable(found []api.Alert) *table {
	t := &table{none: "Nothing needs anybody.", columns: []column{
		{name: "id", title: "ID"}, {name: "severity", title: "Severity"}, {name: "headline", title: "What", cut: true}, {name: "state", title: "State"}, {name: "ends", title: "Ends"},
		{name: "owner", title: "Owner", cut: true}, {name: "kind"}, {name: "application"}, {name: "key_id"}, {name: "level"}, {name: "opened"}, {name: "judge"}, {name: "why"},
	}}
	for _, a := range found {
		t.add(a.ID, string(a.Severity), a.Headline, string(a.State), a.Ends, a.Owner, a.Kind, a.Application, a.KeyID, a.Level, a.Opened, a.Judge, a.Why)
	}
	return t
}

func alertShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show one alert, and who was told of it when",
		Long:    "Shows what an alert is about, and each time that somebody was told of it, or will be.",
		Example: "  rekey alert show a-1f3870be274f6c49",
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			d, err := server.Alert(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.tell(d, func(p *sheet) {
				tellAlert(p, d.Alert)
				told := &table{columns: []column{{title: "Told"}, {title: "Channel"}, {title: "To", cut: true}, {title: "Because"}, {title: "State"}, {title: "Problem", cut: true}}}
				for _, t := range d.Told {
					at := t.Ended
					if at.IsZero() {
						at = t.Due
					}
					told.add(at, t.Channel, t.To, string(t.Act), string(t.State), t.Problem)
				}
				p.table("Who was told", told)
			})
		},
	}
}

func tellAlert(p *sheet, a api.Alert) {
	p.fact("Alert", "%s", a.ID)
	p.fact("What", "%s", a.Headline)
	p.fact("Severity", "%s", a.Severity)
	p.fact("State", "%s", a.State)
	for _, f := range a.Facts {
		p.fact(f.Name, "%s", f.Value)
	}
	p.fact("What to do", "%s", a.Text)
	p.fact("Owner", "%s", a.Owner)
	p.fact("Backup", "%s", a.Backup)
	p.moment("Opened", a.Opened)
	p.moment("Next are asked", a.Escalates)
	p.moment("Comes back", a.Until)
	p.fact("By", "%s", a.Judge)
	p.fact("Why", "%s", a.Why)
	p.moment("Settled", a.Settled)
	p.flush()
}

func alertAcknowledge(s *session) *cobra.Command {
	var note string
	c := &cobra.Command{
		Use:     "acknowledge ID",
		Aliases: []string{"ack"},
		Short:   "Say that you look after it; nobody else is asked",
		Long: `Records that you look after an alert. Nobody else is asked, until it comes a step closer:
then it is open again.`,
		Example: `  rekey alert acknowledge a-1f3870be274f6c49 --note "rotation is proposed"`,
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			a, err := server.AcknowledgeAlert(c.Context(), args[0], note)
			if err != nil {
				return err
			}
			return s.tell(a, func(p *sheet) { tellAlert(p, a) })
		},
	}
	c.Flags().StringVar(&note, "note", "", "what you do about it: `TEXT`")
	return c
}

func alertSnooze(s *session) *cobra.Command {
	var until, reason string
	c := &cobra.Command{
		Use:   "snooze ID --until DATE --reason TEXT",
		Short: "Lay it aside until a day",
		Long: `Lays an alert aside and records why. It comes back by itself on that day, which cannot lie
behind the end that it is about.`,
		Example: `  rekey alert snooze a-1f3870be274f6c49 --until 5d --reason "the partner is closed this week"`,
		Args:    takes("ID"),
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
			a, err := server.SnoozeAlert(c.Context(), args[0], at, reason)
			if err != nil {
				return err
			}
			return s.tell(a, func(p *sheet) { tellAlert(p, a) })
		},
	}
	c.Flags().StringVar(&until, "until", "", "when it comes back: `DATE` YYYY-MM-DD, or 5d from now")
	c.Flags().StringVar(&reason, "reason", "", "why: `TEXT`")
	return c
}

func alertChannels(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "channels",
		Short:   "The channels that alerts go through, and how they do",
		Long:    "Lists the configured channels, when each last took a message, and what is wrong if one does not.",
		Example: "  rekey alert channels",
		Args:    takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			list, err := server.Channels(c.Context())
			if err != nil {
				return err
			}
			t := &table{none: "No channel is configured; alerts are only in rekey alert list and in the console.", columns: []column{
				{name: "name", title: "Channel"}, {name: "type", title: "Type"}, {name: "joins", title: "From"}, {name: "state", title: "State"}, {name: "taken", title: "Last taken"},
				{name: "waiting", title: "Waiting"}, {name: "problem", title: "Problem", cut: true}, {name: "failures"}, {name: "since"}, {name: "paused"},
			}}
			for _, h := range list {
				t.add(h.Name, h.Type, string(h.Joins), string(h.State), h.Taken, h.Waiting, h.Problem, h.Failures, h.Since, h.Paused)
			}
			return s.show(list, t)
		},
	}
}

func alertTest(s *session) *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "test [CHANNEL]",
		Short: "Send a test through a channel, or through all",
		Long: `Sends a message that says it is only a test. Without a name all channels are tried. The
exit code is 1 if one did not take it.`,
		Example: `  rekey alert test
  rekey alert test mail --to nora@contoso.com`,
		Args: takes("[CHANNEL]"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			names := args
			if len(names) == 0 {
				list, err := server.Channels(c.Context())
				if err != nil {
					return err
				}
				for _, h := range list {
					names = append(names, h.Name)
				}
			}
			if len(names) == 0 {
				s.say("No channel is configured.")
				return nil
			}
			var failed error
			for _, name := range names {
				if err := server.TestChannel(c.Context(), name, to); err != nil {
					if len(names) == 1 {
						return err
					}
					s.say("%s: %s", name, err)
					failed = err
					continue
				}
				s.say("%s: taken", name)
			}
			return failed
		},
	}
	c.Flags().StringVar(&to, "to", "", "`ADDRESS`, for mail (default: the team's first)")
	return c
}
