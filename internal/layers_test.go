package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "rekey.example/rekey/"

// may lists, for each room of the house, the rooms it may import, with all that
// those may. Read from the bottom up it is the plan of the house: imports run
// downward only. Change it in a commit of its own, with the reason.
var may = map[string][]string{
	"internal/secret":    {},
	"internal/store":     {},
	"api":                {},
	"client":             {"api"},
	"internal/access":    {"internal/secret", "internal/store"},
	"internal/audit":     {"internal/access"},
	"internal/custody":   {"internal/audit"},
	"internal/replica":   {"internal/secret", "internal/store"},
	"internal/telemetry": {},
	"internal/inventory": {"internal/audit"},
	"internal/connector": {"internal/inventory"},
	"internal/policy":    {"internal/inventory"},
	"internal/view":      {"internal/audit"},
	"internal/schedule":  {"internal/connector", "internal/policy"},
	"internal/rotation":  {"internal/schedule"},
	"internal/diagnosis": {"internal/connector", "internal/policy"},
	"internal/delivery":  {"internal/connector"},
	"internal/alert":     {"internal/connector"},
	"internal/scan":      {"internal/secret"}, // reads what strangers wrote: knows no store, no network and no tenant
	"internal/server":    {"internal/rotation", "internal/diagnosis", "internal/delivery", "internal/alert", "internal/trail", "internal/custody", "internal/telemetry", "internal/usage", "internal/review", "internal/view", "internal/server/ui", "api"},
	"internal/trail":     {"internal/connector", "internal/policy"},
	"internal/usage":     {"internal/trail"},
	"internal/review":    {"internal/connector", "internal/policy"},
	"internal/server/ui": {"internal/access", "client"}, // a client of the API, like everybody else
	"internal/daemon":    {"internal/server", "internal/replica", "client"},
	"cmd/rekey":          {"internal/daemon", "internal/sim", "internal/scan"},
	"bench":              {"internal/daemon", "internal/sim", "internal/scan"},

	// The pretended clouds import nothing of ours, and only the commands and
	// tests may start them.
	"internal/sim": {},

	// Names that somebody could give to do harm, for tests.
	"internal/hostile": {},

	"internal/browsertest": {}, // only tests
}

func TestWalls(t *testing.T) {
	root := os.DirFS("..")
	rooms := slices.SortedFunc(maps.Keys(may), func(a, b string) int { return len(b) - len(a) })
	room := func(dir string) string {
		for _, r := range rooms {
			if dir == r || strings.HasPrefix(dir, r+"/") {
				return r
			}
		}
		return ""
	}
	files := 0
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "tools" || strings.HasPrefix(d.Name(), ".") && file != ".") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		from := room(path.Dir(file))
		if from == "" {
			t.Errorf("%s lies in no room of the plan", file)
			return nil
		}
		reach := reachable(from)
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			rest, ours := strings.CutPrefix(name, module)
			if !ours {
				continue
			}
			if to := room(rest); to != from && !reach[to] {
				t.Errorf("%s imports %s: %s may not see %s", file, name, from, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("read %d files; the walk has lost its way", files)
	}
}

// TestConnectorsKeepApart: a system's folder sees the shared wire, not another system.
func TestConnectorsKeepApart(t *testing.T) {
	shared := []string{"rest", "azure", "connectortest"}
	root := os.DirFS("connector")
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		src, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from, _, _ := strings.Cut(path.Dir(file), "/")
		for _, spec := range f.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			rest, ok := strings.CutPrefix(name, module+"internal/connector/")
			to, _, _ := strings.Cut(rest, "/")
			if ok && to != from && !slices.Contains(shared, to) {
				t.Errorf("connector/%s imports connector/%s", file, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func reachable(from string) map[string]bool {
	seen := map[string]bool{}
	var walk func(string)
	walk = func(r string) {
		for _, next := range may[r] {
			if !seen[next] {
				seen[next] = true
				walk(next)
			}
		}
	}
	walk(from)
	return seen
}
