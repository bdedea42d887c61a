package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/jmespath/go-jmespath"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rekey.example/rekey/internal/daemon"
)

// session is one run of the program: its streams, its global flags and what it
// has opened.
type session struct {
	in       io.Reader
	out      io.Writer
	err      io.Writer
	env      func(string) (string, bool)
	flags    globals
	query    *jmespath.JMESPath // compiled --query
	terminal bool               // stdout is one
	watched  bool               // stderr is one: progress may be shown
	width    int                // of the terminal, 0 if unknown
	carries  bool               // without a server, rotations are carried on while the command runs
	closers  []func() error
}

// globals are the flags that every command takes.
type globals struct {
	data, config, server, tokenFile string
	database                        string
	output, query                   string
	quiet, noColor                  bool
}

// newSession is a run on the process's own streams.
func newSession() *session {
	s := &session{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv}
	s.terminal = term.IsTerminal(int(os.Stdout.Fd()))
	s.watched = term.IsTerminal(int(os.Stderr.Fd()))
	if columns, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		s.width = columns
	}
	return s
}

func (s *session) bind(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&s.flags.data, "data", "", "data `FOLDER` (default $REKEY_DATA, or "+daemon.DefaultData(homeless)+")")
	f.StringVar(&s.flags.config, "config", "", "configuration `FILE` (default $REKEY_CONFIG, or rekey.yaml in the data folder)")
	f.StringVar(&s.flags.database, "database", "", "`ADDRESS` of the database, postgres://USER@HOST/NAME (default database of the configuration, or SQLite in the data folder)")
	f.StringVar(&s.flags.server, "server", "", "`URL` of a rekey server (default $REKEY_SERVER; without one, rekey works in its own process)")
	f.StringVar(&s.flags.tokenFile, "token-file", "", "`FILE` with an API token (default $REKEY_TOKEN, or the file that $REKEY_TOKEN_FILE names)")
	f.StringVarP(&s.flags.output, "output", "o", "", "`FORMAT`: "+strings.Join(formats, ", ")+" (default table in a terminal, else json)")
	f.StringVar(&s.flags.query, "query", "", "`JMESPATH` to pick from the result")
	f.BoolVarP(&s.flags.quiet, "quiet", "q", false, "no progress and no remarks on stderr")
	f.BoolVar(&s.flags.noColor, "no-color", false, "no colours (also: NO_COLOR)")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
}

// homeless shows the home folder as ~ in help texts.
func homeless(name string) (string, bool) { return "~", name == "HOME" }

// ready checks the global flags before any command runs.
func (s *session) ready() error {
	if err := plainAddress("--database", s.flags.database); err != nil {
		return err
	}
	if s.flags.output != "" && !slices.Contains(formats, s.flags.output) {
		return usage("-o %s is not a format", s.flags.output).next("choose one of " + strings.Join(formats, ", "))
	}
	if s.flags.query != "" {
		q, err := compile(s.flags.query)
		if err != nil {
			return err
		}
		s.query = q
	}
	return nil
}

// say makes a remark to a person, beside the result.
func (s *session) say(format string, a ...any) {
	if !s.flags.quiet {
		fmt.Fprintln(s.err, visible(fmt.Sprintf(format, a...)))
	}
}

func (s *session) colored() bool {
	no, _ := s.env("NO_COLOR")
	return s.terminal && !s.flags.noColor && no == ""
}

func (s *session) bold(text string) string {
	if !s.colored() {
		return text
	}
	return "\x1b[1m" + text + "\x1b[0m"
}

// load reads the configuration. Flags are those of the command that name a key.
func (s *session) load(flags map[string]string) (*daemon.Loaded, error) {
	if s.flags.database != "" {
		flags = maps.Clone(flags)
		if flags == nil {
			flags = map[string]string{}
		}
		flags["database"] = s.flags.database
	}
	l, err := daemon.Load(daemon.Given{Data: s.flags.data, File: s.flags.config, Flags: flags, Env: s.env})
	if err != nil {
		return nil, failure(exitUsage, "%v", err).next("rekey config explain KEY tells what a key means; nothing was started")
	}
	if _, ok := s.teletype(); ok {
		l.Config.Ask = s.passphrase
	}
	return l, nil
}

func (s *session) onClose(f func() error) { s.closers = append(s.closers, f) }

// close ends what was opened, the last first.
func (s *session) close() error {
	var errs []error
	for _, f := range slices.Backward(s.closers) {
		errs = append(errs, f())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// run parses the arguments, runs the command and returns the exit code.
func run(ctx context.Context, s *session, args []string) int {
	root := rootCommand(s)
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	if closing := s.close(); err == nil {
		err = closing
	}
	return report(s.err, err)
}
