package main

import (
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func applicationsCommand(s *session) *cobra.Command {
	return family("applications", "App registrations and service principals",
		"The directory objects that hold credentials, as the last sync saw them.",
		applicationsList(s), applicationsShow(s), applicationsAccess(s))
}

func applicationsList(s *session) *cobra.Command {
	var q api.ListApplicationsParams
	var holder string
	var limit int
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List applications by name",
		Long:    "Lists app registrations and service principals by name. Filters add up.",
		Example: `  rekey applications list --no-owner
  rekey applications list --name D365 -o tsv
  rekey applications list --owner anna@contoso.com -o json --query "[].objectId"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			switch holder {
			case "", "applications", "servicePrincipals", "resources":
			default:
				return usage("--holder %s is none of applications, servicePrincipals, resources", holder)
			}
			q.Holder = api.HolderKind(holder)
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := take(server.Applications(c.Context(), q), limit, s.progress(), "application")
			if err != nil {
				return err
			}
			t := &table{none: "No application fits.", columns: []column{
				{name: "name", title: "Name", cut: true}, {name: "app_id", title: "Client ID"}, {name: "object_id", title: "Object ID"},
				{name: "holder", title: "Kind"}, {name: "owners", title: "Owner", cut: true}, {name: "audience"}, {name: "enabled"},
				{name: "created"}, {name: "notes"},
			}}
			for _, a := range found {
				t.add(a.Name, a.ClientID, a.ObjectID, string(a.Holder), owners(a.Owners), a.Audience, a.Enabled, a.Created, a.Notes)
			}
			return s.show(found, t)
		},
	}
	f := c.Flags()
	f.StringVar(&q.Name, "name", "", "part of the `NAME`, or the client id or object id")
	f.StringVar(&q.Owner, "owner", "", "only of this `OWNER`: part of the name or mail address, or the object id")
	f.BoolVar(&q.NoOwner, "no-owner", false, "only those without an owner")
	f.StringVar(&holder, "holder", "", "`KIND` of object: applications, servicePrincipals, resources")
	f.IntVar(&limit, "limit", 0, "at most so `MANY` (0: all)")
	return c
}

func applicationsShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Everything known of one application",
		Long:    "Tells everything of one application, named by its object id or client id: owners,\ncredentials, findings.",
		Example: "  rekey applications show 6f1f2a9c-3e3c-4d53-b8a3-0b4f2c4e7d10",
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			d, err := server.Application(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.tell(d, func(p *sheet) {
				a := d.Application
				p.fact("Name", "%s", a.Name)
				p.fact("Client ID", "%s", a.ClientID)
				p.fact("Object ID", "%s", a.ObjectID)
				p.fact("Kind", "%s", holderWords(a.Holder))
				p.fact("Audience", "%s", a.Audience)
				p.fact("Notes", "%s", a.Notes)
				p.moment("Created", a.Created)
				p.fact("Owners", "%s", list(a.Owners, ownerName))
				p.table("Credentials", credentialTable(d.Credentials))
				p.table("Findings", findingTable(d.Findings))
			})
		},
	}
}
