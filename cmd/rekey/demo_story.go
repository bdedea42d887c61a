package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim/contoso"
)

// demoReport is what -o json prints.
type demoReport struct {
	Tenant       string           `json:"tenant"`
	Applications int              `json:"applications"`
	Credentials  int              `json:"credentials"`
	Expiring     []api.Credential `json:"expiring"`
	Rotation     demoRotation     `json:"rotation"`
	Certificate  demoRotation     `json:"certificate"` // renewed beside it
	Emergency    demoRotation     `json:"emergency"`   // likewise, without an overlap
	OldSecret    string           `json:"oldSecret"`   // how the sign-in with it ended
	NewSecret    string           `json:"newSecret"`
	Caught       demoCaught       `json:"caught"` // a secret that somebody added without rekey
	Audit        demoAudit        `json:"audit"`
}

type demoRotation struct {
	ID    string     `json:"id"`
	State string     `json:"state"`
	Steps []api.Step `json:"steps"`
}

type demoAudit struct {
	Events   int64 `json:"events"`
	Verified bool  `json:"verified"`
}

func (r demoReport) good() bool {
	for _, beside := range []demoRotation{r.Certificate, r.Emergency} {
		if beside.State != string(api.RotationStateDone) {
			return false
		}
	}
	return r.Caught.Finding.ID != "" && r.Rotation.State == string(api.RotationStateDone) && strings.HasPrefix(r.OldSecret, "refused: AADSTS7000215") && r.NewSecret == "accepted" && r.Audit.Verified
}

// The pretended people.
const (
	proposer = "nora"
	approver = "omar"
	auditor  = "ada"
)

// people makes a token for each and leaves it in a file that only the user reads.
func (d *demo) people(ctx context.Context, running *daemon.Daemon) error {
	local, err := running.Local()
	if err != nil {
		return err
	}
	d.tokens = map[string]string{}
	who := d.cloud.Tenant().People
	for name, as := range map[string]struct {
		person contoso.Person
		role   api.GivenRole
	}{proposer: {who.User, "user"}, approver: {who.Administrator, "administrator"}, auditor: {who.Auditor, "auditor"}} {
		person := access.EntraPerson(d.cloud.Tenant().ID, as.person.ObjectID) // the same whom they sign in as
		token, err := local.CreateToken(ctx, api.TokenRequest{Name: name, Person: person, Role: as.role, Lifetime: "1d"})
		if err != nil {
			return err
		}
		file := filepath.Join(d.folder, name+".token")
		if err := secret.WriteFile(file, []byte(token.Secret+"\n")); err != nil {
			return fmt.Errorf("cannot keep a token: %w", err)
		}
		d.tokens[name] = file
	}
	return nil
}

// as is a client of the demo's own server, over the network, as one of the people.
func (d *demo) as(name string) (*client.Client, error) {
	raw, err := os.ReadFile(d.tokens[name])
	if err != nil {
		return nil, fmt.Errorf("cannot read a token: %w", err)
	}
	token := secret.New(strings.TrimSpace(string(raw)))
	return client.New(client.Config{Server: d.server, Token: token.Reveal})
}

// story is what is shown, in its order.
func (d *demo) story(ctx context.Context) (demoReport, error) {
	t := d.cloud.Tenant()
	report := demoReport{Tenant: t.Name}
	d.tell("%s", d.bold("A pretended tenant: "+t.Name+" ("+t.Domain+")"))
	d.tell("  Entra ID, Microsoft Graph and Key Vault answer on this machine under their real names. The waits are seconds")
	d.tell("  instead of hours (both secrets valid: %s instead of 24h, final watch: %s instead of 24h), and the clouds'", demoTiming.Overlap, demoTiming.Watch)
	d.tell("  delays are scaled alike. All else is as in life.")
	nora, err := d.as(proposer)
	if err != nil {
		return report, err
	}
	omar, err := d.as(approver)
	if err != nil {
		return report, err
	}
	for _, act := range []func() error{
		func() error { return d.read(ctx, omar, &report) },
		func() error { return d.expiring(ctx, nora, &report) },
		func() error { return d.renew(ctx, nora, omar, &report) },
		func() error { return d.caught(ctx, omar, &report) },
		func() error { return d.prove(ctx, omar, &report) },
	} {
		if err := act(); err != nil {
			return report, err
		}
	}
	return report, nil
}

