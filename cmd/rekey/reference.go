package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rekey.example/rekey/internal/daemon"
)

//go:generate go test -run TestReferenceIsCurrent -update .

// commandReference is docs/reference/cli.md: the help of every command, in the
// order in which rekey --help lists them.
func commandReference(root *cobra.Command) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# The command line

Written by `+"`make generate`"+` from the commands themselves; do not edit it.

Every command is a call of the REST API ([api](api.md)): of the server that `+"`--server`"+` or `+"`REKEY_SERVER`"+` names,
or of one in its own process, which works on the data folder.

## Flags of every command

%s
## Output

A table in a terminal, JSON elsewhere; `+"`-o`"+` chooses. Messages, progress and errors go to stderr. An empty list is `+"`[]`"+` and
exit code 0. Tables cut long names to the terminal's width and say times in words; `+"`tsv`"+` and `+"`csv`"+` have every column, whole,
and times in UTC (ISO 8601). `+"`csv`"+` begins with a byte order mark, so that Excel reads it as UTF-8, and a text that a spreadsheet would
take for a formula has an apostrophe in front. Control characters and characters that change the reading direction are shown as escapes.
`+"`--query`"+` takes [JMESPath](https://jmespath.org), as the Azure CLI does.

## Exit codes

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | failure |
| 2 | wrong usage or configuration |
| 3 | not found |
| 4 | denied: no token, or the role or person may not |
| 5 | conflict, or an approval is needed |
| 6 | partly done |
| 7 | throttled by a remote system |
| 10 | findings (`+"`policy check`, `policy try`"+`) |
`, flagTable(root.PersistentFlags()))
	describe(&b, root)
	return b.Bytes()
}

func describe(b *bytes.Buffer, c *cobra.Command) {
	for _, below := range c.Commands() {
		if !below.IsAvailableCommand() || below.Name() == "help" {
			continue
		}
		level := strings.Repeat("#", 1+strings.Count(below.CommandPath(), " "))
		fmt.Fprintf(b, "\n%s %s\n\n%s\n", level, below.CommandPath(), below.Long)
		if below.HasAvailableSubCommands() {
			describe(b, below)
			continue
		}
		fmt.Fprintf(b, "\n    %s\n", below.UseLine())
		if flags := flagTable(below.LocalNonPersistentFlags()); flags != "" {
			fmt.Fprintf(b, "\n%s", flags)
		}
		if below.Example != "" {
			fmt.Fprintf(b, "\nExamples:\n\n%s\n", indent(below.Example))
		}
	}
}

func flagTable(flags *pflag.FlagSet) string {
	var rows strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		kind, text := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if kind != "" {
			name += " " + kind
		}
		if d := f.DefValue; d != "" && d != "false" && d != "[]" && d != "0" && d != "0s" && !strings.Contains(text, "default") {
			text += " (default " + d + ")"
		}
		fmt.Fprintf(&rows, "| `%s` | %s |\n", name, strings.ReplaceAll(text, "|", `\|`))
	})
	if rows.Len() == 0 {
		return ""
	}
	return "| flag | |\n| --- | --- |\n" + rows.String()
}

func indent(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		b.WriteString("    " + strings.TrimPrefix(l, "  "))
	}
	return b.String()
}

// configurationReference is docs/reference/configuration.md.
func configurationReference() []byte {
	var b bytes.Buffer
	b.WriteString(`# The configuration

Written by ` + "`make generate`" + ` from the program's own list; do not edit it.

rekey reads defaults, the file, the environment and flags, each over the one before. The file is ` + "`rekey.yaml`" + ` in the data folder
(` + "`--data`, `REKEY_DATA`" + `), or what ` + "`--config` or `REKEY_CONFIG`" + ` names. ` + "`rekey init`" + ` writes one to begin with, ` + "`rekey config check`" + `
reports every mistake with its line and the nearest known key, and ` + "`rekey config explain KEY`" + ` tells a value and where it came from.

Lengths of time are written as ` + "`90s`, `30m`, `24h`, `180d` or `2w`" + `. A variable with ` + "`_FILE`" + ` behind its name holds the name of a file with
the value. Secrets never stand in the configuration file: the identities' client secrets come from ` + "`REKEY_READER_CLIENT_SECRET`" + ` and
` + "`REKEY_WRITER_CLIENT_SECRET`" + `, from the files that the same names with ` + "`_FILE`" + ` hold, or, better, are certificates.
The master passphrase comes from ` + "`REKEY_MASTER_PASSPHRASE`" + ` or from the file that ` + "`REKEY_MASTER_PASSPHRASE_FILE`" + ` names, the PIN of a token from
` + "`REKEY_MASTER_KEY_PIN`" + `: [custody](custody.md).

| key | default | variable | meaning |
| --- | --- | --- | --- |
`)
	defaults := map[string]string{}
	for _, s := range daemon.DefaultSettings() {
		defaults[s.Key] = s.Value
	}
	for _, k := range daemon.Keys() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, code(defaults[k.Name]), code(k.Variable), strings.ReplaceAll(k.Meaning, "|", `\|`))
	}
	b.WriteString(`
Other variables: ` + "`REKEY_SERVER`, `REKEY_TOKEN`, `REKEY_TOKEN_FILE`" + ` for the command line, ` + "`NO_COLOR`" + `, and those of Azure's own identity library
(` + "`AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_CERTIFICATE_PATH`, `AZURE_FEDERATED_TOKEN_FILE`, `AZURE_AUTHORITY_HOST`, `AZURE_TOKEN_CREDENTIALS`" + `),
which hold where no ` + "`clientId`" + ` is configured.
`)
	return b.Bytes()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}
