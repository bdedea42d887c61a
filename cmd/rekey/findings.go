package main

import (
	"slices"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func findingsCommand(s *session) *cobra.Command {
	return family("findings", "What needs somebody's judgement",
		`Everything that should not be, in one list: what is against the policy, what was changed
behind rekey's back, what is used in an unusual way, what is written down where it can be
read. Each has a reason and a cure.`,
		findingsList(s), findingsShow(s), findingsAcknowledge(s))
}

var findingStates = []string{"open", "acknowledged", "resolved"}

func findingsList(s *session) *cobra.Command {
	var q api.ListFindingsParams
	var severity, state string
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List findings, the worst first",
		Long: `Lists what is open, or with --state what was acknowledged or resolved. It judges nothing
anew: rekey policy check does that.`,
		Example: `  rekey findings list --severity high
  rekey findings list --rule out-of-band
  rekey findings list --state resolved -o csv > resolved.csv`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if severity != "" && !slices.Contains(severities, severity) {
				return usage("--severity %s is not low, medium or high", severity)
			}
			if state != "" && !slices.Contains(findingStates, state) {
				return usage("--state %s is not open, acknowledged or resolved", state)
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			q.Severity, q.State = api.Severity(severity), api.FindingState(state)
			found, err := take(server.Findings(c.Context(), q), limit, s.progress(), "finding")
			if err != nil {
				return err
			}
			t := findingTable(found)
			t.none = "No finding fits."
			return s.show(found, t)
		},
	}
	f := c.Flags()
	f.StringVar(&q.Rule, "rule", "", "only findings of this `RULE`")
	f.StringVar(&q.Application, "app", "", "only findings of the application with this object `ID`")
	f.StringVar(&severity, "severity", "", "only findings of at least this `SEVERITY`: low, medium, high")
	f.StringVar(&state, "state", "", "open, acknowledged or resolved: `STATE` (default open)")
	f.IntVar(&limit, "limit", 0, "at most so `MANY` (0: all)")
	_ = c.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(severities, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(findingStates, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func findingsShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show one finding",
		Long:    "Shows what it is about, why it was found, and what mends it.",
		Example: `  rekey findings show f-1a2b3c4d5e6f7a8b`,
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			f, err := server.Finding(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.showFinding(f)
		},
	}
}

func (s *session) showFinding(f api.Finding) error {
	return s.tell(f, func(p *sheet) {
		p.fact("Finding", "%s", f.ID)
		p.fact("About", "%s", f.Title)
		p.fact("Rule", "%s (%s)", f.Rule, f.Severity)
		p.fact("Reason", "%s", f.Reason)
		p.fact("Cure", "%s", f.Cure)
		p.fact("Since", "%s, %s", f.Since.Format(time.RFC3339), when(f.Since, time.Now()))
		p.fact("State", "%s", f.State)
		if f.AcknowledgedWhy != "" {
			p.fact("May stay", "%s (%s)", f.AcknowledgedWhy, f.AcknowledgedBy)
		}
		if f.Place != "" {
			p.fact("Where", "%s", f.Place)
		}
	})
}

func findingsAcknowledge(s *session) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "acknowledge ID --reason TEXT",
		Short: "Say that a finding is known and may stay",
		Long: `Takes a finding off the list of open ones, with the reason. It opens again if it gets
worse, or comes back after it was resolved.`,
		Example: `  rekey findings acknowledge f-1a2b3c4d5e6f7a8b --reason "the partner ends it in May"`,
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if reason == "" {
				return usage("say why it may stay: --reason TEXT").next("auditors read it")
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			f, err := server.AcknowledgeFinding(c.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return s.showFinding(f)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why it may stay: `TEXT`")
	return c
}
