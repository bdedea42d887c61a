package history_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
	"rekey.example/rekey/internal/scan/source"
	"rekey.example/rekey/internal/scan/source/archive"
	"rekey.example/rekey/internal/scan/source/history"
)

// A tree is a repository made by the git program, which only tests start.
type tree struct {
	t     testing.TB
	dir   string
	clock int
}

func newTree(t testing.TB) *tree {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("these tests make their repositories with the git program: apt-get install git")
	}
	g := &tree{t: t, dir: t.TempDir(), clock: 1_750_000_000}
	g.git("init", "-q", "-b", "main")
	return g
}

func (g *tree) git(args ...string) string {
	g.t.Helper()
	c := exec.Command("git", args...)
	c.Dir = g.dir
	date := fmt.Sprintf("%d +0000", g.clock)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@contoso.example", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@contoso.example", "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	out, err := c.CombinedOutput()
	if err != nil {
		g.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (g *tree) write(name, text string) {
	g.t.Helper()
	full := filepath.Join(g.dir, name)
	os.MkdirAll(filepath.Dir(full), 0o700)
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g *tree) commit(subject string) string {
	g.clock += 86400
	g.git("add", "-A")
	g.git("commit", "-q", "--allow-empty", "-m", subject)
	return g.git("rev-parse", "HEAD")
}

func look(t testing.TB, s *history.Source) []*scan.Hit {
	t.Helper()
	result, err := scan.Run(t.Context(), scan.Config{Unpack: source.Unpackers(archive.Limits{})}, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range result.Skipped {
		t.Errorf("skipped %s: %s", x.Path, x.Why)
	}
	return s.Finish(result.Hits)
}

// found is what a report tells: which value, where, and since when.
func found(hits []*scan.Hit, dir string) []string {
	var out []string
	for _, h := range hits {
		out = append(out, fmt.Sprintf("%s %s %s %s", h.Detector.ID, h.Fingerprint, strings.TrimPrefix(h.Path, dir+"/"), h.Commit))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// whole scans every version of every file whole, oldest commit first.
func (g *tree) whole() []string {
	engine, buf := scan.NewEngine(nil, nil), &scan.Buffer{}
	first := map[string]string{}
	known := map[string][]string{}
	for _, c := range strings.Fields(g.git("rev-list", "--all", "--reverse", "--topo-order")) {
		for _, line := range strings.Split(g.git("ls-tree", "-r", c), "\n") {
			about, name, found := strings.Cut(line, "\t")
			if !found {
				continue
			}
			blob := strings.Fields(about)[2]
			if _, seen := known[blob]; !seen {
				cat := exec.Command("git", "cat-file", "blob", blob)
				cat.Dir = g.dir
				data, err := cat.Output()
				if err != nil {
					g.t.Fatal(err)
				}
				known[blob] = []string{}
				for _, h := range engine.Piece(&scan.Piece{Data: data}, buf) {
					known[blob] = append(known[blob], h.Detector.ID+" "+h.Fingerprint)
				}
			}
			for _, k := range known[blob] {
				if _, seen := first[k+" "+name]; !seen {
					first[k+" "+name] = c
				}
			}
		}
	}
	var out []string
	for k, c := range first {
		out = append(out, k+" "+c)
	}
	slices.Sort(out)
	return out
}

// random makes a history of edits: lines come, go, move and are copied between
// files, some of them with secrets. A key block stays whole.
func (g *tree) random(seed uint64, commits int) {
	r := rand.New(rand.NewPCG(seed, 7))
	n := 0
	line := func() string {
		n++
		name := fmt.Sprint(seed, n)
		switch r.IntN(40) {
		case 0:
			return `client_secret = "` + detect.ClientSecret(name) + `"`
		case 1:
			return `"name": "ApiKey",` + "\n" + `  "value": "` + detect.Expand(name, "{a40}") + `"`
		case 2:
			return "db_password: " + detect.Expand(name, "{a7}!{d3}")
		case 3:
			return "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat(detect.Expand(name, "{b64}")+"\n", 20) + "-----END RSA PRIVATE KEY-----"
		case 4:
			return "conn=DefaultEndpointsProtocol=https;AccountName=x;AccountKey=" + detect.Expand(name, "{b86}") + "==;EndpointSuffix=core.windows.net"
		}
		return fmt.Sprintf("line %d of the file, which says %d", r.IntN(500), r.IntN(1e6))
	}
	files := map[string][]string{}
	for i := range 6 {
		name := fmt.Sprintf("dir%d/file%d.txt", i%3, i)
		for range 120 {
			files[name] = append(files[name], line())
		}
	}
	for c := range commits {
		names := slices.Sorted(maps.Keys(files))
		for range 1 + r.IntN(3) {
			name := names[r.IntN(len(names))]
			f := slices.Clone(files[name])
			at := r.IntN(len(f))
			switch r.IntN(6) {
			case 0, 1:
				f = slices.Insert(f, at, line())
			case 2:
				f = slices.Delete(f, at, min(len(f), at+1+r.IntN(3)))
			case 3:
				f[at] = line()
			case 4:
				other := files[names[r.IntN(len(names))]]
				from := r.IntN(len(other))
				f = slices.Insert(f, at, other[from:min(len(other), from+30)]...)
			case 5:
				b := []byte(f[at])
				if !strings.Contains(f[at], "-----") { // half a block would swallow what follows
					b[r.IntN(len(b))] = 'q'
				}
				f[at] = string(b)
			}
			if len(f) > 20 {
				files[name] = f
			}
			if r.IntN(15) == 0 {
				files[fmt.Sprintf("copy%d.txt", c)] = slices.Clone(f)
			}
		}
		for name, f := range files {
			g.write(name, strings.Join(f, "\n")+"\n")
		}
		g.commit(fmt.Sprint("change ", c))
	}
}

// TestSameAsWhole: looking at what is stored once finds what looking at every
// version of every file finds, and the commit that had it first.
func TestSameAsWhole(t *testing.T) {
	for seed := range uint64(2) {
		g := newTree(t)
		g.random(seed, 24)
		want := g.whole()
		for _, how := range [][]string{nil, {"gc", "-q", "--aggressive"}, {"repack", "-q", "-a", "-d", "-f", "--depth=4", "--window=50"}} {
			if how != nil {
				g.git(how...)
			}
			got := found(look(t, &history.Source{Path: g.dir}), g.dir)
			if !slices.Equal(got, want) {
				t.Errorf("seed %d, %v: %d findings, want %d", seed, how, len(got), len(want))
				for _, x := range want {
					if !slices.Contains(got, x) {
						t.Log("missed: ", x)
					}
				}
				for _, x := range got {
					if !slices.Contains(want, x) {
						t.Log("extra:  ", x)
					}
				}
			}
		}
		if len(want) < 20 {
			t.Errorf("only %d findings", len(want))
		}
	}
}

// TestLines: the line of a hit is the one it has in the commit that is named.
func TestLines(t *testing.T) {
	g := newTree(t)
	g.random(9, 16)
	g.git("gc", "-q", "--aggressive")
	checked := 0
	for _, h := range look(t, &history.Source{Path: g.dir}) {
		text := g.git("show", h.Commit+":"+strings.TrimPrefix(h.Path, g.dir+"/"))
		lines := strings.Split(text, "\n")
		if value, _, _ := strings.Cut(h.Value.Reveal(), "\n"); h.Line > len(lines) || !strings.Contains(lines[h.Line-1], value) {
			t.Errorf("%s is not on line %d of %s", h.Masked, h.Line, h.Path)
		}
		if len(h.Facts) < 2 {
			t.Errorf("no author: %v", h.Facts)
		}
		checked++
	}
	if checked < 10 {
		t.Errorf("only %d lines", checked)
	}
}

func TestMergesBranchesAndTags(t *testing.T) {
	g := newTree(t)
	secrets := make([]string, 5)
	for i := range secrets {
		secrets[i] = detect.ClientSecret(fmt.Sprint("merge", i))
	}
	g.write("a.txt", "nothing\n")
	g.commit("first")
	g.git("checkout", "-q", "-b", "side")
	g.write("side.txt", "x = "+secrets[0]+"\n")
	side := g.commit("side")
	g.git("checkout", "-q", "main")
	g.write("b.txt", "y = "+secrets[1]+"\n")
	g.commit("main")
	g.clock += 86400
	g.git("merge", "-q", "-m", "merged", "side")
	g.git("checkout", "-q", "-b", "tagged")
	g.write("t.txt", "z = "+secrets[2]+"\n")
	g.commit("tagged")
	g.git("tag", "-a", "-m", "a tag", "v1")
	g.git("checkout", "-q", "main")
	g.git("branch", "-q", "-D", "tagged")
	g.git("pack-refs", "--all")
	g.write("lost.txt", "l = "+secrets[3]+"\n")
	g.commit("lost")
	g.git("reset", "-q", "--hard", "HEAD~1")
	hits := look(t, &history.Source{Path: g.dir})
	if len(hits) != 4 {
		t.Fatalf("%d hits", len(hits))
	}
	for _, h := range hits {
		switch h.Value.Reveal() {
		case secrets[0]:
			if h.Commit != side {
				t.Errorf("the side branch's secret is said to come from %s", h.Commit)
			}
		case secrets[3]:
			if h.Commit != "" || !strings.Contains(h.Path, "object ") {
				t.Errorf("what no commit reaches is said to be at %s", h.Path)
			}
		}
	}
}

// TestStaged: the next commit's new lines, and nothing else.
func TestStaged(t *testing.T) {
	for _, version := range []string{"2", "4"} {
		g := newTree(t)
		old, fresh, unstaged := detect.ClientSecret("old"), detect.ClientSecret("fresh"), detect.ClientSecret("unstaged")
		g.write("d/a.txt", "one\nold = "+old+"\nthree\n")
		g.write("b.txt", "b\n")
		g.commit("first")
		g.git("update-index", "--index-version", version)
		if hits := look(t, &history.Source{Path: g.dir, Staged: true}); len(hits) != 0 {
			t.Errorf("%d hits in nothing", len(hits))
		}
		g.write("d/a.txt", "one\nold = "+old+"\nnew = "+fresh+"\nthree\n")
		g.write("d/new.json", `{"clientSecret": "`+fresh+`"}`)
		g.git("add", "-A")
		g.write("b.txt", "u = "+unstaged+"\n")
		hits := look(t, &history.Source{Path: g.dir, Staged: true})
		if len(hits) != 2 || hits[0].Path != g.dir+"/d/a.txt" || hits[0].Line != 3 || hits[0].Value.Reveal() != fresh || hits[1].Path != g.dir+"/d/new.json" {
			t.Errorf("version %s: %d hits", version, len(hits))
		}
	}
}

// TestSince: what came in after a commit, a tag or a day.
func TestSince(t *testing.T) {
	g := newTree(t)
	var commits []string
	for i := range 4 {
		g.write(fmt.Sprintf("f%d.txt", i), "x = "+detect.ClientSecret(fmt.Sprint("since", i))+"\n")
		g.write("all.txt", fmt.Sprintf("line\nz%d = %s\n", i, detect.ClientSecret(fmt.Sprint("all", i))))
		commits = append(commits, g.commit(fmt.Sprint(i)))
		if i == 1 {
			g.git("tag", "v1")
		}
	}
	for name, since := range map[string]string{"hash": commits[1], "short": commits[1][:8], "tag": "v1", "day": "2025-06-18T00:00:00Z"} {
		hits := look(t, &history.Source{Path: g.dir, Since: since})
		if len(hits) != 4 {
			t.Errorf("%s: %d hits", name, len(hits))
		}
		for _, h := range hits {
			if h.Commit != commits[2] && h.Commit != commits[3] {
				t.Errorf("%s: a hit of %s", name, h.Commit)
			}
		}
	}
	if _, err := scan.Run(t.Context(), scan.Config{}, &history.Source{Path: g.dir, Since: "nowhere"}); err == nil {
		t.Error("an unknown commit is no error")
	}
}

// TestArchivesInHistory: a solution that was committed and removed again.
func TestArchivesInHistory(t *testing.T) {
	g := newTree(t)
	secret := detect.ClientSecret("zip")
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	inner, err := z.Create("inner.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(inner, "x = "+secret+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	g.write("s.zip", packed.String())
	first := g.commit("solution")
	os.Remove(filepath.Join(g.dir, "s.zip"))
	g.commit("removed")
	hits := look(t, &history.Source{Path: g.dir})
	if len(hits) != 1 || hits[0].Path != g.dir+"/s.zip!inner.txt" || hits[0].Commit != first {
		t.Errorf("%d hits", len(hits))
		for _, h := range hits {
			t.Log(h.Path, h.Commit)
		}
	}
}
