package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/internal/diagnosis"
)

// explanation is what a code means, why it comes, and what to do.
type explanation struct {
	Code    string `json:"code"`
	Meaning string `json:"meaning"`
	Cure    string `json:"cure"`
}

func explainCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "explain CODE",
		Short: "Tell what an error code means",
		Long: `Tells what a code means, why it comes and what to do: a code of rekey's own answers
(forbidden, remote_denied), one of the clouds' (AADSTS7000215, ForbiddenByRbac, 40103), or a
cause that rekey diagnose names (secret.expired).`,
		Example: `  rekey explain AADSTS7000215
  rekey explain ForbiddenByFirewall
  rekey explain rotation_open`,
		Args: takes("CODE"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return slices.Sorted(maps.Keys(diagnosis.Problems)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			e, ok := explained(args[0])
			if !ok {
				return failure(exitNotFound, "no code %q is known", args[0]).next("known are: " + strings.Join(slices.Sorted(maps.Keys(diagnosis.Problems)), ", ") + ", AADSTS followed by a number, and the codes of docs/reference/diagnose.md; rekey diagnose takes a whole error text")
			}
			return s.tell(e, func(p *sheet) {
				p.fact("Code", "%s", e.Code)
				p.fact("Meaning", "%s", e.Meaning)
				p.fact("What to do", "%s", e.Cure)
			})
		},
	}
}

func explained(code string) (explanation, bool) {
	name := strings.TrimPrefix(strings.ToLower(code), "urn:rekey:problem:")
	if e, ok := diagnosis.Problems[name]; ok {
		return explanation{name, e[0], e[1]}, true
	}
	if c, ok := diagnosis.Explain(code); ok {
		return explanation{shown(code), c.Meaning, c.Cure}, true
	}
	return explanation{}, false
}

// shown is a code as its service spells it.
func shown(code string) string {
	for _, known := range diagnosis.Codes() {
		if strings.EqualFold(known, code) {
			return known
		}
	}
	return strings.ToUpper(code)
}
