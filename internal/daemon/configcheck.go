package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"rekey.example/rekey/internal/policy"
)

var (
	guid      = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)
	domain    = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z]{2,}$`)
	vaultName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9](\.vault\.[a-z.]+)?$`)
)

// check finds what cannot be right whatever the world looks like. What needs a
// look at the world is rekey doctor's.
func (c *Config) check() error {
	var errs []error
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if c.Tenant.ID != "" && !guid.MatchString(c.Tenant.ID) && !domain.MatchString(c.Tenant.ID) {
		wrong("tenant.id %s is neither a GUID nor a domain; the Azure portal shows it under Microsoft Entra ID, Overview", show(c.Tenant.ID))
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		wrong("listen %s is not HOST:PORT; write 127.0.0.1:8417", show(c.Listen))
	}
	if err := c.checkDatabase(); err != nil {
		errs = append(errs, err)
	}
	if u, err := url.Parse(c.Proxy); c.Proxy != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		wrong("proxy is not an address like http://proxy.contoso.com:3128")
	}
	errs = append(errs, c.Reader.check("reader"), c.Writer.check("writer"), c.checkVaults(), c.Rotation.check(), c.MasterKey.check(), c.checkConsumers(), c.checkSubscriptions(), c.checkDiagnosis(), c.checkAlerts(), c.checkTrail(), c.checkSignIn())
	if _, err := policy.New(nil, nil, c.Policy); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.checkSchedule())
	for i, b := range c.Bindings {
		if b.Application == "" || b.Consumer == "" {
			wrong("entry %d of bindings lacks application or consumer", i+1)
		}
	}
	if c.Sync.Every != 0 && c.Sync.Every < time.Minute {
		wrong("sync.every %s is under a minute; 15m is usual", c.Sync.Every)
	}
	return errors.Join(errs...)
}

func (c *Config) checkDatabase() error {
	if c.Database == "" {
		return nil
	}
	u, err := url.Parse(c.Database)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" && !u.Query().Has("host") { // a socket's folder stands in the query
		return errors.New("database is not of the form postgres://USER@HOST/NAME; leave it out for SQLite in the data folder")
	}
	return nil
}

// withoutPassword hides the password of an address; other texts stay as they are.
func withoutPassword(s string) string {
	if !strings.Contains(s, "://") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil {
		return "[cannot be shown]"
	}
	return u.Redacted()
}

func (i Identity) check(who string) error {
	var errs []error
	if i.ClientID != "" && !guid.MatchString(i.ClientID) {
		errs = append(errs, fmt.Errorf("%s.clientId %s is not a GUID; it is the application's \"Application (client) ID\"", who, show(i.ClientID)))
	}
	if i.CertificateFile != "" && !i.ClientSecret.IsZero() {
		errs = append(errs, fmt.Errorf("%s has a certificate and a client secret; keep the certificate", who))
	}
	if i.ClientID == "" && (i.CertificateFile != "" || !i.ClientSecret.IsZero()) {
		errs = append(errs, fmt.Errorf("%s has a credential but no clientId", who))
	}
	if i.CertificateFile != "" {
		if _, err := os.Stat(i.CertificateFile); err != nil {
			errs = append(errs, fmt.Errorf("cannot read the %s's certificate: %w", who, err))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) checkVaults() error {
	var errs []error
	names := map[string]bool{"embedded": true, "": true}
	for i, v := range c.Vaults {
		if !vaultName.MatchString(v.Name) {
			errs = append(errs, fmt.Errorf("entry %d of vaults: %s is not the name of a Key Vault (3 to 24 letters, digits and hyphens)", i+1, show(v.Name)))
		}
		short, _, _ := strings.Cut(v.Name, ".")
		names[v.Name], names[short] = true, true
	}
	if c.Beat.Vault != "" && (!names[c.Beat.Vault] || c.Beat.Vault == "embedded") {
		errs = append(errs, fmt.Errorf("beat.vault %s is not a Key Vault among vaults; add it there", show(c.Beat.Vault)))
	}
	if !names[c.DefaultVault] {
		errs = append(errs, fmt.Errorf("defaultVault %s is not among vaults; add it there, or write embedded", show(c.DefaultVault)))
	}
	return errors.Join(errs...)
}

func (r Rotation) check() error {
	var errs []error
	if r.Lifetime < day || r.Lifetime > 731*day {
		errs = append(errs, fmt.Errorf("rotation.lifetime %s is not between one day and two years", FormatDuration(r.Lifetime)))
	}
	if r.SignIns < 1 {
		errs = append(errs, errors.New("rotation.signIns is under 1: a secret that was never tried must not be deposited"))
	}
	if len([]rune(r.Label)) > 60 {
		errs = append(errs, errors.New("rotation.label is longer than 60 characters"))
	}
	return errors.Join(errs...)
}
