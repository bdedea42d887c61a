// Package diagnosis finds out why rekey, or an application, cannot sign in, read
// or write, and what to do about it.
//
// Doctor looks at an installation from the inside out: its files, its clock, the
// way to the clouds, the tenant, its own two identities and their rights, the
// applications it should renew, each vault. It changes nothing anywhere. Every
// check that did not pass carries its cure, with the command where there is one.
package diagnosis

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/inventory"
)

// State is how a check ended.
type State string

// The states. A Warning is something that works and should not stay so.
const (
	OK      State = "ok"
	Warning State = "warning"
	Failed  State = "failed"
	Skipped State = "skipped" // not configured, or a check before it failed
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"` // what was seen
	Cure   string `json:"cure,omitempty"`   // what to do, with commands on lines of their own
}

// Patient is the installation that is looked at.
type Patient struct {
	Data          string // folder; empty: the files are not checked
	MasterKeyFile string // empty: master.key in Data
	MasterKeyIn   string // where the master key is instead of a file: a passphrase, a PKCS#11 token
	KeyringIn     string // where the keyring is instead of the folder: the database
	Tenant        string // GUID or domain
	Wire          azure.Wire
	Reader        azure.Config  // its Wire and Tenant are set from the ones above
	Writer        *azure.Config // nil: none is configured, nothing can be renewed
	Vaults        []Vault

	// Renewable lists what rekey should be able to renew, applications, service
	// principals and resources with access keys; nil if that is not known yet.
	Renewable func(context.Context) ([]inventory.Application, error)

	Sites []string // resource ids of App Services that are asked to read their references anew

	// Database looks at the database that is open; nil: it is not looked at.
	Database func(context.Context) []Check
}

// Vault is a Key Vault that is configured.
type Vault struct {
	Host       string // kv-contoso-prod.vault.azure.net
	ReadValues bool
	Pairs      bool // it makes the key pairs of certificates
}

// patience bounds each question to the network.
const patience = 30 * time.Second

// Doctor looks at everything and returns what it saw, in the order in which one
// thing rests on the other.
func Doctor(ctx context.Context, p Patient) []Check {
	d := &doctor{Patient: p}
	d.installation()
	if d.Database != nil {
		d.checks = append(d.checks, d.Database(ctx)...)
	}
	if !d.network(ctx) {
		d.skip("the network has to work first", "Tenant", "Reader", "Writer")
		return d.checks
	}
	if !d.tenant(ctx) {
		d.skip("the tenant has to be known first", "Reader", "Writer")
		return d.checks
	}
	d.reads(ctx)
	d.writes(ctx)
	d.vaults(ctx)
	d.resources(ctx)
	return d.checks
}

type doctor struct {
	Patient
	checks []Check
	plain  *http.Client // speaks without a token
	reader *identity    // nil if it cannot sign in
	writer *identity

	renewable []inventory.Application // as far as it is known
}

func (d *doctor) note(name string, s State, cure, format string, a ...any) {
	d.checks = append(d.checks, Check{Name: name, State: s, Detail: fmt.Sprintf(format, a...), Cure: cure})
}

func (d *doctor) ok(name, format string, a ...any) { d.note(name, OK, "", format, a...) }

func (d *doctor) warn(name, cure, format string, a ...any) { d.note(name, Warning, cure, format, a...) }

func (d *doctor) fail(name, cure, format string, a ...any) { d.note(name, Failed, cure, format, a...) }

func (d *doctor) skip(why string, names ...string) {
	for _, n := range names {
		d.note(n, Skipped, "", "%s", why)
	}
}
