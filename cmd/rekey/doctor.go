package main

import (
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func doctorCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check rights and reachability, and say what is missing",
		Long: `Checks the configuration, the data folder, the clock, the network, the tenant, both of
rekey's own identities, their permissions, and each vault. Every check that fails says
how to mend it, with the command where there is one. Nothing is changed.

Exit code 0: nothing failed. 1: something failed. Warnings alone do not count.`,
		Example: `  rekey doctor
  rekey doctor -o json --query "[?state == 'failed'].[name, cure]"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			p := s.progress()
			p.at("checking")
			checks, err := server.Doctor(c.Context())
			p.done()
			if err != nil {
				return err
			}
			return s.diagnosed(checks)
		},
	}
}

func (s *session) diagnosed(checks []api.Check) error {
	t := &table{columns: []column{{name: "state", title: "State"}, {name: "name", title: "Check"}, {name: "detail", title: "Seen"}, {name: "cure", title: "Cure"}}}
	failed := 0
	for _, c := range checks {
		t.add(string(c.State), c.Name, c.Detail, c.Cure)
		if c.State == api.CheckStateFailed {
			failed++
		}
	}
	var err error
	if s.tabular() {
		err = s.tell(checks, func(p *sheet) { tellChecks(p, checks) })
	} else {
		err = s.show(checks, t)
	}
	if err != nil {
		return err
	}
	if failed > 0 {
		return failure(exitFailure, "%s failed", plural(failed, "check")).next("mend what is said above and run rekey doctor again")
	}
	return nil
}

// tellChecks prints each check on its line and the cure below it, whole: a
// command that was cut is of no use.
func tellChecks(p *sheet, checks []api.Check) {
	for _, c := range checks {
		p.line("%-8s %s%s", c.State, visible(c.Name), after(": ", visible(c.Detail)))
		for l := range strings.Lines(c.Cure) {
			p.line("         %s", visible(strings.TrimRight(l, "\n")))
		}
	}
}

func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}
