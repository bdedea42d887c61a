package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// screen is a writer that may be read while a command writes to it.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// awaits reports whether a text appears within a while.
func (s *screen) awaits(text string) bool {
	for range 500 {
		if strings.Contains(s.String(), text) {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func TestSimTellsHowToReachIt(t *testing.T) {
	dir, out, log := t.TempDir(), new(screen), new(screen)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	cmd := simCommand()
	cmd.SetOut(out)
	cmd.SetErr(log)
	cmd.SetArgs([]string{"--listen", "127.0.0.1:0", "--ca-dir", dir, "--apps", "200", "--tenant-domain", "fabrikam.com", "--fault", "throttled:GET graph.microsoft.com/*:times=1"})
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	if !out.awaits("Ctrl+C ends it") {
		t.Fatalf("it does not start: %s %s", out, log)
	}
	text := out.String()
	for _, want := range []string{"tenant fabrikam.com, 200 applications", "export REQUESTS_CA_BUNDLE='" + filepath.Join(dir, "ca.pem") + "'",
		"$env:AZURE_CLIENT_SECRET = '", "rekey-reader", "rekey-writer", "az-admin", "az login --service-principal"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "ca.pem")); err != nil {
		t.Error(err)
	}

	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(text)
	for _, want := range []int{429, 401} {
		res, err := http.Get(url + "/graph.microsoft.com/v1.0")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode == 200 || want == 429 && res.StatusCode != want {
			t.Errorf("a request is answered %d, want %d", res.StatusCode, want)
		}
	}
	if !log.awaits("GET graph.microsoft.com/v1.0  [throttled]") {
		t.Errorf("the requests are logged as %s", log)
	}

	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
	if _, err := http.Get(url + "/_sim/health"); err == nil {
		t.Error("it still answers after its end")
	}
}

func TestSimRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, args := range [][]string{
		{"--fault", "lost-anser"}, {"--fault", "late-answer::delay=5"}, {"--apps", "-1"}, {"--lag-scale", "-1"},
		{"--listen", "0.0.0.0:0"}, {"--fault-file", "no/such/file"}, {"extra"},
	} {
		cmd := simCommand()
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		cmd.SetArgs(append(args, "--ca-dir", t.TempDir()))
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		if err := cmd.ExecuteContext(ctx); err == nil {
			t.Errorf("%q is accepted", args)
		}
		stop()
	}
}
