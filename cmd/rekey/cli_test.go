package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rekey.example/rekey/internal/scan/detect"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rekey": main})
}

// TestScripts runs testdata/*.txt: what the program says and how it ends, as
// whoever types the commands sees it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", Setup: apart, Cmds: scriptCommands, Condition: func(name string) (bool, error) {
		if name == "pkcs11" {
			return tokens, nil
		}
		return false, fmt.Errorf("there is no condition %q", name)
	}})
}

// TestCloudScripts runs testdata/cloud/*.txt against the pretended tenant, which
// the commands reach as they would reach a real one from behind a proxy.
func TestCloudScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/cloud", Setup: func(e *testscript.Env) error {
		if err := apart(e); err != nil {
			return err
		}
		cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}})
		if err != nil {
			return err
		}
		e.Defer(cloud.Close)
		proxy, err := cloud.Listen(t.Context(), "127.0.0.1:0")
		if err != nil {
			return err
		}
		e.Defer(func() { proxy.Close() }) // nothing is left to be told
		ca := filepath.Join(e.WorkDir, "ca.pem")
		if err := proxy.WriteCA(ca); err != nil {
			return err
		}
		for k, v := range cloudVariables(cloud, proxy.URL(), ca) {
			e.Setenv(k, v)
		}
		if err := freeAddress(e); err != nil {
			return err
		}
		data := filepath.Join(e.WorkDir, "data")
		if err := os.Mkdir(data, 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(data, "rekey.yaml"), []byte(cloudConfig), 0o600)
	}, Cmds: scriptCommands, Condition: func(name string) (bool, error) {
		if name == "clients" {
			return os.Getenv("REKEY_TEST_CLIENTS") != "off", nil
		}
		return false, fmt.Errorf("there is no condition %q", name)
	}})
}

// cloudVariables is the configuration of an installation in the pretended tenant.
func cloudVariables(cloud *sim.Cloud, proxy, ca string) map[string]string {
	c := cloud.Tenant()
	return map[string]string{
		"REKEY_PROXY": proxy, "REKEY_CA_FILE": ca, "REKEY_TENANT_ID": c.ID,
		"REKEY_READER_CLIENT_ID": c.Reader.ClientID, "REKEY_READER_CLIENT_SECRET": c.Reader.Secret,
		"REKEY_WRITER_CLIENT_ID": c.Writer.ClientID, "REKEY_WRITER_CLIENT_SECRET": c.Writer.Secret,
		"REKEY_ROTATION_PROOF": "1s", "REKEY_ROTATION_OVERLAP": "1s", "REKEY_ROTATION_WATCH": "1s", "REKEY_ROTATION_RECORDS": "1s",
		"ADMIN_CLIENT_ID": c.Admin.ClientID, "ADMIN_SECRET": c.Admin.Secret,
		"DEMO_APP": c.Demo.ApplicationID, "DEMO_CLIENT": c.Demo.ClientID, "DEMO_KEY": c.Demo.KeyID, "DEMO_NAME": c.Demo.Name,
		"DEMO_PLACE": c.Demo.Vault + "/" + c.Demo.Secret, "DEMO_CONSUMER": c.Demo.Consumer,
	}
}

const cloudConfig = `
vaults:
  - name: kv-contoso-prod
    readValues: true
  - name: kv-contoso-test
    readValues: true
  - name: kv-contoso-finance
    readValues: true
`

// freeAddress finds an address for a server. It is free now; another process
// could take it before the server does, which has not been seen to happen.
func freeAddress(e *testscript.Env) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e.Setenv("ADDRESS", l.Addr().String())
	return l.Close()
}

// apart gives each script a data folder and a home of its own.
func apart(e *testscript.Env) error {
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("REKEY_DATA", filepath.Join(e.WorkDir, "data"))
	for _, name := range []string{"REKEY_SERVER", "REKEY_TOKEN", "REKEY_TOKEN_FILE", "REKEY_CONFIG"} {
		e.Setenv(name, "")
	}
	return nil
}

// plant writes a client secret that nobody issued into a file.
func plant(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("plant FILE")
	}
	text := "client_secret = " + detect.ClientSecret("planted") + "\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	"plant": plant,
	// exits CODE PROGRAM ARG...: the program ends with exactly that code.
	"exits": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("usage: exits CODE PROGRAM ARG...")
		}
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		got := 0
		err = ts.Exec(args[1], args[2:]...)
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			got = e.ExitCode()
		} else {
			ts.Check(err)
		}
		if got != want {
			ts.Fatalf("it ends with %d, want %d", got, want)
		}
	},
	// answers URL: waits until it answers with 200.
	"answers": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: answers URL")
		}
		for range 300 {
			resp, err := http.Get(args[0])
			if err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					return
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		ts.Fatalf("%s does not answer", args[0])
	},
	// capture NAME: what was printed last becomes a variable.
	"capture": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: capture NAME")
		}
		ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
	},
	// mode FILE OCTAL: the file has exactly these permissions.
	"mode": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 {
			ts.Fatalf("usage: mode FILE OCTAL")
		}
		info, err := os.Stat(ts.MkAbs(args[0]))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
			ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
		}
	},
}
