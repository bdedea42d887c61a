package main

import (
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func calendarCommand(s *session) *cobra.Command {
	return family("calendar", "Calendar feeds of what ends and what is planned",
		`A feed is an address that Outlook, Google and others subscribe to: what ends, rotations
under way, maintenance windows and change freezes. Whoever has the address can read it.`,
		calendarList(s), calendarCreate(s), calendarRevoke(s))
}

func calendarList(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the feeds, without their addresses",
		Long:    "Lists the calendar feeds: whose they are, who made them, and when each was last read.",
		Example: "  rekey calendar list",
		Args:    takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			list, err := server.Calendars(c.Context())
			if err != nil {
				return err
			}
			t := &table{none: "There is no calendar feed; make one: rekey calendar create NAME", columns: []column{
				{name: "id", title: "ID"}, {name: "name", title: "Name", cut: true}, {name: "owner", title: "Owner", cut: true}, {name: "made", title: "Made"}, {name: "by", title: "By"}, {name: "read", title: "Last read"}, {name: "bare"},
			}}
			for _, f := range list {
				t.add(f.ID, f.Name, f.Owner, f.Made, f.By, f.Read, f.Bare)
			}
			return s.show(list, t)
		},
	}
}

func calendarCreate(s *session) *cobra.Command {
	var q api.CalendarRequest
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a feed and show its address, once",
		Long: `Makes a calendar feed of all credentials, or of those that one owner's applications hold.
Its address is shown this once. The feeds are those of a running rekey serve.`,
		Example: `  rekey calendar create "Credentials of the finance team"
  rekey calendar create Nora --owner nora@contoso.com --server https://rekey.contoso.com`,
		Args: takes("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			q.Name = args[0]
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			made, err := server.CreateCalendar(c.Context(), q)
			if err != nil {
				return err
			}
			base := s.flags.server
			if base == "" {
				base, _ = s.env("REKEY_SERVER")
			}
			return s.tell(made, func(p *sheet) {
				p.fact("Feed", "%s", made.Calendar.ID)
				p.fact("Address", "%s%s", strings.TrimSuffix(base, "/"), made.Path)
				p.flush()
				p.line("")
				if base == "" {
					p.line("Put the address of your rekey server in front of it.")
				}
				p.line("It is not shown again. rekey calendar revoke %s ends it.", made.Calendar.ID)
			})
		},
	}
	c.Flags().StringVar(&q.Owner, "owner", "", "only the applications of this `OWNER`: part of a name or address, or an object id")
	c.Flags().BoolVar(&q.Bare, "no-names", false, "without names of applications and consumers")
	return c
}

func calendarRevoke(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "End a feed: its address is dead",
		Long:    "Ends a calendar feed. Calendars that subscribed to it get nothing any more.",
		Example: "  rekey calendar revoke c-7f3k2m5x6abc",
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if err := server.RevokeCalendar(c.Context(), args[0]); err != nil {
				return err
			}
			s.say("%s has ended.", args[0])
			return nil
		},
	}
}
