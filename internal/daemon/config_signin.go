package daemon

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// SignIn is how people sign in to the console.
type SignIn struct {
	Address          string        `help:"where people reach this server, such as https://rekey.contoso.com; empty: as the browser asks, on this machine only"`
	ClientID         string        `help:"application that people sign in to Entra with; empty: they do not sign in there"`
	ClientSecretFile string        `help:"file with that application's client secret; REKEY_SIGN_IN_CLIENT_SECRET holds the secret itself"`
	CertificateFile  string        `help:"PEM file with that application's certificate and private key, in place of a secret"`
	Local            string        `help:"whether people sign in here with a passkey or a password: yes or no; empty: if there is no signIn.clientId and the database is SQLite"`
	Idle             time.Duration `help:"after which a session that nobody uses ends"`
	Longest          time.Duration `help:"after which a session ends, used or not"`

	ClientSecret secret.Value `koanf:"-"` // from REKEY_SIGN_IN_CLIENT_SECRET
	Front        string       `koanf:"-"` // where browsers find Entra in a demonstration
}

// Federation is an issuer whose tokens programs come with, in place of one of ours.
type Federation struct {
	Name     string            `help:"what the audit log calls it"`
	Issuer   string            `help:"address of the issuer, such as https://token.actions.githubusercontent.com"`
	Audience string            `help:"what the token has to be for"`
	Subject  string            `help:"whom it has to name, such as repo:contoso/infra:ref:refs/heads/main; * stands for any part between : and /"`
	Claims   map[string]string `help:"further claims and what they have to be"`
	Role     string            `help:"what it may do: user, administrator, auditor"`
	Actions  []string          `help:"narrower than the role, such as rotation.propose; empty: all that the role permits"`
	Owner    string            `help:"object id of somebody in the directory, whose applications a user sees; empty: the identity's own"`
}

var usualSignIn = SignIn{Idle: access.UsualIdle, Longest: access.UsualLongest}

// local reports whether people sign in here, with a passkey or a password. The
// bounds on guessing live in the process, so that is for one machine.
func (c *Config) local() bool {
	if c.SignIn.Local != "" {
		return c.SignIn.Local == "yes"
	}
	return c.SignIn.ClientID == "" && !store.IsPostgres(c.DatabaseAddress())
}

func (s *SignIn) secrets(env func(string) (string, bool)) (err error) {
	if s.ClientSecret, err = hidden(env, "REKEY_SIGN_IN_CLIENT_SECRET", s.ClientSecretFile); err != nil {
		return fmt.Errorf("cannot read the client secret of signIn: %w", err)
	}
	return nil
}

func (c *Config) checkSignIn() error {
	var errs []error
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	s := c.SignIn
	if u, err := url.Parse(s.Address); s.Address != "" && (err != nil || u.Scheme != "https" && !(u.Scheme == "http" && loopbackName(u.Hostname())) || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "") {
		wrong("signIn.address %s is not of the form https://rekey.contoso.com", show(s.Address))
	}
	switch {
	case s.ClientID != "" && !guid.MatchString(s.ClientID):
		wrong("signIn.clientId %s is not a GUID; it is the application's \"Application (client) ID\"", show(s.ClientID))
	case s.ClientID != "" && !guid.MatchString(c.Tenant.ID):
		wrong("signIn.clientId needs tenant.id as a GUID: people are known by it")
	case s.ClientID != "" && s.ClientSecret.IsZero() == (s.CertificateFile == ""):
		wrong("signIn.clientId needs either a client secret or signIn.certificateFile")
	}
	if s.CertificateFile != "" {
		if _, err := os.Stat(s.CertificateFile); err != nil {
			wrong("cannot read the certificate of signIn: %w", err)
		}
	}
	if s.Local != "" && s.Local != "yes" && s.Local != "no" {
		wrong("signIn.local %s is neither yes nor no", show(s.Local))
	}
	if s.Idle < 3*time.Minute || s.Idle > 24*time.Hour {
		wrong("signIn.idle %s is not between 3 minutes and a day", FormatDuration(s.Idle))
	}
	if s.Longest < s.Idle || s.Longest > 7*day {
		wrong("signIn.longest %s is not between signIn.idle and a week", FormatDuration(s.Longest))
	}
	names := map[string]bool{}
	for i, f := range c.Federation {
		if why := f.trust().Problem(); why != "" {
			wrong("entry %d of federation: %s", i+1, why)
		}
		if names[f.Name] {
			wrong("entry %d of federation: the name %s stands there twice", i+1, show(f.Name))
		}
		names[f.Name] = true
	}
	return errors.Join(errs...)
}

func loopbackName(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

func (f Federation) trust() access.Trust {
	t := access.Trust{
		Name: f.Name, Issuer: f.Issuer, Audience: f.Audience, Subject: f.Subject, Claims: f.Claims, Role: access.Role(f.Role), Owner: f.Owner,
	}
	for _, a := range f.Actions {
		t.Only = append(t.Only, access.Action(a))
	}
	return t
}
