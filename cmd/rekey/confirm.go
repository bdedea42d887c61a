package main

import (
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func confirmCommand(s *session) *cobra.Command {
	var proof string
	c := &cobra.Command{
		Use:   "confirm ID CONSUMER --proof TEXT",
		Short: "Confirm that a consumer uses the new secret",
		Long: `Records your word that a consumer, which rekey cannot see, now uses the new secret, and
how you know. The old secret stays until every consumer has moved.`,
		Example: `  rekey confirm r-4k2v7q3m5x6a "Invoice export to Basware" --proof "ran at 14:02 with the new key"`,
		Args:    takes("ID", "CONSUMER"),
		RunE: func(c *cobra.Command, args []string) error {
			if proof == "" {
				return usage("say how you know: --proof TEXT").next("for example --proof \"signed in at 14:02\"")
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			r, err := server.Confirm(c.Context(), args[0], args[1], proof)
			if err != nil {
				return err
			}
			return s.show(r, rotationTable([]api.Rotation{r}))
		},
	}
	c.Flags().StringVar(&proof, "proof", "", "how it is known: `TEXT`")
	return c
}
