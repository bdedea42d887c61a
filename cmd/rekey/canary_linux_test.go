package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rekey.example/rekey/api"
)

// nosyHook keeps all that a hook is given but the value itself, and how long that is.
const nosyHook = `#!/bin/sh
cat > "$0.$$.stdin"
cat /proc/$$/environ > "$0.$$.environ"
cat /proc/$$/cmdline /proc/$PPID/cmdline > "$0.$$.arguments"
value=$(cat <&3) && printf '%s' "$value" | wc -c > "$0.length"
echo moved
`

// TestNoSecretLeavesTheServer runs the real server with a consumer of each kind: a
// program, a webhook and a person who takes the value from a one-time page. Then
// it looks for every secret in what each of them was told, in the answers and
// pages, the process's arguments and environment, its log and the stacks that it
// leaves when it dies, its files, a backup and a copy of its database (SAFETY T20).
func TestNoSecretLeavesTheServer(t *testing.T) {
	h := newHouse(t, "")
	n := &nosy{t: t, house: h, places: map[string][]byte{}}
	n.furnish()
	h.start()
	id := n.rotate()
	n.handOver()
	n.lookAround(id)
	values := n.values()
	n.die()
	h.rekey("db", "copy", "--to", filepath.Join(n.folder, "copy.db"))
	n.read(h.folder)
	n.read(n.folder)
	searched := 0
	for place, text := range n.places {
		searched += len(text)
		for _, v := range values {
			for form, needle := range forms(v) {
				if bytes.Contains(text, needle) {
					t.Errorf("%s holds a secret (%s...) as %s", place, v[:3], form)
				}
			}
		}
	}
	t.Logf("%d secrets in %d forms not found in %d bytes of %d places", len(values), len(forms("x")), searched, len(n.places))
	if searched < 100_000 || len(values) < 50 || len(n.places) < 20 {
		t.Errorf("%d bytes of %d places were searched for %d secrets", searched, len(n.places), len(values))
	}
}

// nosy is whoever looks everywhere.
type nosy struct {
	t      *testing.T
	house  *house
	folder string // of what rekey does not own
	hook   string
	secret string // of the webhook
	shown  string // the value, as the person saw it
	link   string

	mu     sync.Mutex // the webhook is told while others read
	places map[string][]byte
}

// furnish adds the consumers, and takes the identities' secrets out of the
// environment: there they stand because somebody has put them there.
func (n *nosy) furnish() {
	n.folder = n.t.TempDir()
	tenant := n.house.cloud.Tenant()
	n.house.env = slices.DeleteFunc(n.house.env, func(v string) bool { return strings.Contains(v, "_CLIENT_SECRET=") })
	keys := n.t.TempDir()
	write := func(file, text string, mode fs.FileMode) string {
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			n.t.Fatal(err)
		}
		return file
	}
	reader, writer := write(filepath.Join(keys, "reader"), tenant.Reader.Secret, 0o600), write(filepath.Join(keys, "writer"), tenant.Writer.Secret, 0o600)
	n.secret = "nosy-webhook-signing-secret-0123456789"
	n.hook = write(filepath.Join(n.folder, "hook"), nosyHook, 0o700)
	target := httptest.NewServer(http.HandlerFunc(n.told))
	n.t.Cleanup(target.Close)
	config := filepath.Join(n.house.folder, "rekey.yaml")
	raw, err := os.ReadFile(config)
	if err != nil {
		n.t.Fatal(err)
	}
	text := strings.NewReplacer(
		"{clientId: "+tenant.Reader.ClientID+"}", "{clientId: "+tenant.Reader.ClientID+", clientSecretFile: "+reader+"}",
		"{clientId: "+tenant.Writer.ClientID+"}", "{clientId: "+tenant.Writer.ClientID+", clientSecretFile: "+writer+"}").Replace(string(raw))
	write(config, text+fmt.Sprintf(`webhooks:
  - {name: nosy, url: %q, secretFile: %q, allowPrivate: true}
hooks:
  - {name: nosy, path: %q, args: [--for, portal], giveValue: true}
bindings:
  - {application: %[4]s, consumer: Portal, reference: "hook:nosy"}
  - {application: %[4]s, consumer: Billing, reference: "webhook:nosy"}
  - {application: %[4]s, consumer: Partner, reference: "person:marta@contoso.com"}
`, target.URL, write(filepath.Join(keys, "webhook"), n.secret, 0o600), n.hook, tenant.Demo.ClientID), 0o600)
}

// told is the webhook.
func (n *nosy) told(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	r.Header.Write(&b) // a buffer takes all
	io.Copy(&b, r.Body)
	n.keep(fmt.Sprintf("webhook, request %s", r.Header.Get("Webhook-Id")), b.Bytes())
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte(`{"moved": true}`))
}

func (n *nosy) keep(place string, text []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.places[place] = append(n.places[place], text...)
	if z, err := gzip.NewReader(bytes.NewReader(text)); err == nil {
		if plain, err := io.ReadAll(io.LimitReader(z, 64<<20)); err == nil {
			n.places[place+", unpacked"] = plain
		}
	}
}

// rotate proposes and approves the demo's rotation.
func (n *nosy) rotate() string {
	n.t.Helper()
	h, demo := n.house, n.house.cloud.Tenant().Demo
	h.sync()
	r, err := h.client("nora").Propose(n.t.Context(), api.RotationRequest{Application: demo.ApplicationID, Credential: demo.KeyID, Reason: "test"}, "")
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := h.client("omar").Approve(n.t.Context(), r.ID, r.Hash); err != nil {
		n.t.Fatal(err)
	}
	return r.ID
}

