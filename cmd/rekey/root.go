package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `rekey knows every credential of your Entra applications, says what breaks when one
ends, and renews it without an outage.

  Try it without a tenant:   rekey demo
  Start with your tenant:    rekey init`

// rootCommand lists every command, one line each.
func rootCommand(s *session) *cobra.Command {
	root := &cobra.Command{
		Use:               "rekey COMMAND",
		Short:             "The life of application credentials, and their renewal without an outage",
		Long:              rootLong,
		Args:              cobra.ArbitraryArgs,
		RunE:              helpOrUnknown,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return s.ready() },
	}
	s.bind(root)
	root.AddGroup(
		&cobra.Group{ID: "know", Title: "Know and judge"},
		&cobra.Group{ID: "renew", Title: "Renew"},
		&cobra.Group{ID: "prove", Title: "Prove"},
		&cobra.Group{ID: "run", Title: "Set up and run"},
	)
	for group, commands := range map[string][]*cobra.Command{
		"know": {
			statusCommand(s),
			syncCommand(s),
			credentialsCommand(s),
			applicationsCommand(s),
			policyCommand(s),
			findingsCommand(s),
			scanCommand(s),
			scheduleCommand(s),
			alertCommand(s),
			calendarCommand(s),
		},
		"renew": {
			rotateCommand(s),
			rotationsCommand(s),
			approveCommand(s),
			refuseCommand(s),
			cancelCommand(s),
			confirmCommand(s),
			permitCommand(s),
			revokeCommand(s),
			incidentCommand(s),
			tasksCommand(s),
		},
		"prove": {
			auditCommand(s),
			reconcileCommand(s),
		},
		"run": {
			initCommand(s),
			doctorCommand(s),
			diagnoseCommand(s),
			serveCommand(s),
			dbCommand(s),
			tokenCommand(s),
			configCommand(s),
			keysCommand(s),
			powerPlatformCommand(s),
			demoCommand(s),
		},
		"": {
			explainCommand(s),
			peopleCommand(s),
			sessionsCommand(s),
			simCommand(),
			completionCommand(s),
			versionCommand(s),
		},
	} {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%v", err).next(c.CommandPath() + " --help lists the flags")
	})
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate("{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}\n\n{{end}}{{.UsageString}}")
	root.InitDefaultHelpCmd()
	root.InitDefaultHelpFlag()
	strict(root)
	return root
}

// strict makes wrong arguments a usage error wherever they are found out.
func strict(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			if _, known := errors.AsType[*problem](err); err == nil || known {
				return err
			}
			return usage("%v", err).next("usage: " + c.UseLine())
		}
	}
	for _, below := range c.Commands() {
		strict(below)
	}
}

// helpOrUnknown is what a command does that only has commands below it.
func helpOrUnknown(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	c.SuggestionsMinimumDistance = 2
	p := usage("%s has no command %q", c.CommandPath(), args[0])
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return p.next("did you mean " + c.CommandPath() + " " + strings.Join(near, " or ") + "?")
	}
	return p.next(c.CommandPath() + " --help lists the commands")
}

// family is a command that only groups others.
func family(use, short, long string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use + " COMMAND", Short: short, Long: long, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown}
	c.AddCommand(below...)
	return c
}

// takes checks the number of arguments and names what is missing.
func takes(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		need := 0
		for _, n := range names {
			if !strings.HasPrefix(n, "[") {
				need++
			}
		}
		switch {
		case len(args) < need:
			return usage("%s needs %s", c.CommandPath(), names[len(args)]).next("usage: " + c.UseLine())
		case len(args) > len(names):
			return usage("%s does not take %q", c.CommandPath(), args[len(names)]).next("usage: " + c.UseLine())
		}
		return nil
	}
}

const usageTemplate = `Usage:
  {{if .Runnable}}{{.UseLine}}{{else}}{{.CommandPath}} COMMAND [flags]{{end}}
{{- if .HasExample}}

Examples:
{{.Example | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableSubCommands}}{{$cmds := .Commands}}
{{- if eq (len .Groups) 0}}

Commands:{{range $cmds}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{- else}}{{range $group := .Groups}}

{{.Title}}:{{range $cmds}}{{if (and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help")))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}

More:{{range $cmds}}{{if (and (eq .GroupID "") (or .IsAvailableCommand (eq .Name "help")))}} {{.Name}}{{end}}{{end}}{{end}}{{end}}
{{- if and .HasAvailableLocalFlags .HasParent}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if and .HasAvailableInheritedFlags (not .HasAvailableSubCommands)}}

Flags of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if not .HasParent}}

Flags of every command: --data, --config, --database, --server, --token-file, -o, --query, --quiet,
--no-color
Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 denied, 5 conflict or approval needed,
6 partly done, 7 throttled, 10 findings{{end}}
{{- if .HasAvailableSubCommands}}

{{.CommandPath}} COMMAND --help tells more about one.{{end}}
`
