package main

import (
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func refuseCommand(s *session) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:     "refuse ID --reason TEXT",
		Short:   "Refuse a rotation that nobody has approved",
		Long:    "Ends a proposal. Nothing was changed; the old credential still ends when it ends.",
		Example: `  rekey refuse r-4k2v7q3m5x6a --reason "Basware is switched off on Monday"`,
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if reason == "" {
				return usage("say why: --reason TEXT").next("the proposer and the audit log get to know it")
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			r, err := server.Refuse(c.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return s.show(r, rotationTable([]api.Rotation{r}))
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why: `TEXT`")
	return c
}
