package main

import (
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/daemon"
)

func credentialsUse(s *session) *cobra.Command {
	since := ""
	c := &cobra.Command{
		Use:   "use KEY-ID",
		Short: "Who uses a credential, from where, and what is unusual about it",
		Long: `Tells when a credential was last used, and by whom: from which networks and countries and
for which APIs, the last user first. Of a credential that a rotation is about to end it
tells who has used it since the switch: those still have the old value.

Below stand what is normal for it, the unusual uses that nobody has acknowledged, and how
far the clouds' records were read: silence in what is not read yet says nothing.`,
		Example: `  rekey credentials use 0b4f2c4e-3e3c-4d53-b8a3-6f1f2a9c7d10
  rekey credentials use 0b4f2c4e-3e3c-4d53-b8a3-6f1f2a9c7d10 --since 7d -o json --query users`,
		Args: takes("KEY-ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if since != "" {
				if _, err := daemon.ParseDuration(since); err != nil {
					return usage("--since: %v", err)
				}
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			u, err := server.CredentialUse(c.Context(), args[0], since)
			if err != nil {
				return err
			}
			return s.tell(u, func(p *sheet) { tellUse(p, u) })
		},
	}
	c.Flags().StringVar(&since, "since", "", "who used it in this `TIME`, such as 30d (default: since the switch of its rotation, else 30d)")
	return c
}

func tellUse(p *sheet, u api.CredentialUse) {
	p.fact("Credential", "%s", strings.TrimSpace(u.Label+" ("+u.KeyID+")"))
	p.fact("Application", "%s", u.Application.Name)
	p.fact("State", "%s", u.State)
	p.fact("Verdict", "%s", u.Verdict)
	p.moment("Last use", u.LastUsed)
	if l := u.LastUse; !l.Time.IsZero() {
		p.fact("From", "%s", strings.TrimSpace(l.Address+" "+places(l.City, l.Country)))
		p.fact("For", "%s", l.Resource)
		p.fact("Refused", "%s", l.Error)
	}
	p.fact("Rotation", "%s", u.Rotation)
	p.moment("Switched", u.Switched)
	t := &table{columns: []column{
		{name: "last", title: "Last"}, {name: "network", title: "Network"}, {name: "country", title: "Where"}, {name: "resource", title: "For", cut: true},
		{name: "count", title: "Uses"}, {name: "refused", title: "Refused"}, {name: "addresses", title: "Addresses", cut: true},
	}}
	for _, w := range u.Users {
		t.add(w.Last, w.Network, strings.Trim(places(w.City, w.Country), "()"), w.Resource, w.Count, w.Refused, strings.Join(w.Addresses, ", "))
	}
	p.table("Used by, since "+u.Since.UTC().Format("2006-01-02 15:04 UTC"), t)
	if len(u.Alarms) > 0 {
		p.heading("Unusual")
		for _, a := range u.Alarms {
			p.line("  %s (%d times): %s", a.Kind, a.Count, visible(a.What))
			p.line("    normal for it: %s", visible(a.Normal))
		}
	}
	if len(u.Normal) > 0 {
		p.heading("Normal for it")
		for _, n := range u.Normal {
			p.line("  %s", visible(n))
		}
		if u.Learning {
			p.line("  Too little is known yet to call a use unusual.")
		}
	}
	if len(u.Sources) > 0 {
		p.heading("Known from")
		for _, source := range u.Sources {
			p.line("  %s: %s", source.Name, sourceWords(source))
		}
	}
}

func places(city, country string) string {
	text := strings.Trim(city+", "+country, ", ")
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}
