package main

import (
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func revokeCommand(s *session) *cobra.Command {
	q := api.RotationRequest{Plan: api.PlanNameRevoke}
	var wait bool
	var timeout string
	c := &cobra.Command{
		Use:   "revoke APPLICATION|KEY-ID --reason TEXT",
		Short: "Propose to end a leaked credential now",
		Long: `Ends a credential without a new one: for a leaked credential that nobody should use a
minute longer. Whoever uses it stops at once. If consumers have to go on, use
rekey rotate --emergency instead.

Another administrator approves it; with --break-glass one administrator decides alone,
and that is written down. Others who can act as the application stay, unless
--remove names them; --dry-run lists them.

Tokens that were given out already live on for up to 90 minutes.`,
		Example: `  rekey revoke D365_Basware_InvoiceExport_PRD --reason "pushed to a public repository" --dry-run
  rekey revoke 0b4f2c4e-3e3c-4d53-b8a3-6f1f2a9c7d10 --reason "leaked" --break-glass "nobody else can be reached"`,
		Args: takes("APPLICATION|KEY-ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if q.Reason == "" {
				return usage("say what happened: --reason TEXT").next("it is what the approver and the audit log see")
			}
			if err := lengths(map[string]string{"--timeout": timeout}); err != nil {
				return err
			}
			return s.propose(c.Context(), args[0], &q, wait, timeout)
		},
	}
	f := c.Flags()
	f.StringVar(&q.Reason, "reason", "", "what happened, for the approver and the audit log: `TEXT`")
	f.StringVar(&q.Credential, "credential", "", "`KEY-ID` of the credential to end, if the application has several")
	urgentFlags(f, &q)
	waitFlags(f, &q, &wait, &timeout)
	return c
}
