package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func tokenCommand(s *session) *cobra.Command {
	c := family("token", "API tokens: who may do what from elsewhere",
		`A token lets a person or a program act on a rekey server, or in this process, in one
role: user (sees and proposes for the applications they own), administrator (also
approves), auditor (sees everything and the audit log). Two tokens of one person count as one
person for approvals.`,
		tokenCreate(s), tokenList(s), tokenRevoke(s))
	c.Aliases = []string{"tokens"}
	return c
}

var givenRoles = []string{"user", "administrator", "auditor"}

func tokenCreate(s *session) *cobra.Command {
	var q api.TokenRequest
	var role, file string
	c := &cobra.Command{
		Use:   "create NAME --role ROLE",
		Short: "Make a token; its secret is shown once",
		Long: `Makes a token. Its secret is shown once, or written to --output-file, which only you can
read; rekey keeps a hash of it. --person says who stands behind it: give everybody their
own, or nobody can approve what they did not propose.`,
		Example: `  rekey token create anna-laptop --role administrator --person anna@contoso.com --output-file anna.token
  rekey token create power-automate --role administrator --action inventory.read --action rotation.propose --lifetime 90d -o json --query secret`,
		Args: takes("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains(givenRoles, role) {
				return usage("--role %q is not user, administrator or auditor", role).next("rekey token --help tells what each may do")
			}
			if err := lengths(map[string]string{"--lifetime": q.Lifetime}); err != nil {
				return err
			}
			q.Name, q.Role = args[0], api.GivenRole(role)
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			made, err := server.CreateToken(c.Context(), q)
			if err != nil {
				return err
			}
			if file != "" {
				err := replace(file, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, made.Secret)
					return err
				})
				if err != nil {
					return err
				}
				return s.show(made.Token, tokenTable([]api.Token{made.Token}))
			}
			return s.tell(made, func(p *sheet) {
				p.fact("Token", "%s", made.Secret)
				p.fact("ID", "%s", made.Token.ID)
				p.fact("Person", "%s", made.Token.Person)
				p.fact("Role", "%s", made.Token.Role)
				p.moment("Ends", made.Token.Expires)
				p.flush()
				p.line("")
				p.line("It is not shown again. Give it as REKEY_TOKEN, or in a file with --token-file.")
			})
		},
	}
	f := c.Flags()
	f.StringVar(&role, "role", "", "what it may do, `ROLE`: user, administrator, auditor")
	f.StringVar(&q.Person, "person", "", "`WHO` stands behind it (default you)")
	f.StringVar(&q.Owner, "owner", "", "object `ID` in the directory whose applications a user sees (default the person's own)")
	f.StringSliceVar(&q.Actions, "action", nil, "narrow it to this `ACTION`, such as rotation.propose; can be given again (default all of the role)")
	f.StringSliceVar(&q.Sources, "source", nil, "take it only from this `NETWORK`, such as 10.1.0.0/16; can be given again (default anywhere)")
	f.StringVar(&q.Lifetime, "lifetime", "", "how long it is valid, `TIME`: 90d")
	f.StringVar(&file, "output-file", "", "write the token to this `FILE` instead of showing it")
	_ = c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(givenRoles, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return c
}

func tokenTable(found []api.Token) *table {
	t := &table{none: "There is no token.", columns: []column{
		{name: "id", title: "ID"}, {name: "name", title: "Name", cut: true}, {name: "person", title: "Person", cut: true}, {name: "role", title: "Role"},
		{name: "created", title: "Created"}, {name: "created_by"}, {name: "expires", title: "Ends"}, {name: "last_used", title: "Last used"}, {name: "revoked", title: "Revoked"},
	}}
	for _, k := range found {
		t.add(k.ID, k.Name, k.Person, string(k.Role), k.Created, k.CreatedBy, k.Expires, k.LastUsed, k.Revoked)
	}
	return t
}

func tokenList(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List tokens, without their secrets",
		Long:    "Lists API tokens: whose, in which role, until when, last used when. Their secrets are not kept.",
		Example: `  rekey token list
  rekey token list -o json --query "[?revoked == null].name"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := server.Tokens(c.Context())
			if err != nil {
				return err
			}
			if found == nil {
				found = []api.Token{}
			}
			return s.show(found, tokenTable(found))
		},
	}
}

func tokenRevoke(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "End a token now",
		Long:    "Ends a token at once. What was done with it stays in the audit log.",
		Example: "  rekey token revoke t-7f3k2m",
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if err := server.RevokeToken(c.Context(), args[0]); err != nil {
				return err
			}
			s.say("Token %s has ended.", args[0])
			return nil
		},
	}
}
