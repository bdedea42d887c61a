package main

import (
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func permitCommand(s *session) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "permit ID --reason TEXT",
		Short: "Say in writing that the old credential may go although it may be in use",
		Long: `Records an administrator's written word that the old credential of a rotation may go
although its use is not ruled out: somebody still signs in with it, or the tenant keeps
no records. Everything else is proved all the same. Who proposed the rotation does not
permit it, except where one person broke the glass.

It can be said from the moment that consumers can read the new value until the old one
is withdrawn. What is overridden is written into the audit log with the reason.`,
		Example: `  rekey permit r-4k2v7q3m5x6a --reason "the last user is the decommissioned test server"`,
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if reason == "" {
				return usage("say why: --reason TEXT").next("it is written into the audit log")
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			r, err := server.Permit(c.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return s.show(r, rotationTable([]api.Rotation{r}))
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log: `TEXT`")
	return c
}
