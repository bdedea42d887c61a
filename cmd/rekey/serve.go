package main

import (
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/internal/daemon"
)

func serveCommand(s *session) *cobra.Command {
	var at daemon.Serving
	var logs, level string
	var keep, force bool
	c := &cobra.Command{
		Use:   "serve",
		Short: "Keep the inventory fresh, carry rotations on, answer the REST API",
		Long: `Runs until it is stopped: reads the tenant every sync.every, carries rotations on when
they are due, and answers the REST API, which every other command can use with --server
and a token. /livez and /readyz tell a supervisor how it is.

Beyond this machine it speaks HTTPS: give --tls-cert and --tls-key, or put a proxy in
front that does and say --insecure.

On PostgreSQL any number of replicas share the work; docs/how-to/many-machines.md says
what each of them needs.`,
		Example: `  rekey serve
  rekey serve --listen 0.0.0.0:8417 --tls-cert rekey.pem --tls-key rekey.key
  rekey serve --database postgres://rekey@db.contoso.com/rekey
  rekey serve --log-format json --log-level debug`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			flags := map[string]string{}
			if c.Flags().Changed("listen") {
				flags["listen"] = at.Listen
			}
			loaded, err := s.load(flags)
			if err != nil {
				return err
			}
			config := loaded.Config
			config.NoMigrate, config.Force = keep, force
			if config.Logger, err = logger(s.err, logs, level); err != nil {
				return err
			}
			d, err := s.open(c.Context(), config)
			if err != nil {
				return err
			}
			at.Opened = func(address string) error {
				s.say("rekey %s answers at %s. Stop it with Ctrl-C.", config.Version, address)
				return s.tellSetup(c.Context(), d, address)
			}
			return d.Serve(c.Context(), at)
		},
	}
	f := c.Flags()
	f.StringVar(&at.Listen, "listen", "", "`ADDRESS` to answer on, HOST:PORT (default listen of the configuration)")
	f.StringVar(&at.CertFile, "tls-cert", "", "PEM `FILE` with the server's certificate and its chain")
	f.StringVar(&at.KeyFile, "tls-key", "", "PEM `FILE` with its private key")
	f.BoolVar(&at.Insecure, "insecure", false, "plain HTTP beyond this machine, behind a proxy that speaks HTTPS")
	f.BoolVar(&keep, "no-migrate", false, "refuse to start if the tables are not up to date, instead of changing them")
	f.BoolVar(&force, "force", false, "use a database again that was copied to another one; the copy must never be used any more")
	f.StringVar(&logs, "log-format", "text", "`FORMAT` of the log on stderr: text, json")
	f.StringVar(&level, "log-level", "info", "`LEVEL` of the log: debug, info, warn, error")
	return c
}

// logger writes the program's log. Names from directories are quoted by both
// formats; whatever a terminal would act upon is made visible besides.
func logger(w io.Writer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usage("--log-level %q is not debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: l, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindString {
			return slog.String(a.Key, visible(a.Value.String()))
		}
		return a
	}}
	switch strings.ToLower(format) {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usage("--log-format %q is not text or json", format)
}

// locked explains that another process works on the data folder.
func locked(err error) (what, hint string, ok bool) {
	e, ok := errors.AsType[*daemon.LockedError](err)
	if !ok {
		return "", "", false
	}
	if e.Address != "" {
		return "a rekey server works on " + e.Folder, "speak to it: --server " + e.Address + " with a token (REKEY_TOKEN or --token-file)", true
	}
	return "another rekey command works on " + e.Folder, "wait until it has ended and try again", true
}
