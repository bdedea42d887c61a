package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

// simFlags are the flags of rekey sim.
type simFlags struct {
	listen, domain, caDir, faultFile string
	apps                             int
	seed                             uint64
	faults                           []string
	limits, quiet, anywhere, free    bool
	lagScale                         float64
}

func simCommand() *cobra.Command {
	var f simFlags
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Pretend to be Microsoft's clouds, for tests, demonstrations and training",
		Long: `Pretend to be Microsoft's clouds, for tests, demonstrations and training.

The simulator answers as Entra ID, Microsoft Graph, Azure Key Vault and Azure
Resource Manager, under their real names, with a seeded tenant "Contoso". It is
an HTTP proxy with its own certificate authority, so any client works unchanged
that is given the proxy and trusts the authority: the Azure CLI, the SDKs, curl,
and rekey itself. Nothing leaves this machine, and everything is forgotten when
it ends, except the authority.

It has the clouds' sicknesses too, each a fault that can be switched on: see
docs/reference/simulator.md for their names and meaning.`,
		Example: `  # the small tenant, on the usual port
  rekey sim

  # 100,000 applications, real request limits, new secrets as slow as in life
  rekey sim --apps 100000 --limits --lag-scale 1

  # the first answer to addPassword is lost, every third token request is throttled
  rekey sim --fault "lost-answer:POST graph.microsoft.com/v1.0/applications/*/addPassword:times=1" \
            --fault "throttled:POST login.microsoftonline.com/*/oauth2/v2.0/token:rate=0.33"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return f.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8443", "`address` to listen on")
	flags.BoolVar(&f.anywhere, "anywhere", false, "let --listen be an address that others can reach")
	flags.IntVar(&f.apps, "apps", 0, "grow the tenant to this `number` of applications")
	flags.Uint64Var(&f.seed, "seed", 1, "`number` from which all ids and secrets follow")
	flags.StringVar(&f.domain, "tenant-domain", "contoso.com", "verified `domain` of the tenant")
	flags.StringArrayVar(&f.faults, "fault", nil, "`fault` that is on from the start, as NAME[:METHOD host/path[:times=1,skip=2,rate=0.5,delay=5s,value=x]]; may be repeated")
	flags.StringVar(&f.faultFile, "fault-file", "", "JSON `file` with a list of faults, read again whenever it changes")
	flags.BoolVar(&f.limits, "limits", false, "enforce the clouds' request limits")
	flags.BoolVar(&f.free, "free", false, "a tenant without a premium licence, whose sign-in log cannot be read")
	flags.Float64Var(&f.lagScale, "lag-scale", 0, "how slow news travels between replicas: 1 as in life, 0 at once")
	flags.StringVar(&f.caDir, "ca-dir", "", "`folder` of the certificate authority (default: a folder in the user's cache)")
	flags.BoolVar(&f.quiet, "quiet", false, "print the address only, and no requests")
	return cmd
}

func (f simFlags) config(log io.Writer) (sim.Config, error) {
	c := sim.Config{
		World:     world.Config{Seed: f.seed, Tenant: world.Tenant{Domain: f.domain}, Lag: sim.RealLag(f.lagScale), Limits: f.limits, Records: world.Records{Free: f.free}},
		Apps:      f.apps,
		FaultFile: f.faultFile,
		CADir:     f.caDir,
		Anywhere:  f.anywhere,
	}
	if f.lagScale < 0 || f.apps < 0 {
		return c, usage("--lag-scale and --apps cannot be negative")
	}
	for _, text := range f.faults {
		fault, err := world.ParseFault(text)
		if err != nil {
			return c, usage("%v", err)
		}
		c.Faults = append(c.Faults, fault)
	}
	if c.CADir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return c, usage("there is no folder for the certificate authority: %v", err).next("name one with --ca-dir")
		}
		c.CADir = filepath.Join(cache, "rekey-sim")
	}
	if !f.quiet {
		c.Seen = printVisits(log)
	}
	return c, nil
}

// printVisits writes a line for each request. Paths carry no secrets: values
// travel in bodies and headers.
func printVisits(w io.Writer) func(sim.Visit) {
	var mu sync.Mutex
	return func(v sim.Visit) {
		status := fmt.Sprint(v.Status)
		if v.Status == 0 {
			status = "cut"
		}
		line := fmt.Sprintf("%s  %3s  %6s  %s", time.Now().Format(time.TimeOnly), status, v.Took.Round(time.Millisecond), visible(v.Operation))
		if v.Fault != "" {
			line += "  [" + v.Fault + "]"
		}
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(w, line)
	}
}

func (f simFlags) run(ctx context.Context, out, log io.Writer) error {
	config, err := f.config(log)
	if err != nil {
		return err
	}
	cloud, err := sim.New(config)
	if err != nil {
		return err
	}
	server, err := cloud.Listen(ctx, f.listen)
	if err != nil {
		return failure(exitFailure, "%v", err).next("--listen takes another address, --anywhere allows one that others can reach, --ca-dir another folder")
	}
	defer server.Close()
	if f.quiet {
		fmt.Fprintln(out, server.URL())
	} else {
		printStart(out, cloud, server, filepath.Join(config.CADir, "ca.pem"))
	}
	<-ctx.Done()
	return server.Close()
}

// printStart says how to reach the clouds, in lines that can be pasted.
func printStart(out io.Writer, cloud *sim.Cloud, server *sim.Server, caFile string) {
	t, url := cloud.Tenant(), server.URL()
	apps := 0
	cloud.World().Read(func() { apps = len(cloud.World().Directory.Applications) })
	fmt.Fprintf(out, "Pretended clouds are up at %s: tenant %s, %d applications.\n", url, t.Domain, apps)
	fmt.Fprintf(out, "What can be asked of them: %s/_sim/\n\n", url)

	variables := [][2]string{
		{"HTTPS_PROXY", url}, {"NO_PROXY", "127.0.0.1,localhost"},
		{"REQUESTS_CA_BUNDLE", caFile}, {"SSL_CERT_FILE", caFile}, {"CURL_CA_BUNDLE", caFile}, {"NODE_EXTRA_CA_CERTS", caFile},
		{"AZURE_TENANT_ID", t.ID}, {"AZURE_SUBSCRIPTION_ID", t.SubscriptionID},
		{"AZURE_CLIENT_ID", t.Admin.ClientID}, {"AZURE_CLIENT_SECRET", t.Admin.Secret},
	}
	fmt.Fprintln(out, "bash:")
	for _, v := range variables {
		fmt.Fprintf(out, "  export %s='%s'\n", v[0], v[1])
	}
	fmt.Fprintln(out, "\nPowerShell:")
	for _, v := range variables {
		fmt.Fprintf(out, "  $env:%s = '%s'\n", v[0], v[1])
	}
	fmt.Fprintf(out, "\nWho can sign in (these lines are for %s):\n", t.Admin.Name)
	fmt.Fprintf(out, "  %-13s  %-36s  %s\n", "NAME", "CLIENT ID", "SECRET")
	for _, id := range []struct{ name, client, secret string }{
		{t.Reader.Name, t.Reader.ClientID, t.Reader.Secret}, {t.Writer.Name, t.Writer.ClientID, t.Writer.Secret}, {t.Admin.Name, t.Admin.ClientID, t.Admin.Secret},
	} {
		fmt.Fprintf(out, "  %-13s  %-36s  %s\n", id.name, id.client, id.secret)
	}
	fmt.Fprintf(out, `
Then, for example:
  az login --service-principal -u $AZURE_CLIENT_ID -p $AZURE_CLIENT_SECRET --tenant $AZURE_TENANT_ID
  az ad app list --filter "startswith(displayName,'D365_')" -o table
  az ad app credential list --id %s
  az keyvault secret list --vault-name %s -o table
  curl https://login.microsoftonline.com/%s/v2.0/.well-known/openid-configuration

Ctrl+C ends it. Requests follow on standard error.
`, t.Demo.ClientID, t.Demo.Vault, t.Domain)
}
