package main

import (
	"context"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
)

func peopleCommand(s *session) *cobra.Command {
	return family("people", "Who can sign in to the console",
		`People sign in to the console with Entra, which gives them their role; where there is
none, with a passkey or a password of this installation. An administrator invites those,
and can lock anybody out.`,
		peopleList(s), peopleAdd(s), peopleInvite(s), peopleLock(s, "lock", true), peopleLock(s, "unlock", false))
}

func peopleTable(found []api.Person) *table {
	t := &table{none: "Nobody has signed in yet.", columns: []column{
		{name: "id", title: "ID", cut: true}, {name: "login", title: "Login", cut: true}, {name: "name", title: "Name", cut: true}, {name: "kind", title: "From"},
		{name: "role", title: "Role"}, {name: "seen", title: "Last sign-in"}, {name: "passkeys"}, {name: "locked", title: "Locked"}, {name: "created"}, {name: "owner"},
	}}
	for _, p := range found {
		t.add(p.ID, p.Login, p.Name, string(p.Kind), string(p.Role), p.Seen, p.Passkeys, p.Locked, p.Created, p.Owner)
	}
	return t
}

func peopleList(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"},
		Short:   "List who can sign in, and who has",
		Long:    "Lists the people of this installation and those whom Entra has vouched for, with their last sign-in.",
		Example: "  rekey people list",
		Args:    takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := server.People(c.Context())
			if err != nil {
				return err
			}
			if found == nil {
				found = []api.Person{}
			}
			return s.show(found, peopleTable(found))
		},
	}
}

func peopleAdd(s *session) *cobra.Command {
	var q api.PersonRequest
	var role string
	c := &cobra.Command{
		Use:   "add LOGIN --role ROLE",
		Short: "Invite somebody; their one-time link is shown once",
		Long: `Makes a person of this installation, for machines without an identity provider. They
open the link that is shown, once, within three days, and choose a password; a passkey
can follow. --owner says whose applications a user sees.`,
		Example: "  rekey people add anna --name \"Anna Berg\" --role administrator",
		Args:    takes("LOGIN"),
		RunE: func(c *cobra.Command, args []string) error {
			q.Login, q.Role = args[0], api.GivenRole(role)
			return s.invite(c.Context(), func(server *client.Client) (api.Invitation, error) { return server.InvitePerson(c.Context(), q) })
		},
	}
	f := c.Flags()
	f.StringVar(&role, "role", "", "what they may do, `ROLE`: user, administrator, auditor")
	f.StringVar(&q.Name, "name", "", "what people call them, `NAME` (default the login)")
	f.StringVar(&q.Owner, "owner", "", "object `ID` in the directory whose applications are theirs")
	_ = c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(givenRoles, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return c
}

func peopleInvite(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "invite ID",
		Short: "Another link for somebody who has lost password and passkeys",
		Long: `Makes another one-time link. When it is used, the old password, the passkeys and all sessions
of that person end.`,
		Example: "  rekey people invite p-7f3k2m",
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			return s.invite(c.Context(), func(server *client.Client) (api.Invitation, error) {
				return server.InvitePersonAgain(c.Context(), args[0])
			})
		},
	}
}

func (s *session) invite(ctx context.Context, ask func(*client.Client) (api.Invitation, error)) error {
	server, err := s.connect(ctx)
	if err != nil {
		return err
	}
	made, err := ask(server)
	if err != nil {
		return err
	}
	return s.tell(made, func(p *sheet) {
		p.fact("Person", "%s", made.Person.Name)
		p.fact("ID", "%s", made.Person.ID)
		p.fact("Role", "%s", made.Person.Role)
		p.fact("Page", "%s", made.Path)
		p.moment("Ends", made.Expires)
		p.flush()
		p.line("")
		p.line("Give them the address of the server with this page behind it. It works once, and is not shown again.")
	})
}

func peopleLock(s *session, use string, locked bool) *cobra.Command {
	short, long, said := "Keep somebody out from now on", `Keeps somebody out, whatever Entra says, and ends their sessions at once. Their tokens go on:
rekey token list.`, "is locked out"
	if !locked {
		short, long, said = "Let somebody in again", "Lets somebody in again who was locked out.", "can sign in again"
	}
	return &cobra.Command{
		Use: use + " ID", Short: short, Long: long, Example: "  rekey people " + use + " p-7f3k2m", Args: takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			p, err := server.LockPerson(c.Context(), args[0], locked)
			if err != nil {
				return err
			}
			s.say("%s %s.", p.Name, said)
			return nil
		},
	}
}
