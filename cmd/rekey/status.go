package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func statusCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "What needs somebody, in one look",
		Long: `Says how many credentials end soon, which rotations wait for a person, how many
findings are open, and how fresh all of that is.

A source that could not be read is named: what is not known is not fine.`,
		Example: `  rekey status
  rekey status -o json --query "tenants[].expiring"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			status, err := server.Status(c.Context())
			if err != nil {
				return err
			}
			return s.tell(status, func(p *sheet) {
				if status.Held != "" {
					p.line("%s", p.s.bold("HELD: nothing has an effect"))
					p.line("%s", status.Held)
					p.line("rekey reconcile show says how journal and world differ, and what accepting it does.\n")
				}
				for i, t := range status.Tenants {
					if i > 0 {
						p.line("")
					}
					tellTenant(p, t)
				}
				tellReplicas(p, status.Replicas)
				if len(status.Tenants) == 0 {
					p.line("No tenant is configured. rekey init makes a starter configuration.")
				}
			})
		},
	}
}

func tellTenant(p *sheet, t api.TenantStatus) {
	name := t.Name
	if name == "" {
		name = t.ID
	}
	p.line("%s", p.s.bold(visible(name)+": "+attention(t)))
	e := t.Expiring
	p.fact("Credentials", "%s of %s and %s", thousands(t.Counts.Credentials), plural(t.Counts.Applications, "application"), plural(t.Counts.ServicePrincipals, "service principal"))
	p.fact("Vault entries", "%s", thousands(t.Counts.Entries))
	p.fact("They end", "expired %d, within 7 days %d, 30 days %d, 90 days %d, later %d, unknown %d", e.Expired, e.Days7, e.Days30, e.Days90, e.Later, e.Unknown)
	p.fact("Rotations", "%d open, %d of them wait for a person", t.Rotations.Open, t.Rotations.Waiting)
	p.fact("Findings", "%d open", t.Findings)
	p.moment("Read", t.LastSync)
	for _, f := range t.Sources {
		if f.Problem != "" {
			p.fact("Problem", "%s: %s", f.Name, f.Problem)
		}
	}
}

// tellReplicas lists those that share the work. One that is silent and has not
// said that it ends is somebody's to look at.
func tellReplicas(p *sheet, list []api.Replica) {
	t := &table{columns: []column{{name: "id", title: "Replica"}, {name: "host", title: "Host", cut: true}, {name: "process", title: "Process"}, {name: "version", title: "Version", cut: true}, {name: "started", title: "Started"}, {name: "seen", title: "Last seen"}, {name: "alive", title: "Alive"}}}
	for _, r := range list {
		t.add(r.ID, r.Host, r.Process, r.Version, r.Started, r.Seen, r.Alive)
	}
	p.table("Replicas", t)
}

// attention is the one sentence that says whether somebody is needed.
func attention(t api.TenantStatus) string {
	var parts []string
	if t.LastSync.IsZero() {
		return "nothing has been read yet; run rekey sync"
	}
	if n := t.Expiring.Days7; n > 0 {
		parts = append(parts, plural(n, "credential")+" "+ends(n)+" in the next 7 days")
	}
	if n := t.Expiring.Expired; n > 0 {
		parts = append(parts, plural(n, "credential")+" expired")
	}
	if n := t.Rotations.Waiting; n > 0 {
		parts = append(parts, plural(n, "rotation")+" waiting for a person")
	}
	if len(parts) == 0 {
		parts = append(parts, "all clear for 7 days")
	}
	if t.Stale {
		parts = append(parts, "what is known is old; run rekey sync")
	}
	return strings.Join(parts, ", ")
}

func ends(n int) string {
	if n == 1 {
		return "ends"
	}
	return "end"
}

// list puts words on one line.
func list[T any](values []T, name func(T) string) string { return several(values, name).String() }

// several puts words into one cell.
func several[T any](values []T, name func(T) string) names {
	parts := make(names, len(values))
	for i, v := range values {
		parts[i] = name(v)
	}
	return parts
}

// owners are the people first: whoever is looked for is one of them.
func owners(list []api.Owner) names {
	people := slices.Clone(list)
	slices.SortStableFunc(people, func(a, b api.Owner) int { return rank(a) - rank(b) })
	return several(people, func(o api.Owner) string { return cmp.Or(o.Name, o.Mail, o.ObjectID) })
}

func rank(o api.Owner) int {
	if o.Kind == "user" {
		return 0
	}
	return 1
}

func ownerName(o api.Owner) string {
	if o.Mail != "" && o.Name != "" {
		return fmt.Sprintf("%s <%s>", o.Name, o.Mail)
	}
	return o.Name + o.Mail
}
