package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/internal/daemon"
)

func configCommand(s *session) *cobra.Command {
	return family("config", "Check the configuration and explain its keys",
		`rekey reads its configuration from defaults, the file rekey.yaml, REKEY_ variables and
flags, each over the one before. docs/reference/configuration.md lists every key.`,
		configCheck(s), configExplain(s))
}

func configCheck(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and show where each value comes from",
		Long: `Reads the configuration and reports every mistake with its line and the nearest known
key. If there is none, shows the values that are not the defaults. Nothing is started or
changed; whether the tenant agrees is rekey doctor's to say.`,
		Example: `  rekey config check
  rekey config check --config /etc/rekey/rekey.yaml -o json`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			l, err := s.load(nil)
			if err != nil {
				return err
			}
			if s.tabular() {
				if l.File == "" {
					s.say("There is no configuration file. rekey init writes one to begin with.")
				} else {
					s.say("%s is in order.", l.File)
				}
			}
			set := slices.DeleteFunc(slices.Clone(l.Settings), func(v daemon.Setting) bool {
				return v.From == "default" && s.tabular()
			})
			return s.show(set, settingTable(set))
		},
	}
}

func settingTable(set []daemon.Setting) *table {
	t := &table{none: "Everything is at its default.", columns: []column{{name: "key", title: "Key"}, {name: "value", title: "Value", cut: true}, {name: "from", title: "From"}, {name: "meaning"}}}
	for _, v := range set {
		t.add(v.Key, v.Value, v.From, v.Meaning)
	}
	return t
}

func configExplain(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "explain KEY",
		Short: "Tell a key's value, where it came from and what it means",
		Long:  "Tells what a key means, the value it has now, and where that came from.",
		Example: `  rekey config explain rotation.overlap
  REKEY_LISTEN=:9000 rekey config explain listen`,
		Args: takes("KEY"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, k := range daemon.Keys() {
				names = append(names, k.Name+"\t"+k.Meaning)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := daemon.FindKey(args[0])
			if err != nil {
				return failure(exitNotFound, "%v", err).next("docs/reference/configuration.md lists them; rekey config check -o json too")
			}
			l, err := s.load(nil)
			if err != nil {
				return err
			}
			v := daemon.Setting{Key: key.Name, Meaning: key.Meaning, From: "only in entries of a list"}
			if i := slices.IndexFunc(l.Settings, func(v daemon.Setting) bool { return v.Key == key.Name }); i >= 0 {
				v = l.Settings[i]
			}
			return s.tell(v, func(p *sheet) {
				p.fact("Key", "%s", v.Key)
				p.fact("Meaning", "%s", v.Meaning)
				p.fact("Value", "%s", v.Value)
				p.fact("From", "%s", v.From)
				p.fact("Variable", "%s", key.Variable)
				p.fact("In the file", "%s", inFile(key.Name))
			})
		},
	}
}

// inFile shows how a key stands in YAML, on one line.
func inFile(name string) string {
	if strings.Contains(name, "[]") {
		list, element, _ := strings.Cut(name, "[].")
		return list + ": [{" + element + ": ...}]"
	}
	parts := strings.Split(name, ".")
	if len(parts) == 1 {
		return name + ": ..."
	}
	return parts[0] + ": {" + strings.Join(parts[1:], ": {") + ": ..." + strings.Repeat("}", len(parts)-1)
}
