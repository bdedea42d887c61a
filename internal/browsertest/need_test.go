package browsertest

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

const without = "REKEY_TEST_BROWSER"

// need insists on a program and returns its path.
func need(t *testing.T, install string, names ...string) string {
	t.Helper()
	if os.Getenv(without) == "off" {
		t.Skip(without + "=off")
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing. Install it (apt-get install %s), or leave the browser out with %s=off.", names[0], install, without)
	return ""
}

func chromium(t *testing.T) string {
	t.Helper()
	return need(t, "chromium", "chromium", "chromium-browser", "google-chrome-stable")
}

// nodeJS is a Node.js that Playwright runs on.
func nodeJS(t *testing.T) string {
	t.Helper()
	node := need(t, "nodejs npm", "node")
	out, err := exec.CommandContext(t.Context(), node, "--version").Output()
	if err != nil {
		t.Fatalf("cannot ask node for its version: %v", err)
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < 18 {
		t.Fatalf("node %s is too old; install 20 or newer, or leave the browser out with %s=off", version, without)
	}
	return node
}

// installModules installs what the lock file names, unless it is there already.
func installModules(t *testing.T) {
	t.Helper()
	installed, err := os.Stat("js/node_modules/.package-lock.json")
	if err == nil {
		if locked, err := os.Stat("js/package-lock.json"); err == nil && !locked.ModTime().After(installed.ModTime()) {
			return
		}
	}
	npm := need(t, "npm", "npm")
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = "js"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot install Playwright and axe-core (npm ci in internal/browsertest/js): %v\n%s", err, strings.TrimSpace(string(out)))
	}
}
