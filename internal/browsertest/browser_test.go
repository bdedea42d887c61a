package browsertest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var images = flag.String("images", "", "write the pictures of the documentation into this `folder`")

// task is what js/console.mjs is told.
type task struct {
	Chromium    string `json:"chromium"`
	Server      string `json:"server"`           // URL
	Cloud       string `json:"cloud"`            // URL of the pretended Entra
	Application string `json:"application"`      // is renewed
	Second      string `json:"second"`           // is proposed by keyboard, and refused
	Images      string `json:"images,omitempty"` // folder
}

// report is what it says in the end.
type report struct {
	Problems   []string `json:"problems"`
	Patterns   []string `json:"patterns"` // of the pages that were seen, such as /vaults/{}
	Pages      int      `json:"pages"`
	Themes     int      `json:"themes"`
	Widths     int      `json:"widths"`
	Looks      int      `json:"looks"` // of axe-core
	Violations int      `json:"violations"`
	Clicks     int      `json:"clicks"`   // from the sign-in of the first person to the approval of the second
	Tasks      int      `json:"tasks"`    // done by keyboard
	Stops      int      `json:"stops"`    // of the Tab key, each with its focus looked at
	Requests   int      `json:"requests"` // of the browser, none to anywhere else
}

func TestConsole(t *testing.T) {
	browser := chromium(t)
	node := nodeJS(t)
	installModules(t)
	w := newTown(t)
	do := task{Chromium: browser, Server: w.server, Cloud: w.cloud, Application: w.application, Second: w.second}
	if *images != "" {
		folder, err := filepath.Abs(*images)
		if err != nil {
			t.Fatal(err)
		}
		do.Images = folder
	}
	r := drive(t, node, do)
	if do.Images != "" {
		shrink(t, do.Images)
	}
	for _, p := range r.Problems {
		t.Error(p)
	}
	t.Logf("%d pages x %d themes x %d widths = %d looks of axe-core: %d violations", r.Pages, r.Themes, r.Widths, r.Looks, r.Violations)
	t.Logf("%d clicks to an approved rotation; %d tasks by keyboard with %d stops; %d requests, all to the server", r.Clicks, r.Tasks, r.Stops, r.Requests)
	if r.Looks == 0 || r.Looks != r.Pages*r.Themes*r.Widths || r.Stops == 0 || r.Requests == 0 {
		t.Errorf("less was looked at than there is: %+v", r)
	}
	if r.Tasks != 8 {
		t.Errorf("%d tasks by keyboard, want 8", r.Tasks)
	}
	if r.Clicks > 10 {
		t.Errorf("%d clicks to an approved rotation, want at most 10", r.Clicks)
	}
	for _, p := range routes(t) {
		if !slices.Contains(r.Patterns, p) {
			t.Errorf("no look at %s", p)
		}
	}
}

func drive(t *testing.T, node string, do task) (r report) {
	t.Helper()
	told, err := json.Marshal(do)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "console.mjs")
	cmd.Dir, cmd.Stdin = "js", bytes.NewReader(told)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("console.mjs: %v\n%s", err, problems.String())
	}
	if problems.Len() > 0 {
		t.Log(problems.String())
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("console.mjs said %q: %v", out.String(), err)
	}
	return r
}

var (
	getRoute = regexp.MustCompile(`\{"GET (/[^"]*)"`)
	variable = regexp.MustCompile(`\{[^}]*\}`)
)

// unseen are routes that are no pages, or whose page needs what this town has not.
var unseen = []string{
	"/credentials/export", "/audit/export", "/audit/checkpoint", "/incidents/{}/report", // files
	"/rotations/{}/confirm", "/rotations/{}/permit", "/tasks/{}", "/tasks/{}/done", "/tasks/{}/link",
	"/people/invite", "/people/{}/invitation", "/people/{}/unlock", // people of the server's own; here they come from Entra
	"/incidents/{}", "/incidents/{}/approve", "/incidents/{}/close", "/schedule/{}/postpone", "/schedule/{}/resume",
}

// routes are the patterns of all pages that the console says it has.
func routes(t *testing.T) (list []string) {
	t.Helper()
	source, err := os.ReadFile("../server/ui/routes.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range getRoute.FindAllStringSubmatch(string(source), -1) {
		p := variable.ReplaceAllString(strings.TrimSuffix(m[1], "{$}"), "{}")
		if !slices.Contains(unseen, p) {
			list = append(list, p)
		}
	}
	if len(list) < 10 {
		t.Fatalf("only %d routes in routes.go", len(list))
	}
	return list
}
