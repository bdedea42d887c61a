//go:build pkcs11 && cgo

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// tokens says whether this program can speak to PKCS#11 tokens.
const tokens = true

// TestTokenScripts runs testdata/pkcs11/*.txt with a token of SoftHSM. A machine
// without it fails: whoever builds with the tag means to use tokens.
func TestTokenScripts(t *testing.T) {
	found, err := filepath.Glob("/usr/lib/*/softhsm/libsofthsm2.so")
	if more, _ := filepath.Glob("/usr/lib/softhsm/libsofthsm2.so"); len(more) > 0 {
		found = more
	}
	if err != nil || len(found) == 0 {
		t.Fatal("there is no libsofthsm2.so (Debian: apt-get install softhsm2 opensc)")
	}
	testscript.Run(t, testscript.Params{Dir: "testdata/pkcs11", Cmds: scriptCommands, Setup: func(e *testscript.Env) error {
		if err := apart(e); err != nil {
			return err
		}
		conf := filepath.Join(e.WorkDir, "softhsm2.conf")
		if err := os.WriteFile(conf, []byte("directories.tokendir = "+e.WorkDir+"\nlog.level = ERROR\n"), 0o600); err != nil {
			return err
		}
		e.Setenv("SOFTHSM2_CONF", conf)
		e.Setenv("MODULE", found[0])
		c := exec.CommandContext(t.Context(), "softhsm2-util", "--init-token", "--free", "--label", "rekey test", "--pin", "0648219375", "--so-pin", "55667788")
		c.Env = append(os.Environ(), "SOFTHSM2_CONF="+conf)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("cannot make a token: %v\n%s", err, strings.TrimSpace(string(out)))
		}
		return nil
	}})
}
