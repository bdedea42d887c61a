package main

import (
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func cancelCommand(s *session) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "cancel ID",
		Short: "Stop a rotation before consumers have seen the new secret",
		Long: `Stops a rotation. What was issued is withdrawn again, the old credential is not touched.
Once the new secret is in the vault it is too late: consumers may use it already.`,
		Example: `  rekey cancel r-4k2v7q3m5x6a --reason "wrong vault"`,
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			r, err := server.Cancel(c.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return s.show(r, rotationTable([]api.Rotation{r}))
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log: `TEXT`")
	return c
}
