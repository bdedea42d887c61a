package daemon

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector/office"
	"rekey.example/rekey/internal/secret"
)

// Trail is which of the clouds' own records are read, and how often.
type Trail struct {
	Every           time.Duration `help:"how often the clouds' own records are read: directory audits, sign-ins, the Office 365 feed; 0: never"`
	SignIns         bool          `help:"also keep the sign-ins of applications, each with the credential that was used; needs a premium licence"`
	Office          bool          `help:"also read the Office 365 Management Activity API, the second witness: starts a subscription; the reader needs ActivityFeed.Read"`
	ContentTypes    []string      `help:"content types of that API"`
	Publisher       string        `help:"PublisherIdentifier for a request quota of its own, a GUID; empty: the tenant's"`
	Webhook         string        `help:"https address of this server's /hooks/office as Microsoft reaches it; empty: only polled"`
	WebhookFile     string        `help:"file with the secret that comes back with each of its notifications; or REKEY_TRAIL_WEBHOOK_SECRET"`
	EventGridFile   string        `help:"file with the key that Event Grid's deliveries to /hooks/eventgrid bear; or REKEY_TRAIL_EVENT_GRID_KEY"`
	AuditsKept      time.Duration `help:"how long the tenant keeps directory audits and sign-ins: 7d without a paid licence, 30d with one"`
	AuditsLate      time.Duration `help:"after which a directory audit or a sign-in surely is there"`
	OfficeLate      time.Duration `help:"after which content of the Office 365 feed that was announced late surely is there"`
	WebhookSecret   secret.Value  `koanf:"-"`
	EventGridSecret secret.Value  `koanf:"-"`
}

// usualTrail are the defaults.
var usualTrail = Trail{
	Every: 5 * time.Minute, SignIns: true, ContentTypes: []string{office.Directory}, AuditsKept: 7 * day, AuditsLate: 2 * time.Hour, OfficeLate: day,
}

// trailSecrets reads what notifications are known by.
func (c *Config) trailSecrets(env func(string) (string, bool)) error {
	for _, s := range []struct {
		variable, file string
		to             *secret.Value
	}{
		{"REKEY_TRAIL_WEBHOOK_SECRET", c.Trail.WebhookFile, &c.Trail.WebhookSecret},
		{"REKEY_TRAIL_EVENT_GRID_KEY", c.Trail.EventGridFile, &c.Trail.EventGridSecret},
	} {
		if v, ok := env(s.variable); ok && v != "" {
			*s.to = secret.New(v)
			continue
		}
		if s.file == "" {
			continue
		}
		b, err := os.ReadFile(s.file)
		if err != nil {
			return fmt.Errorf("cannot read the secret of a notification: %w", err)
		}
		*s.to = secret.New(strings.TrimSpace(string(b)))
	}
	return nil
}

// shortestKey is how long what notifications are known by is at least, in bytes.
const shortestKey = 20

func (c *Config) checkTrail() error {
	var errs []error
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	t := &c.Trail
	if t.Every != 0 && t.Every < time.Second {
		wrong("trail.every %s is under a second; 5m is usual", t.Every)
	}
	for _, kind := range t.ContentTypes {
		if !slices.Contains(office.Types, kind) {
			wrong("trail.contentTypes: there is no %s; there are %s", show(kind), strings.Join(office.Types, ", "))
		}
	}
	if t.Publisher != "" && !guid.MatchString(t.Publisher) {
		wrong("trail.publisher %s is not a GUID", show(t.Publisher))
	}
	if u, err := url.Parse(t.Webhook); t.Webhook != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		wrong("trail.webhook is not an https address")
	}
	if t.Webhook != "" && t.WebhookSecret.IsZero() {
		wrong("trail.webhook is set without a secret: set trail.webhookFile or REKEY_TRAIL_WEBHOOK_SECRET")
	}
	for name, s := range map[string]secret.Value{"the secret of trail.webhook": t.WebhookSecret, "the key of Event Grid": t.EventGridSecret} {
		if !s.IsZero() && len(s.Reveal()) < shortestKey {
			wrong("%s is shorter than %d characters", name, shortestKey)
		}
	}
	if t.AuditsKept < day || t.AuditsLate < 0 || t.OfficeLate < 0 || t.AuditsLate >= t.AuditsKept || t.OfficeLate >= 7*day {
		wrong("trail.auditsKept, trail.auditsLate and trail.officeLate do not fit: what is late has to be kept still")
	}
	return errors.Join(errs...)
}
