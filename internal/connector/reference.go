package connector

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"rekey.example/rekey/internal/inventory"
)

// Reference is how a consumer gets its value, as it is written in terms,
// bindings and vault tags. The grammar is in docs/reference/consumers.md.
type Reference struct {
	Route Route
	Place inventory.Place // of a vault reader; Version is set if it is pinned
	Name  string          // of a webhook or hook as configured; of a person: who, or what is to be done
	Site  string          // of an app: the ARM id of its site or slot
}

// Route is how a consumer gets its value.
type Route string

// The routes.
const (
	ReadsVault Route = "vault"   // reads a vault entry, by name or in one version
	ReadsAsApp Route = "app"     // an App Service or Functions app with Key Vault references
	ByWebhook  Route = "webhook" // is told by a signed request
	ByHook     Route = "hook"    // is told by a program on this machine
	ByPerson   Route = "person"  // a person has to move it
)

const longestText = 2048 // of a reference

// ErrReference means that a text begins like a reference and is none.
var ErrReference = errors.New("not a reference that can be followed")

var (
	vaultForm   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9](\.vault(\.[a-z]{2,20}){2,3})?$`)
	entryForm   = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)
	versionForm = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	nameForm    = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$`)
	siteForm    = regexp.MustCompile(`(?i)^/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/resourceGroups/[\p{L}\p{N}_().-]{1,90}/providers/Microsoft\.Web/sites/([0-9a-z-]{1,60})(?:/slots/([0-9a-z-]{1,60}))?$`)
)

// ParseReference reads a reference. What is none of the forms is a person's
// business, as free text. Its error is ErrReference if a text says webhook:,
// hook: or app: and what follows cannot be, or if it is not fit to be shown.
func ParseReference(text string) (Reference, error) {
	text = strings.TrimSpace(text)
	if len(text) > longestText || !utf8.ValidString(text) || strings.ContainsFunc(text, unprintable) {
		return Reference{}, fmt.Errorf("%w: it is longer than %d bytes or not printable", ErrReference, longestText)
	}
	route, rest, _ := strings.Cut(text, ":")
	switch route {
	case "app":
		if !siteForm.MatchString(rest) {
			return Reference{}, fmt.Errorf("%w: write app:/subscriptions/.../providers/Microsoft.Web/sites/NAME, and /slots/SLOT for a slot", ErrReference)
		}
		return Reference{Route: ReadsAsApp, Site: rest, Name: siteName(rest)}, nil
	case "webhook", "hook":
		if !nameForm.MatchString(rest) {
			return Reference{}, fmt.Errorf("%w: write %s:NAME, with the name that the configuration has", ErrReference, route)
		}
		return Reference{Route: Route(route), Name: rest}, nil
	case "person":
		return Reference{Route: ByPerson, Name: strings.TrimSpace(rest)}, nil
	}
	if p, ok := parsePlace(text); ok {
		return Reference{Route: ReadsVault, Place: p}, nil
	}
	return Reference{Route: ByPerson, Name: text}, nil
}

// parsePlace reads vault/name and vault/name@version.
func parsePlace(text string) (inventory.Place, bool) {
	vault, entry, found := strings.Cut(text, "/")
	entry, version, pinned := strings.Cut(entry, "@")
	if !found || vault != inventory.Embedded && !vaultForm.MatchString(vault) || !entryForm.MatchString(entry) || pinned && !versionForm.MatchString(version) {
		return inventory.Place{}, false
	}
	return inventory.Place{Vault: vault, Name: entry, Version: version}, true
}

// unprintable is true for what could deceive whoever reads it.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar || r == '\u2028' || r == '\u2029'
}

// siteName is NAME, or NAME/SLOT.
func siteName(id string) string {
	m := siteForm.FindStringSubmatch(id)
	if m[3] == "" {
		return m[2]
	}
	return m[2] + "/" + m[3]
}

// String is the reference as ParseReference takes it.
func (r Reference) String() string {
	switch r.Route {
	case ReadsVault:
		if r.Place.Version != "" {
			return r.Place.String() + "@" + r.Place.Version
		}
		return r.Place.String()
	case ReadsAsApp:
		return "app:" + r.Site
	case ByPerson:
		return "person:" + r.Name
	}
	return string(r.Route) + ":" + r.Name
}

// Reads reports whether the consumer reads that vault entry by its name, so that
// its current version is what it gets. A pinned version is never that.
func (r Reference) Reads(p inventory.Place) bool {
	return r.Route == ReadsVault && r.Place.Version == "" && strings.EqualFold(r.Place.String(), inventory.Place{Vault: p.Vault, Name: p.Name}.String())
}

// Pinned reports whether the consumer reads one version of a vault entry, and
// stays there until a person changes it.
func (r Reference) Pinned() bool { return r.Route == ReadsVault && r.Place.Version != "" }
