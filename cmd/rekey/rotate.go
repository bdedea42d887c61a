package main

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/daemon"
)

func rotateCommand(s *session) *cobra.Command {
	var q api.RotationRequest
	var wait bool
	var timeout string
	c := &cobra.Command{
		Use:   "rotate APPLICATION|KEY-ID",
		Short: "Propose to renew a client secret",
		Long: `Proposes to replace a client secret: a new one is issued, proved by signing in with it,
put into its vault, and the old one is withdrawn only after every consumer has moved.

Name the application (name, client id or object id) or, if it has several secrets, the
key id of the one to replace. Nothing is changed until somebody else approves exactly
this plan (rekey approve). --dry-run shows the plan, whom it touches and its hash, and
records nothing.

--wait stays until the rotation has ended and shows the steps as they happen. Exit code
0: the old secret is gone and refused. 5: it was refused, cancelled, void, or --timeout
passed while it waited for an approval. Stopping the command does not stop the rotation.`,
		Example: `  rekey rotate D365_Basware_InvoiceExport_PRD --dry-run
  rekey rotate D365_Basware_InvoiceExport_PRD --reason "ends on Friday" --wait
  rekey rotate 0b4f2c4e-3e3c-4d53-b8a3-6f1f2a9c7d10 --to kv-contoso-prod/basware-secret --lifetime 90d`,
		Args: takes("APPLICATION|KEY-ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := lengths(map[string]string{"--lifetime": q.Lifetime, "--overlap": q.Overlap, "--timeout": timeout}); err != nil {
				return err
			}
			if q.Place != "" && strings.Count(strings.Trim(q.Place, "/"), "/") != 1 {
				return usage("--to %q is not VAULT/NAME", q.Place).next("for example --to kv-contoso-prod/basware-secret, or --to embedded/basware-secret")
			}
			s.carries = wait
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if err := aim(c.Context(), server, args[0], &q); err != nil {
				return err
			}
			if q.DryRun {
				plan, err := server.Plan(c.Context(), q)
				if err != nil {
					return err
				}
				return s.tell(plan, func(p *sheet) { tellPlan(p, plan) })
			}
			r, err := server.Propose(c.Context(), q, "")
			if err != nil {
				return err
			}
			if wait {
				return s.await(c.Context(), server, r, timeout)
			}
			s.say("%s", howToApprove(r))
			return s.show(r, rotationTable([]api.Rotation{r}))
		},
	}
	f := c.Flags()
	f.BoolVar(&q.DryRun, "dry-run", false, "show the plan and its hash; record and change nothing")
	f.StringVar(&q.Reason, "reason", "", "why, for the approver and the audit log: `TEXT`")
	f.BoolVar(&wait, "wait", false, "stay until it has ended, and show the steps")
	f.StringVar(&timeout, "timeout", "", "with --wait: stay at most so long: `TIME`, 30m, 2d")
	f.StringVar(&q.Place, "to", "", "where the new secret goes, `VAULT/NAME`; embedded/NAME is the sealed vault of rekey itself (default: where the old one is)")
	f.StringVar(&q.Lifetime, "lifetime", "", "how long the new secret is valid, `TIME`: 90d (default rotation.lifetime)")
	f.StringVar(&q.Overlap, "overlap", "", "how long both stay valid at least, `TIME`: 24h (default rotation.overlap)")
	f.StringVar(&q.Label, "label", "", "`NAME` of the new secret (default the old one's)")
	f.StringVar(&q.Credential, "credential", "", "`KEY-ID` of the secret to replace, if the application has several")
	return c
}

// lengths checks flags that are lengths of time, before anything is asked.
func lengths(flags map[string]string) error {
	for flag, text := range flags {
		if text == "" {
			continue
		}
		if _, err := daemon.ParseDuration(text); err != nil {
			return usage("%s: %v", flag, err)
		}
	}
	return nil
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// aim decides whether the argument is a credential or an application.
func aim(ctx context.Context, server *client.Client, target string, q *api.RotationRequest) error {
	q.Application = target
	if q.Credential != "" || !guid.MatchString(target) {
		return nil
	}
	_, err := server.Credential(ctx, target)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Status == http.StatusNotFound {
		return nil // then it is an application's id, or nobody's, as the proposal will tell
	}
	if err != nil {
		return err
	}
	q.Application, q.Credential = "", target
	return nil
}

func tellPlan(p *sheet, plan api.Proposal) {
	t := plan.Terms
	p.fact("Application", "%s", t.Application.Name)
	p.fact("Replaces", "%s %s", t.Old.KeyID, t.Old.Label)
	p.moment("It ends", t.Old.Expires)
	tellTerms(p, t)
	p.fact("Steps", "%s", strings.Join(plan.Steps, ", "))
	p.fact("Hash", "%s", plan.Hash)
	consumers := &table{columns: []column{{title: "Consumer", cut: true}, {title: "Gets it from", cut: true}}}
	for _, u := range t.Consumers {
		consumers.add(u.Consumer, u.Reference)
	}
	p.table("Whom it touches", consumers)
	if len(plan.Warnings) > 0 {
		p.heading("Mind")
		for _, w := range plan.Warnings {
			p.line("- %s", visible(w))
		}
	}
	p.heading("Nothing was recorded or changed.")
}

func tellTerms(p *sheet, t api.Terms) {
	p.fact("New secret", "%s, valid for %s", t.Label, period(t.Lifetime))
	p.fact("Goes to", "%s", placeName(t.Place))
	p.fact("Proof", "%d sign-ins over at least %s", t.Timing.Successes, period(t.Timing.Proof))
	p.fact("Overlap", "%s", period(t.Timing.Overlap))
	p.fact("Watch", "%s", period(t.Timing.Watch))
	if n := len(t.Kept); n > 0 {
		p.fact("Not touched", "%s of the application", plural(n, "other credential"))
	}
}

// period writes 4320h0m0s as people do.
func period(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return text
	}
	return daemon.FormatDuration(d)
}

func howToApprove(r api.Rotation) string {
	return r.ID + " waits for an administrator other than " + r.By.Name + ": rekey approve " + r.ID
}
