package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func policyCommand(s *session) *cobra.Command {
	return family("policy", "Judge names, lifetimes, owners, places",
		"Compares what is there with the rules under policy in the configuration.",
		policyCheck(s), policyTry(s))
}

var severities = []string{"low", "medium", "high"}

func policyCheck(s *session) *cobra.Command {
	var rule, severity string
	var exit int
	c := &cobra.Command{
		Use:   "check",
		Short: "List what is against the policy",
		Long: `Judges the inventory by the rules and lists the findings: the rule, the reason and the
cure. Exit code 10 if there are any (--exit-code chooses another).`,
		Example: `  rekey policy check
  rekey policy check --severity high
  rekey policy check --rule expired -o csv > findings.csv
  rekey policy check --exit-code 0 -o json --query "length(@)"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if severity != "" && !slices.Contains(severities, severity) {
				return usage("--severity %s is not low, medium or high", severity)
			}
			if exit < 0 || exit > 255 {
				return usage("--exit-code %d is not between 0 and 255", exit)
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			result, err := server.CheckPolicy(c.Context())
			if err != nil {
				return err
			}
			found := slices.DeleteFunc(append([]api.Finding{}, result.Value...), func(f api.Finding) bool {
				return rule != "" && f.Rule != rule || severity != "" && slices.Index(severities, string(f.Severity)) < slices.Index(severities, severity)
			})
			if err := s.judged(found); err != nil {
				return err
			}
			if len(found) > 0 && exit != 0 {
				return silent(exit)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&rule, "rule", "", "only findings of this `RULE`")
	f.StringVar(&severity, "severity", "", "only findings of at least this `SEVERITY`: low, medium, high")
	f.IntVar(&exit, "exit-code", exitFindings, "exit `CODE` when there are findings")
	_ = c.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(severities, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return c
}

// judged shows findings: to a person each on lines of its own, since a reason
// that was cut is of no use.
func (s *session) judged(found []api.Finding) error {
	if !s.tabular() {
		return s.show(found, findingTable(found))
	}
	if len(found) == 0 {
		s.say("Nothing is against the policy.")
		return nil
	}
	count := map[api.Severity]int{}
	err := s.tell(found, func(p *sheet) {
		for _, f := range found {
			count[f.Severity]++
			p.line("%s", p.s.bold(visible(fmt.Sprintf("%-6s  %s", f.Severity, f.Title))))
			p.line("        %s  (%s)", visible(f.Reason), visible(f.Rule))
			p.line("        %s", visible(f.Cure))
		}
	})
	s.say("%s: %d high, %d medium, %d low.", plural(len(found), "finding"), count[api.SeverityHigh], count[api.SeverityMedium], count[api.SeverityLow])
	return err
}

func findingTable(found []api.Finding) *table {
	t := &table{columns: []column{
		{name: "severity", title: "Severity"}, {name: "rule", title: "Rule"}, {name: "about", title: "About", cut: true},
		{name: "reason", title: "Reason", cut: true}, {name: "cure", title: "Cure", cut: true},
		{name: "state"}, {name: "since"}, {name: "object_id"}, {name: "key_id"}, {name: "id"},
	}}
	for _, f := range found {
		t.add(string(f.Severity), f.Rule, f.Title, f.Reason, f.Cure, string(f.State), f.Since, f.Application, f.KeyID, f.ID)
	}
	return t
}

func policyTry(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "try NAME",
		Short: "Judge a name before it is given",
		Long: `Judges a name by the naming convention and suggests a better one. Exit code 10 if the
name does not fit.`,
		Example: `  rekey policy try D365_Basware_InvoiceExport_PRD
  rekey policy try "my app"`,
		Args: takes("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			trial, err := server.TryName(c.Context(), args[0])
			if err != nil {
				return err
			}
			err = s.tell(trial, func(p *sheet) {
				p.fact("Name", "%s", trial.Name)
				p.fact("Convention", "%s", trial.Template)
				if trial.Ok {
					p.fact("Verdict", "fits")
				}
				for _, problem := range trial.Problems {
					p.fact("Problem", "%s", problem)
				}
				p.fact("Better", "%s", trial.Suggestion)
			})
			if err == nil && !trial.Ok {
				return silent(exitFindings)
			}
			return err
		},
	}
}