// read fills the inventory.
func (d *demo) read(ctx context.Context, omar *client.Client, report *demoReport) error {
	d.tell("\n%s", d.bold("1  What is there?"))
	began := time.Now()
	sync, err := omar.StartSync(ctx, false)
	if err != nil {
		return err
	}
	for now, err := range omar.WatchSync(ctx, sync.ID) {
		if err != nil {
			return err
		}
		if sync = now; sync.State == api.SyncStateRunning {
			d.progress("reading %s: %d objects, %.0f a second", sync.Phase, sync.Counts.Read, sync.Rate)
		}
	}
	d.progress("")
	status, err := omar.Status(ctx)
	if err != nil {
		return err
	}
	if len(status.Tenants) == 0 {
		return failure(exitFailure, "the reading ended %s: %s", sync.State, sync.Problem)
	}
	c := status.Tenants[0].Counts
	report.Applications, report.Credentials = c.Applications, c.Credentials
	d.tell("  %d applications and %d service principals with %d credentials, %d vault entries, read in %.1fs",
		c.Applications, c.ServicePrincipals, c.Credentials, c.Entries, time.Since(began).Seconds())
	if sync.Problem != "" {
		d.tell("  one source could not be read, as in life: %s", sync.Problem)
	}
	return nil
}

// expiring shows what ends soon and what breaks.
func (d *demo) expiring(ctx context.Context, nora *client.Client, report *demoReport) error {
	d.tell("\n%s", d.bold("2  What ends in the next 30 days, and what will break?"))
	report.Expiring = []api.Credential{}
	list := &table{columns: []column{{"ends", "ENDS", false}, {"breaks", "WHAT BREAKS", true}, {"app_name", "APPLICATION", true}, {"owner", "OWNER", true}}}
	for c, err := range nora.Credentials(ctx, api.ListCredentialsParams{Expiring: "30d"}) {
		if err != nil {
			return err
		}
		report.Expiring = append(report.Expiring, c)
		var breaks []string
		for _, u := range c.Consumers {
			breaks = append(breaks, u.Consumer)
		}
		list.add(c.Expires, cmp.Or(strings.Join(breaks, "; "), "nobody knows"), c.Application.Name, firstOwner(c.Owners))
	}
	return list.write(d.stage(), time.Now(), max(d.width, 110), d.bold)
}

// firstOwner names a person if there is one, and how many more owners there are.
func firstOwner(list []api.Owner) string {
	i := max(slices.IndexFunc(list, func(o api.Owner) bool { return o.Kind == "user" }), 0)
	switch len(list) {
	case 0:
		return "nobody"
	case 1:
		return list[0].Name
	}
	return fmt.Sprintf("%s +%d", list[i].Name, len(list)-1)
}

// renew carries one rotation through all steps.
func (d *demo) renew(ctx context.Context, nora, omar *client.Client, report *demoReport) error {
	t := d.cloud.Tenant().Demo
	d.tell("\n%s", d.bold("3  Renew one: "+t.Name))
	d.intrude(report)
	r, err := nora.Propose(ctx, api.RotationRequest{Application: t.ApplicationID, Credential: t.KeyID, Reason: "ends in six days"}, "")
	if err != nil {
		return err
	}
	report.Rotation.ID, d.rotation = r.ID, r.ID
	d.tell("  nora (user) proposes rotation %s into %s/%s", r.ID, t.Vault, t.Secret)
	d.tell("  omar (administrator) looks at the terms and approves exactly those (SHA-256 %.12s...)", r.Hash)
	if _, err := omar.Approve(ctx, r.ID, r.Hash); err != nil {
		return err
	}
	ended, err := d.beside(ctx, nora, omar, report)
	if err != nil {
		return err
	}
	began := time.Now()
	told := map[string]bool{}
	for now, err := range nora.Watch(ctx, r.ID) {
		if err != nil {
			return err
		}
		for _, s := range now.Steps {
			if s.State == api.StepStateDone && !told[s.Name] {
				told[s.Name] = true
				d.progress("")
				d.tell("  %5.1fs  ✓ %-9s  %s", time.Since(began).Seconds(), s.Name, d.indent(s.Evidence, 22))
			}
		}
		if now.State == api.RotationStateOpen {
			d.progress("%5.1fs  … %-9s  %s", time.Since(began).Seconds(), now.Current, now.Problem)
		}
		report.Rotation.State, report.Rotation.Steps = string(now.State), now.Steps
		r = now
	}
	d.progress("")
	if r.State != api.RotationStateDone {
		d.tell("  ended %s: %s", r.State, r.Problem)
	}
	return ended()
}

