package contoso

import "time"

// never stands for a credential that was never used to sign in.
const never = -1

// app is an application as it is written down here.
type app struct {
	name, description, notes string
	owners                   []string // short names of people
	ours                     bool     // rekey-writer is an owner too
	age                      int      // days since it was created
	audience                 string   // signInAudience; empty means AzureADMyOrg
	reference                string   // serviceManagementReference
	tags                     []string
	uris, redirects          []string
	requires                 []permission
	granted                  []string // Graph application permissions
	secrets                  []secret
	onPrincipal              []secret // secrets on its service principal
	certificates             []certificate
	bare                     bool // no service principal
	disabled                 bool // the service principal is switched off
}

// secret is a client secret as it is written down here. Newest first.
type secret struct {
	label    string
	ends     int       // days from now; negative has ended
	life     int       // days from its start to its end
	until    time.Time // its end, where a date is meant and not a distance
	unused   int       // days since its last use, or never
	legacy   bool      // from before the marked form, with the description in customKeyIdentifier
	deposits []deposit
}

// certificate is a certificate credential as it is written down here.
type certificate struct {
	subject      string
	ends, life   int // as for secret
	unused       int
	vault, place string // the certificate in a vault, if any
	pfx          bool   // the vault hands it out as PFX, not PEM
	pasted       bool   // it is no certificate there but a plain secret that holds PEM
	consumer     string // a tag
}

// deposit is a copy of a secret in a vault.
type deposit struct {
	vault, name              string
	consumer, purpose, owner string // tags; an empty one is not set
	apart                    int    // the vault's date is so many days after Entra's
	undated                  bool   // the vault has no date
	untagged                 bool   // no key-id
	before                   int    // so many versions with older values
}

// permission is an application permission on another API that was asked for.
type permission struct{ api, role string }

const (
	prod    = "kv-contoso-prod"
	test    = "kv-contoso-test"
	finance = "kv-contoso-finance"
	hr      = "kv-contoso-hr"

	personal = "AzureADandPersonalMicrosoftAccount"
	multi    = "AzureADMultipleOrgs"
)

func handWritten() []app {
	var apps []app
	for _, part := range [][]app{financeApps(), centralApps(), powerApps(), warehouseApps(), peopleApps(), platformApps(), strayApps(), bankApps()} {
		apps = append(apps, part...)
	}
	return apps
}
