package main

import (
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func sessionsCommand(s *session) *cobra.Command {
	return family("sessions", "Who is signed in to the console now",
		`A session is a person's stay in one browser. It ends when nobody uses it, after
signIn.longest at the latest, or when it is ended here.`,
		sessionsList(s), sessionsEnd(s))
}

func sessionsList(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"},
		Short:   "List the open sessions",
		Long:    "Lists the open sessions, the newest first: whose, from where, how they signed in, until when.",
		Example: "  rekey sessions list",
		Args:    takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := server.Sessions(c.Context())
			if err != nil {
				return err
			}
			if found == nil {
				found = []api.Session{}
			}
			t := &table{none: "Nobody is signed in.", columns: []column{
				{name: "id", title: "ID"}, {name: "name", title: "Name", cut: true}, {name: "role", title: "Role"}, {name: "how", title: "By"}, {name: "address", title: "From"},
				{name: "created", title: "Since"}, {name: "seen", title: "Last used"}, {name: "ends", title: "Ends"}, {name: "proved"}, {name: "idle"}, {name: "agent"}, {name: "person"},
			}}
			for _, x := range found {
				t.add(x.ID, x.Name, string(x.Role), x.How, x.Address, x.Created, x.Seen, x.Ends, x.Proved, x.Idle, x.Agent, x.Person)
			}
			return s.show(found, t)
		},
	}
}

func sessionsEnd(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "end ID",
		Short:   "End a session now",
		Long:    "Ends a session at once. rekey people lock keeps its person out for good.",
		Example: "  rekey sessions end s-7f3k2m",
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if err := server.EndSession(c.Context(), args[0]); err != nil {
				return err
			}
			s.say("Session %s has ended.", args[0])
			return nil
		},
	}
}