// prove signs in with the old and the new secret, and verifies the log.
func (d *demo) prove(ctx context.Context, omar *client.Client, report *demoReport) error {
	t := d.cloud.Tenant().Demo
	d.tell("\n%s", d.bold("5  Is it true?"))
	versions := d.cloud.Versions(t.Vault, t.Secret)
	if len(versions) < 2 {
		report.OldSecret, report.NewSecret = "not known", "not in the vault"
		return nil
	}
	report.OldSecret = tried(d.signIn(ctx, t.ClientID, secret.New(versions[len(versions)-2].Value)))
	report.NewSecret = tried(d.signIn(ctx, t.ClientID, secret.New(versions[len(versions)-1].Value)))
	d.tell("  sign-in with the old secret: %s", report.OldSecret)
	d.tell("  sign-in with what the vault holds now: %s", report.NewSecret)
	v, err := omar.VerifyAudit(ctx, "")
	if err != nil {
		return err
	}
	report.Audit = demoAudit{Events: v.Events, Verified: v.Ok}
	d.tell("  audit log: %d events, each proved by the signed head: %s", v.Events, map[bool]string{true: "verified", false: "NOT verified: " + v.Problem}[v.Ok])
	return nil
}

func tried(err error) string {
	if err == nil {
		return "accepted"
	}
	return strings.Replace(err.Error(), "sign-in refused:", "refused:", 1)
}

// next tells what to try now.
func (d *demo) next() {
	d.tell("\n%s", d.bold("Now you. Open "+d.server+"/signin in a browser and pick Nora (user), Omar (administrator) or Ada (auditor). It is there until you press Ctrl-C."))
	d.tell("\nOr in another terminal:")
	if exe, err := os.Executable(); err == nil {
		if found, err := exec.LookPath("rekey"); err != nil || found != exe {
			d.tell("\n  export PATH=%s:$PATH", filepath.Dir(exe))
		}
	}
	d.tell(`  export REKEY_SERVER=%s REKEY_TOKEN_FILE=%s
  rekey credentials list --expiring 30d
  rekey policy check                                # what is against the rules, each with its cure
  rekey rotate APPLICATION --dry-run                # what would happen, and to whom
  rekey rotations show %s
  rekey audit timeline HR_Workday_Import       # who changed it, ours and theirs
  rekey applications access az-admin           # what it may do, and what of it is too much
  rekey audit log

You are omar there, an administrator. Others: %s (user), %s (auditor).
Try the Azure CLI on the pretended tenant:

  export HTTPS_PROXY=%s REQUESTS_CA_BUNDLE=%s
  az login --service-principal --allow-no-subscriptions --tenant %s -u %s -p '%s'`,
		d.server, d.tokens[approver], d.rotation, d.tokens[proposer], d.tokens[auditor],
		d.proxy.URL(), d.caFile, d.cloud.Tenant().ID, d.cloud.Tenant().Admin.ClientID, d.cloud.Tenant().Admin.Secret)
}

// stage is where the story is told: beside a document, on stderr.
func (d *demo) stage() io.Writer {
	if d.document() {
		return d.err
	}
	return d.out
}

func (d *demo) tell(format string, a ...any) {
	if d.flags.quiet {
		return
	}
	fmt.Fprintf(d.stage(), format+"\n", a...)
}

// indent breaks a long text so that it fits beside what stands left of it.
func (d *demo) indent(s string, by int) string {
	if d.width < by+40 {
		return s
	}
	return strings.ReplaceAll(text.WrapSoft(s, d.width-by), "\n", "\n"+strings.Repeat(" ", by))
}

// progress overwrites the line of what is going on, on a terminal.
func (d *demo) progress(format string, a ...any) {
	if !d.watched || d.flags.quiet {
		return
	}
	line := ""
	if format != "" {
		line = "  " + shorten(fmt.Sprintf(format, a...), max(d.width-4, 40))
	}
	fmt.Fprintf(d.err, "\r\x1b[K%s", line)
}
