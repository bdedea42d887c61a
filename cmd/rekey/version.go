package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is stamped by the linker: -ldflags "-X main.version=1.2.3".
var version = ""

// build says which program this is.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Time    string `json:"time,omitempty"`
	Changed bool   `json:"changed,omitempty"` // built from files that are not committed
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Changed = s.Value == "true"
		}
	}
	if b.Version == "" {
		b.Version = "development"
	}
	return b
}

func versionCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Prints the version of this program and how it was built.",
		Example: "  rekey version\n  rekey version -o json --query version",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			return s.tell(b, func(p *sheet) {
				p.fact("rekey", "%s", b.Version)
				p.fact("Commit", "%s", b.Commit)
				p.fact("Built from", "%s", b.Time)
				p.fact("With", "%s for %s/%s", b.Go, b.OS, b.Arch)
			})
		},
	}
}
