package daemon

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"

	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/secret"
)

// Config is everything that can be set. Load fills it from defaults, the file
// rekey.yaml, REKEY_* variables and flags, each over the one before; the key of
// a field in the file is its name in lower camel case: tenant.id, reader.clientId.
//
// Secrets do not stand in the file: they come from the environment or from
// files of their own.
type Config struct {
	Data          string // the data folder
	Listen        string // address of the REST API and the console
	Database      string // postgres://...; empty: rekey.db in the data folder
	MasterKeyFile string // empty: master.key in the data folder
	MasterKey     MasterKey
	Proxy         string // for everything that goes to the clouds; empty: HTTPS_PROXY and its kin
	CAFile        string // certificates to trust besides the system's

	Tenant Tenant
	Reader Identity // reads everything
	Writer Identity // writes only what it owns

	Subscriptions []Subscription `help:"the Azure subscriptions whose resources are looked at"`

	Vaults       []Vault
	DefaultVault string // where a new secret goes if no place is known for it

	Policy   policy.Config
	Rotation Rotation
	Bindings []Binding
	Sync     Sync
	Beat     Beat

	Schedule schedule.Config

	Webhooks []Webhook `help:"consumers that are told by a signed request"`
	Hooks    []Hook    `help:"consumers that are told by a program on this machine"`
	Tasks    Tasks     // of people

	Metrics    Metrics
	Diagnosis  Diagnosis
	Alerts     Alerts
	Channels   []Channel    `help:"ways to tell people and machines what needs them"`
	Trail      Trail        // the clouds' own records
	SignIn     SignIn       // of people
	Federation []Federation `help:"issuers whose tokens programs come with, in place of an API token: GitHub Actions, Azure DevOps, managed identities"`

	// What cannot be configured: the program's version, where it logs (nil:
	// nowhere), and what stands in place of the network in tests.
	Version   string             `koanf:"-"`
	NoMigrate bool               `koanf:"-"` // leave the tables as they are
	Force     bool               `koanf:"-"` // use a database that was copied to another one
	Logger    *slog.Logger       `koanf:"-"`
	Round     http.RoundTripper  `koanf:"-"`
	Spans     trace.SpanExporter `koanf:"-"` // nil: as the OTEL_* variables say

	// Ask asks the person at the terminal for the master passphrase; fresh means
	// that a new one is chosen. Nil: nobody is there.
	Ask func(fresh bool) (secret.Value, error) `koanf:"-"`
}

// Tenant is the directory that is managed.
type Tenant struct {
	ID   string // GUID or verified domain
	Name string // for people; empty: the ID
}

// Identity is how rekey signs in to the clouds. With an empty ClientID it is
// azidentity's chain: the AZURE_* variables, workload identity, managed
// identity, the Azure CLI.
type Identity struct {
	ClientID         string
	CertificateFile  string       // PEM or PKCS#12 with its private key
	ClientSecretFile string       // a file that holds the secret; a certificate is better
	ClientSecret     secret.Value `koanf:"-"` // from REKEY_READER_CLIENT_SECRET, REKEY_WRITER_CLIENT_SECRET
}

// Vault is a Key Vault to read and to deposit in.
type Vault struct {
	Name       string // kv-contoso-prod, or its host
	ReadValues bool   // also read the values, to recognise them by keyed hash and hint
}

// Rotation are the defaults of new rotations.
type Rotation struct {
	Lifetime time.Duration // of a new secret
	Label    string        // of a new secret; empty: the old one's
	SignIns  int           // with the new secret, all accepted, before it is deposited
	Proof    time.Duration // over at least this long
	Overlap  time.Duration // both secrets valid, at least
	Watch    time.Duration // for late failures, at the end
	Records  time.Duration // after which a sign-in surely stands in the tenant's log
	Patience time.Duration // how long an approval is waited for

	VaultPairs bool // the vault makes the key pairs of certificates that it keeps, not rekey
}

// Binding says who uses the credentials of an application.
type Binding struct {
	Application string // name, client id or object id
	Consumer    string // "Invoice export to Basware"
	Reference   string // how it gets the value: vault/name, or free text
}

// Sync is when the inventory is read again.
type Sync struct {
	Every time.Duration // 0: only when asked
}

// FileName is the configuration file in the data folder.
const FileName = "rekey.yaml"

// Defaults is the configuration of an installation where nothing is set.
func Defaults(data string) Config {
	return Config{
		Data:   data,
		Listen: "127.0.0.1:8417",
		Policy: policy.Default(),
		Rotation: Rotation{
			Lifetime: 180 * day, SignIns: 5, Proof: 2 * time.Minute, Overlap: day, Watch: day, Records: 2 * time.Hour, Patience: 3 * day,
		},
		Sync: Sync{Every: 15 * time.Minute},

		Schedule: schedule.Default(),
		Tasks:    usualTasks,
		Alerts:   usualAlerts(),
		Trail:    usualTrail,
		SignIn:   usualSignIn,
	}
}

const day = 24 * time.Hour

// DatabaseAddress is what store.Open takes.
func (c *Config) DatabaseAddress() string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, "rekey.db")
}
