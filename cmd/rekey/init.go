package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"rekey.example/rekey/internal/daemon"
)

//go:embed starter
var starterFiles embed.FS

// starter is what the starter files are filled with. All of it is checked: the
// scripts run as an administrator.
type starter struct {
	Tenant string
	Vaults []string
	Apps   []string
	Folder string
}

var scripts = map[string]string{"az": "starter/grant.sh", "powershell": "starter/grant.ps1"}

func initCommand(s *session) *cobra.Command {
	var from starter
	var script, file string
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a starter configuration and the smallest grant script",
		Long: `Makes the data folder and writes three files to begin with: rekey.yaml, commented;
grant.sh, which gives rekey the rights it needs with the Azure CLI; grant.ps1, the same
in PowerShell. Files that are there are never overwritten.

The scripts make two applications, one that reads and one that renews what it owns, each
with a certificate; they consent to three permissions and give roles on the vaults you
name. Read them, run one as an administrator, and then run rekey doctor.

With --script only the script is printed.`,
		Example: `  rekey init --tenant contoso.com --vault kv-contoso-prod
  rekey init --script az --vault kv-contoso-prod --app 6f1f2a9c-3e3c-4d53-b8a3-0b4f2c4e7d10 | less
  rekey init --script powershell --output-file grant.ps1`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			data, _ := daemon.Given{Data: s.flags.data, Env: s.env}.Folder()
			if from.Folder == "" {
				from.Folder = data
			}
			if err := from.check(); err != nil {
				return err
			}
			if script != "" {
				return s.printScript(from, script, file)
			}
			return s.begin(from, data)
		},
	}
	f := c.Flags()
	f.StringVar(&from.Tenant, "tenant", "", "the tenant's `GUID` or domain")
	f.StringArrayVar(&from.Vaults, "vault", nil, "`NAME` of a Key Vault; may be repeated")
	f.StringArrayVar(&from.Apps, "app", nil, "`CLIENT-ID` of an application that rekey should renew; may be repeated")
	f.StringVar(&from.Folder, "certificates", "", "`FOLDER` where the script puts rekey's own certificates (default the data folder)")
	f.StringVar(&script, "script", "", "only print the grant script for this `SHELL`: az, powershell")
	f.StringVar(&file, "output-file", "", "with --script: write it to this `FILE`")
	_ = c.RegisterFlagCompletionFunc("script", cobra.FixedCompletions([]string{"az", "powershell"}, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return c
}

var (
	plainTenant = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)
	plainVault  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{2,23}$`)
	plainFolder = regexp.MustCompile(`^[A-Za-z0-9 _.:\\/~+@,-]+$`)
)

func (from *starter) check() error {
	if from.Tenant != "" && !plainTenant.MatchString(from.Tenant) {
		return usage("--tenant %q is neither a GUID nor a domain", from.Tenant)
	}
	for i, v := range from.Vaults {
		v = strings.TrimSuffix(v, ".vault.azure.net")
		if !plainVault.MatchString(v) {
			return usage("--vault %q is not the name of a Key Vault", v)
		}
		from.Vaults[i] = v
	}
	for _, a := range from.Apps {
		if !guid.MatchString(a) {
			return usage("--app %q is not a client id", a).next("rekey applications list, or: az ad app list --query \"[].{name: displayName, clientId: appId}\"")
		}
	}
	if !plainFolder.MatchString(from.Folder) {
		return usage("the folder %q has characters that do not fit into a script", from.Folder).next("choose another with --certificates")
	}
	return nil
}

func (from starter) fill(name string) ([]byte, error) {
	t, err := template.ParseFS(starterFiles, name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the starter file: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, from); err != nil {
		return nil, fmt.Errorf("cannot fill in the starter file: %w", err)
	}
	return b.Bytes(), nil
}

func (s *session) printScript(from starter, shell, file string) error {
	name, ok := scripts[strings.ToLower(shell)]
	if !ok {
		return usage("--script %s is neither az nor powershell", shell)
	}
	text, err := from.fill(name)
	if err != nil {
		return err
	}
	if file == "" {
		_, err = s.out.Write(text)
		return err
	}
	if made, err := create(file, text, 0o700); err != nil || !made {
		return existing(file, err)
	}
	s.say("Written to %s. Read it before you run it.", file)
	return nil
}

// begun is what rekey init made.
type begun struct {
	Data   string   `json:"data"`
	Made   []string `json:"made"`
	Kept   []string `json:"kept"`
	Config string   `json:"config"`
}

func (s *session) begin(from starter, data string) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("cannot make the data folder: %w", err)
	}
	result := begun{Data: data, Made: []string{}, Kept: []string{}, Config: filepath.Join(data, daemon.FileName)}
	for _, f := range []struct {
		name, into string
		mode       fs.FileMode
	}{{"starter/rekey.yaml", daemon.FileName, 0o600}, {"starter/grant.sh", "grant.sh", 0o700}, {"starter/grant.ps1", "grant.ps1", 0o600}} {
		text, err := from.fill(f.name)
		if err != nil {
			return err
		}
		file := filepath.Join(data, f.into)
		made, err := create(file, text, f.mode)
		if err != nil {
			return err
		}
		if made {
			result.Made = append(result.Made, file)
		} else {
			result.Kept = append(result.Kept, file)
		}
	}
	err := s.tell(result, func(p *sheet) {
		for _, f := range result.Made {
			p.fact("Made", "%s", f)
		}
		for _, f := range result.Kept {
			p.fact("Kept", "%s, which was there", f)
		}
		p.heading("Next")
		p.line("1. Read %s and run it as an administrator (or grant.ps1).", visible(filepath.Join(data, "grant.sh")))
		p.line("2. Put what it prints into %s, and name your vaults there.", visible(result.Config))
		p.line("3. rekey doctor")
	})
	if err == nil && len(result.Made) == 0 {
		return failure(exitConflict, "nothing was written: all three files are there already").next("move them away, or choose another folder with --data")
	}
	return err
}

// create writes a new file, and reports whether there was none.
func create(file string, text []byte, mode fs.FileMode) (made bool, err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot write %s: %w", file, err)
	}
	_, err = io.Copy(f, bytes.NewReader(text))
	return true, errors.Join(err, f.Close())
}

func existing(file string, err error) error {
	if err != nil {
		return err
	}
	return failure(exitConflict, "%s is there already and was not overwritten", file).next("choose another name")
}
