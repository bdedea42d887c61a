package main

import (
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func applicationsAccess(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "access APPLICATION",
		Short: "What an application may do, which of it is too much, and whether it needs a secret",
		Long: `Asks the directory and Azure what an application may do: application permissions, delegated
permissions, directory roles, roles in Azure, access policies of Key Vaults. What is more
than an application should have is marked, with the reason and what would do instead. For
each known consumer it tells whether a managed identity or a federated credential could
take the secret's place, with the steps.

What rekey's reader may not read is named: it is not the same as nothing.`,
		Example: `  rekey applications access D365_Basware_InvoiceExport
  rekey applications access 6f1f2a9c-3e3c-4d53-b8a3-0b4f2c4e7d10 -o json --query "grants[?wide]"`,
		Args: takes("APPLICATION"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			a, err := server.ApplicationAccess(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.tell(a, func(p *sheet) { tellAccess(p, a) })
		},
	}
}

func tellAccess(p *sheet, a api.ApplicationAccess) {
	p.fact("Application", "%s", a.Application.Name)
	p.fact("Client ID", "%s", a.Application.ClientID)
	p.fact("Service principal", "%s", a.Principal)
	p.fact("Rights", "%d, %d of them too wide", len(a.Grants), a.Wide)
	if !a.Whole {
		p.fact("Mind", "not everything could be read, see below")
	}
	t := &table{columns: []column{
		{name: "kind", title: "Kind"}, {name: "what", title: "May", cut: true}, {name: "on", title: "On", cut: true}, {name: "wide", title: "Too wide"}, {name: "since", title: "Since"},
	}}
	for _, g := range a.Grants {
		wide := ""
		if g.Wide {
			wide = "YES"
		}
		on := g.On
		if g.Group {
			on += " (with a group)"
		}
		t.add(g.Kind, g.What, on, wide, g.Since)
	}
	p.table("What it may do", t)
	if a.Wide > 0 {
		p.heading("Too wide")
		for _, g := range a.Grants {
			if g.Wide {
				p.line("  %s on %s: %s", visible(g.What), visible(g.On), g.Why)
				p.line("    would do: %s", g.Instead)
			}
		}
	}
	if len(a.Unread) > 0 {
		p.heading("Could not be read")
		for _, u := range a.Unread {
			p.line("  %s: %s", visible(u.What), visible(u.Why))
			if u.Needs != "" {
				p.line("    needs: %s", u.Needs)
			}
		}
	}
	p.heading("Without a secret")
	for _, d := range a.Diet {
		tellDiet(p, d)
	}
}

func tellDiet(p *sheet, d api.SecretDiet) {
	name := d.Consumer
	if name == "" {
		name = "its consumers"
	}
	if d.Runs != "" {
		name += " (" + d.Runs + ")"
	}
	p.line("  %s: %s; %s", visible(name), d.Instead, visible(d.Why))
	for i, step := range d.Steps {
		p.line("    %d. %s", i+1, visible(step))
	}
}
