package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

func demoCommand(s *session) *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See one secret renewed from beginning to end, in a pretended tenant",
		Long: `See one secret renewed from beginning to end, in a pretended tenant.

A simulator of Microsoft's clouds comes up with the tenant "Contoso". rekey
reads its inventory, shows which credentials end soon and what each will break,
and renews one: a pretended person proposes, another approves. You see every
step as it happens, the old secret refused, and the audit log verified. Then
the server stays up for you to try things.

rekey talks to the simulator as it would to a real tenant: the same code, the
same addresses, through a proxy. Only the waits are shorter: what takes hours
in life (both secrets valid, the watch at the end) takes seconds here.
Nothing leaves this machine.`,
		Example: `  rekey demo
  rekey demo --once -o json     # for a script: exit code 1 if any step failed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			d.session = s
			return d.run(ctx)
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.listen, "listen", "127.0.0.1:0", "`ADDRESS` of the server; port 0 picks a free one")
	f.BoolVar(&d.once, "once", false, "end when the story has ended")
	f.IntVar(&d.apps, "apps", 0, "grow the tenant to this `NUMBER` of applications")
	return cmd
}

// demo is one showing.
type demo struct {
	*session
	listen string
	once   bool
	apps   int

	cloud  *sim.Cloud
	folder string
	server string // URL of rekey's own server
	proxy  *sim.Server
	caFile string
	tokens map[string]string // person to the file with the token

	rotation string    // id of the one that was shown
	intruded time.Time // when somebody did something behind rekey's back

	// Tests look in before the story is told and after.
	before func()
	after  func(context.Context)
}

// The demo's time: seconds for hours. The simulator's lag is scaled alike.
var (
	demoTiming = daemon.Rotation{
		Lifetime: 180 * 24 * time.Hour, SignIns: 5, Proof: 4 * time.Second, Overlap: 5 * time.Second, Watch: 6 * time.Second, Records: time.Second, Patience: time.Hour,
	}
	demoLag = world.Lag{Secret: 2 * time.Second, List: 500 * time.Millisecond, Vault: time.Second, Audit: time.Second, Office: 3 * time.Second}
)

func (d *demo) run(ctx context.Context) (err error) {
	if err := d.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.shut()) }()
	running, err := daemon.Open(ctx, d.config())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, running.Close()) }()
	address, serving, err := d.serve(ctx, running)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, serving()) }()
	d.server = "http://" + address
	if err := d.people(ctx, running); err != nil {
		return err
	}
	if d.before != nil {
		d.before()
	}
	report, err := d.story(ctx)
	if err != nil {
		return err
	}
	if d.after != nil {
		d.after(ctx)
	}
	if d.document() {
		if err := d.show(report, nil); err != nil {
			return err
		}
	}
	if !report.good() {
		return failure(exitFailure, "the demonstration did not end well").next("the lines above say where it stopped; please report it")
	}
	if d.once {
		return nil
	}
	d.next()
	<-ctx.Done()
	d.tell("\nStopping.")
	return nil
}

// document reports whether a document is asked for. The story is for people, so
// that it is told into a pipe as well, and only -o or --query ask for a document.
func (d *demo) document() bool {
	return d.flags.output != "" && d.flags.output != "table" || d.query != nil
}

// open starts the pretended clouds and makes a data folder.
func (d *demo) open() (err error) {
	d.folder = d.flags.data
	if d.folder == "" {
		if d.folder, err = os.MkdirTemp("", "rekey-demo-"); err != nil {
			return fmt.Errorf("cannot make a folder for the demonstration: %w", err)
		}
		d.onClose(func() error { return os.RemoveAll(d.folder) })
	} else if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return fmt.Errorf("cannot make the data folder: %w", err)
	} else if _, err := os.Stat(filepath.Join(d.folder, "rekey.db")); err == nil {
		return usage("%s holds an installation already", d.folder).next("the demonstration starts from nothing: name an empty folder, or none")
	}
	if d.cloud, err = sim.New(sim.Config{World: world.Config{Seed: 1, Lag: demoLag}, Apps: d.apps}); err != nil {
		return err
	}
	if d.proxy, err = d.cloud.Listen(context.Background(), "127.0.0.1:0"); err != nil {
		return err
	}
	d.caFile = filepath.Join(d.folder, "simulator-ca.pem")
	return d.proxy.WriteCA(d.caFile)
}

func (d *demo) shut() error {
	d.cloud.Close()
	return d.proxy.Close()
}

// config is that of a real installation but for the proxy, the CA and the waits.
func (d *demo) config() daemon.Config {
	t := d.cloud.Tenant()
	c := daemon.Defaults(d.folder)
	c.Proxy, c.CAFile = d.proxy.URL(), d.caFile
	c.Tenant = daemon.Tenant{ID: t.ID, Name: t.Name}
	c.Reader = daemon.Identity{ClientID: t.Reader.ClientID, ClientSecret: secret.New(t.Reader.Secret)}
	c.Writer = daemon.Identity{ClientID: t.Writer.ClientID, ClientSecret: secret.New(t.Writer.Secret)}
	c.Vaults = []daemon.Vault{{Name: "kv-contoso-prod", ReadValues: true}, {Name: "kv-contoso-test", ReadValues: true}, {Name: "kv-contoso-finance", ReadValues: true}}
	c.Rotation = demoTiming
	c.Trail.Every, c.Trail.Office, c.Trail.SignIns = 3*time.Second, true, true
	c.SignIn.ClientID, c.SignIn.ClientSecret = t.SignIn.ClientID, secret.New(t.SignIn.Secret)
	c.SignIn.Front = d.proxy.URL() + "/login.microsoftonline.com" // browsers know nothing of the proxy
	return c
}

// signIn tries a value at the pretended Entra, as any client would.
func (d *demo) signIn(ctx context.Context, clientID string, v secret.Value) error {
	wire, err := azure.Wire{Proxy: d.proxy.URL(), CAFile: d.caFile}.Transport()
	if err != nil {
		return err
	}
	login, err := rest.New(rest.Config{Base: "https://login.microsoftonline.com", Transport: wire})
	if err != nil {
		return err
	}
	directory := &entra.Directory{Login: login, Tenant: d.cloud.Tenant().ID}
	return directory.SignIn(ctx, inventory.Application{ClientID: inventory.ClientID(clientID)}, v)
}
