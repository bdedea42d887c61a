package main

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/daemon"
)

func rotateCommand(s *session) *cobra.Command {
	var q api.RotationRequest
	var wait, emergency bool
	var plan, timeout string
	c := &cobra.Command{
		Use:   "rotate APPLICATION|KEY-ID",
		Short: "Propose to renew a credential",
		Long: `Proposes to replace a client secret, a certificate or an access key: a new one is made,
proved by signing in with it, put into its vault, and the old one is withdrawn only after
every consumer has moved. Keys that sign SAML answers are never touched.

Name the application (name, client id or object id) or, if it has several credentials,
the key id of the one to replace. Nothing is changed until somebody else approves exactly
this plan (rekey approve). --dry-run shows the plan, whom it touches and its hash, and
records nothing.

--emergency is for a leaked credential that consumers still need: short waits, and the old
one goes as soon as every consumer has moved. Everybody else who can act as the
application is listed and has to be kept or removed in so many words: --keep ID,
--remove ID, '*' for all that are not named. With --break-glass one administrator decides
alone, and that is written down.

--plan next makes a second value beside the present one, in an entry NAME-next, for
consumers that accept both; nothing is withdrawn.

--wait stays until the rotation has ended and shows the steps as they happen. Exit code
0: the old secret is gone and refused. 5: it was refused, cancelled, void, or --timeout
passed while it waited for an approval. Stopping the command does not stop the rotation.`,
		Example: `  rekey rotate D365_Basware_InvoiceExport_PRD --dry-run
  rekey rotate D365_Basware_InvoiceExport_PRD --reason "ends on Friday" --wait
  rekey rotate D365_Basware_InvoiceExport_PRD --emergency --keep '*' --reason "seen in a log"
  rekey rotate 0b4f2c4e-3e3c-4d53-b8a3-6f1f2a9c7d10 --to kv-contoso-prod/basware-secret --lifetime 90d`,
		Args: takes("APPLICATION|KEY-ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := lengths(map[string]string{"--lifetime": q.Lifetime, "--overlap": q.Overlap, "--timeout": timeout}); err != nil {
				return err
			}
			if q.Place != "" && strings.Count(strings.Trim(q.Place, "/"), "/") != 1 {
				return usage("--to %q is not VAULT/NAME", q.Place).next("for example --to kv-contoso-prod/basware-secret, or --to embedded/basware-secret")
			}
			if emergency && plan != "" && plan != "emergency" {
				return usage("--emergency and --plan %s are two plans", plan)
			}
			q.Plan = api.PlanName(plan)
			if emergency {
				q.Plan = api.PlanNameEmergency
			}
			if !slices.Contains([]api.PlanName{"", "planned", "emergency", "next"}, q.Plan) {
				return usage("--plan %s is not a plan", plan).next("choose one of planned, emergency, next; rekey revoke ends a credential without a new one")
			}
			return s.propose(c.Context(), args[0], &q, wait, timeout)
		},
	}
	f := c.Flags()
	f.StringVar(&q.Reason, "reason", "", "why, for the approver and the audit log: `TEXT`")
	f.BoolVar(&emergency, "emergency", false, "it leaked: short waits, and everybody else is named")
	f.StringVar(&plan, "plan", "", "`PLAN`: planned, emergency, next (default planned)")
	urgentFlags(f, &q)
	f.StringSliceVar(&q.Keep, "keep", nil, "in an emergency: `ID` of another that stays; '*' for all that are not named")
	waitFlags(f, &q, &wait, &timeout)
	f.StringVar(&q.Place, "to", "", "where the new value goes, `VAULT/NAME`; embedded/NAME is the sealed vault of rekey itself (default: where the old one is)")
	f.StringVar(&q.Lifetime, "lifetime", "", "how long the new value is valid, `TIME`: 90d (default rotation.lifetime)")
	f.StringVar(&q.Overlap, "overlap", "", "how long both stay valid at least, `TIME`: 24h (default rotation.overlap)")
	f.StringVar(&q.Label, "label", "", "`NAME` of the new value (default the old one's)")
	f.StringVar(&q.Credential, "credential", "", "`KEY-ID` of the credential to replace, if the application has several")
	return c
}

// urgentFlags are those of an emergency and a revocation.
func urgentFlags(f *pflag.FlagSet, q *api.RotationRequest) {
	f.StringSliceVar(&q.Remove, "remove", nil, "`ID` of another that goes as well; '*' for all that are not named")
	f.StringVar(&q.BreakGlass, "break-glass", "", "one administrator decides alone, and this is why: `TEXT`")
}

func waitFlags(f *pflag.FlagSet, q *api.RotationRequest, wait *bool, timeout *string) {
	f.BoolVar(&q.DryRun, "dry-run", false, "show the plan and its hash; record and change nothing")
	f.BoolVar(wait, "wait", false, "stay until it has ended, and show the steps")
	f.StringVar(timeout, "timeout", "", "with --wait: stay at most so long: `TIME`, 30m, 2d")
}

// propose shows a plan or records it, and waits if that is wanted.
func (s *session) propose(ctx context.Context, target string, q *api.RotationRequest, wait bool, timeout string) error {
	s.carries = wait
	server, err := s.connect(ctx)
	if err != nil {
		return err
	}
	if err := aim(ctx, server, target, q); err != nil {
		return err
	}
	if q.DryRun {
		plan, err := server.Plan(ctx, *q)
		if err != nil {
			return err
		}
		return s.tell(plan, func(p *sheet) { tellPlan(p, plan) })
	}
	r, err := server.Propose(ctx, *q, "")
	if err != nil {
		return err
	}
	if wait {
		return s.await(ctx, server, r, timeout)
	}
	if r.Current == "approve" {
		s.say("%s", howToApprove(r))
	} else {
		s.say("%s begins at once: one person has decided alone. rekey serve carries it on; rekey rotations watch %s follows it.", r.ID, r.ID)
	}
	return s.show(r, rotationTable([]api.Rotation{r}))
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
