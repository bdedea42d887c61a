package main

import (
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func reconcileCommand(s *session) *cobra.Command {
	return family("reconcile", "Go on after a restore, a copy or a failover",
		`After the restore of a backup, in a copy of the machine, or after a failover that lost
commits, the journal is older than the world. rekey notices and is held: nothing has an
effect until a person has seen the difference and accepted it.`,
		reconcileShow(s), reconcileAccept(s), reconcileHold(s))
}

func reconcileShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Look at directory and vaults, and say how they differ from the journal",
		Long: `Reads the directory and the vaults again and lists how they differ from the journal, and
what accepting it does. Nothing is changed. Exit code 10 if rekey is held.`,
		Example: `  rekey reconcile show
  rekey reconcile show -o json > difference.json`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			report, err := server.ShowReconcile(c.Context())
			if err != nil {
				return err
			}
			if err := s.difference(report); err != nil {
				return err
			}
			if report.Held != "" {
				return silent(exitFindings)
			}
			return nil
		},
	}
}

// difference tells a report.
func (s *session) difference(r api.ReconcileReport) error {
	return s.tell(r, func(p *sheet) {
		if r.Held == "" {
			p.fact("Held", "no; this is for information")
		} else {
			p.fact("Held", "%s", r.Held)
			p.moment("Since", r.Since)
		}
		p.fact("Looked at", "%s", plural(r.Looked, "application"))
		p.fact("Go on", "%s, which find the world as the journal has it", plural(r.Agree, "rotation"))
		p.fact("Hash", "%s", r.Hash)
		p.flush()
		for _, f := range r.Findings {
			about := f.Application
			if f.Rotation != "" {
				about += ", rotation " + f.Rotation
			}
			if f.Credential != "" {
				about += ", credential " + f.Credential
			}
			p.line("")
			p.line("%s", p.s.bold(visible(f.Then+"  "+about)))
			p.line("        journal: %s", visible(f.Journal))
			p.line("        world:   %s", visible(f.World))
			p.line("        %s", visible(f.Text))
		}
		if len(r.Findings) == 0 {
			p.line("Journal and world agree.")
		}
	})
}

func reconcileAccept(s *session) *cobra.Command {
	var hash string
	c := &cobra.Command{
		Use:   "accept",
		Short: "Accept the difference that was shown, and let rekey go on",
		Long: `Accepts the report with that hash. Rotations whose picture differs end as void, what they
made stays, and everything else goes on. Nothing is withdrawn. If anything has changed
since the report was shown, it has to be looked at again. For administrators.`,
		Example: `  rekey reconcile accept --hash 3f1c...`,
		Args:    takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if hash == "" {
				return usage("rekey reconcile accept needs --hash").next("rekey reconcile show tells it")
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			report, err := server.AcceptReconcile(c.Context(), hash)
			if err != nil {
				return err
			}
			ended := 0
			for _, f := range report.Findings {
				if f.Then == "void" {
					ended++
				}
			}
			return s.tell(report, func(p *sheet) {
				p.line("Accepted. %s ended as void, %s on.", plural(ended, "rotation"), plural(report.Agree, "rotation"))
			})
		},
	}
	c.Flags().StringVar(&hash, "hash", "", "`HASH` of the report that is accepted")
	return c
}

func reconcileHold(s *session) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "hold",
		Short: "Let nothing have an effect until a report is accepted",
		Long: `Holds rekey by hand: after a restore that nothing outside of the database could notice,
such as that of a backup of a few minutes ago. For administrators.`,
		Example: `  rekey reconcile hold --reason "restored the backup of 3 November, 02:00"`,
		Args:    takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if reason == "" {
				return usage("rekey reconcile hold needs --reason")
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if err := server.HoldReconcile(c.Context(), reason); err != nil {
				return err
			}
			s.say("rekey is held. rekey reconcile show says what journal and world say.")
			return nil
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why")
	return c
}