// handOver is the person: a link, the page, the value, the word that it is done.
func (n *nosy) handOver() {
	n.t.Helper()
	omar := n.house.client("omar")
	var task api.Task
	for look := 0; task.ID == "" && look < 600; look++ {
		for found, err := range omar.Tasks(n.t.Context(), api.ListTasksParams{}) {
			if err != nil {
				n.t.Fatal(err)
			}
			task = found
		}
		time.Sleep(50 * time.Millisecond)
	}
	if task.ID == "" {
		n.t.Fatalf("nobody is asked\n%s", n.house.log)
	}
	n.document("the task", task)
	link, err := omar.LinkTask(n.t.Context(), task.ID)
	if err != nil {
		n.t.Fatal(err)
	}
	n.link = strings.TrimPrefix(link.Path, "/handover/")
	status, page := n.page("GET", link.Path)
	n.keep("the page before the click", bytes.ReplaceAll(page, []byte(n.link), nil)) // its own address stands in its form
	if status != http.StatusOK {
		n.t.Errorf("the page answers %d", status)
	}
	demo := n.house.cloud.Tenant().Demo
	n.shown, _ = n.house.cloud.Current(demo.Vault, demo.Secret)
	if _, page := n.page("POST", link.Path); !bytes.Contains(page, []byte(n.shown)) {
		n.t.Errorf("the page does not show the value, so that what is searched for is not what is handed over: %s", page)
	}
	_, page = n.page("POST", link.Path)
	n.keep("the page, opened again", bytes.ReplaceAll(page, []byte(n.link), nil))
	if _, err := omar.FinishTask(n.t.Context(), task.ID, "signed in at 14:02"); err != nil {
		n.t.Fatal(err)
	}
}

func (n *nosy) page(method, path string) (int, []byte) {
	n.t.Helper()
	q, err := http.NewRequestWithContext(n.t.Context(), method, "http://"+n.house.address+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	if method == http.MethodPost {
		q.Header.Set("Sec-Fetch-Site", "same-origin")
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		n.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return a.StatusCode, text
}

// lookAround asks for all there is, and looks at the running process.
func (n *nosy) lookAround(id string) {
	n.t.Helper()
	h, ctx := n.house, n.t.Context()
	omar := h.client("omar")
	r, err := omar.Rotation(ctx, id)
	if err != nil {
		n.t.Fatal(err)
	}
	n.document("the rotation", r)
	var export bytes.Buffer
	if err := omar.ExportAudit(ctx, &export); err != nil {
		n.t.Fatal(err)
	}
	n.keep("the audit log", export.Bytes())
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/tasks", "/api/v1/rotations", "/api/v1/credentials", "/api/v1/applications", "/", "/debug/pprof/heap", "/debug/vars"} {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.address+path, nil)
		if err != nil {
			n.t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer "+h.tokens["omar"])
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			n.t.Fatal(err)
		}
		text, err := io.ReadAll(a.Body)
		a.Body.Close()
		if err != nil {
			n.t.Fatal(err)
		}
		if strings.HasPrefix(path, "/debug/") && a.StatusCode == http.StatusOK && a.Request.URL.Path == path { // not the sign-in, where strangers are led
			n.t.Errorf("%s is open", path)
		}
		n.keep("the answer of "+path, text)
	}
	for _, what := range []string{"cmdline", "environ", "status", "limits", "maps"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", h.server.Process.Pid, what))
		if err != nil && !os.IsPermission(err) { // nobody but root may look: the better answer
			n.t.Fatal(err)
		}
		n.keep("/proc/.../"+what, text)
	}
}

func (n *nosy) document(place string, v any) {
	n.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		n.t.Fatal(err)
	}
	n.keep(place, raw)
}

// values are all secrets there are.
func (n *nosy) values() []string {
	list := append(secretsOf(n.house.cloud), n.secret, n.link, n.shown, n.house.tokens["nora"], n.house.tokens["omar"])
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(v string) bool { return len(v) < 20 })
}

// die ends the server in the middle, with the stacks of all that runs in it.
func (n *nosy) die() {
	n.t.Helper()
	h := n.house
	if err := h.server.Process.Signal(syscall.SIGQUIT); err != nil {
		n.t.Fatal(err)
	}
	h.server.Wait() // it ends with an error, as it should
	h.server = nil
	if !strings.Contains(h.log.String(), "goroutine ") {
		n.t.Errorf("it died without its stacks: %s", h.log)
	}
	n.keep("its log and its stacks", h.log.Bytes())
}

// read takes every file of a folder, but the tokens that a command was told to
// write into files.
func (n *nosy) read(folder string) {
	n.t.Helper()
	err := filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasSuffix(name, ".token") {
			return err
		}
		raw, err := os.ReadFile(name)
		if strings.HasPrefix(filepath.Base(name), "core") {
			n.t.Errorf("a core: %s", name)
		}
		n.keep(name, raw)
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	if folder != n.folder {
		return
	}
	length, err := os.ReadFile(n.hook + ".length")
	if got := strings.TrimSpace(string(length)); err != nil || got != fmt.Sprint(len(n.shown)) {
		n.t.Errorf("the hook got a value of %q bytes, want %d (%v)", got, len(n.shown), err)
	}
}
