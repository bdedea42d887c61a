package daemon

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/hook"
	"rekey.example/rekey/internal/connector/webhook"
	"rekey.example/rekey/internal/secret"
)

// Webhook is a consumer that is told by a signed request: webhook:NAME.
type Webhook struct {
	Name         string        `help:"what references call it: webhook:NAME"`
	URL          string        `help:"https address that gets the signed requests"`
	URLFile      string        `help:"file with that address, if it holds a token of its own"`
	SecretFile   string        `help:"file with the secret that requests are signed with (whsec_..., or 24 bytes and more); or REKEY_WEBHOOK_NAME_SECRET"`
	AllowPrivate bool          `help:"the address may lie on this machine (also plain http) or in a private network"`
	Timeout      time.Duration `help:"how long an answer is waited for; 0: 30s"`
	Secret       secret.Value  `koanf:"-"`
}

// Hook is a consumer that is told by a program on this machine: hook:NAME.
type Hook struct {
	Name        string        `help:"what references call it: hook:NAME"`
	Path        string        `help:"absolute path of the program; only its owner may be able to change it"`
	Args        []string      `help:"its arguments, the same every time; no shell reads them"`
	Environment []string      `help:"names of variables that are handed on to it; it gets no other"`
	Timeout     time.Duration `help:"after so long it is ended with everything that it started; 0: 1m"`
	GiveValue   bool          `help:"it gets the new value, on the descriptor that VALUE_FD names"`
}

// Tasks are what people have to do.
type Tasks struct {
	Term     time.Duration `help:"how long a person has to move a consumer by hand; reminders come at half and at nine tenths of it"`
	LinkLife time.Duration `help:"how long the one-time link of a task holds, 7d at most"`
	Backup   string        `help:"who is asked when a task's time is over; empty: the application's next owner"`
}

// usualTasks are the defaults.
var usualTasks = Tasks{Term: 3 * day, LinkLife: 3 * day}

var consumerName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$`)

// webhookSecrets reads what webhooks are signed with, and addresses that are
// secrets themselves.
func (c *Config) webhookSecrets(env func(string) (string, bool)) error {
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		if v, ok := env(webhookVariable(w.Name)); ok && v != "" {
			w.Secret = secret.New(v)
		} else if w.SecretFile != "" {
			b, err := os.ReadFile(w.SecretFile)
			if err != nil {
				return fmt.Errorf("cannot read the secret of webhook %s: %w", show(w.Name), err)
			}
			w.Secret = secret.New(strings.TrimSpace(string(b)))
		}
		if w.URLFile != "" && w.URL == "" {
			b, err := os.ReadFile(w.URLFile)
			if err != nil {
				return fmt.Errorf("cannot read the address of webhook %s: %w", show(w.Name), err)
			}
			w.URL = strings.TrimSpace(string(b))
		}
	}
	return nil
}

// webhookVariable is REKEY_WEBHOOK_BILLING_PORTAL_SECRET for billing-portal.
func webhookVariable(name string) string {
	return "REKEY_WEBHOOK_" + strings.Map(func(r rune) rune {
		if r == '-' || r == '.' {
			return '_'
		}
		return r
	}, strings.ToUpper(name)) + "_SECRET"
}

func (c *Config) checkConsumers() error {
	var errs []error
	seen := map[string]bool{}
	named := func(kind string, i int, name string) {
		switch {
		case !consumerName.MatchString(name):
			errs = append(errs, fmt.Errorf("entry %d of %ss: %s is not a name of letters, digits, hyphens, dots and underscores", i+1, kind, show(name)))
		case seen[kind+name]:
			errs = append(errs, fmt.Errorf("entry %d of %ss: the name %s is there twice", i+1, kind, show(name)))
		}
		seen[kind+name] = true
	}
	for i, w := range c.Webhooks {
		named("webhook", i, w.Name)
		if _, err := w.open(nil); err != nil {
			errs = append(errs, err)
		}
	}
	for i, h := range c.Hooks {
		named("hook", i, h.Name)
		if _, err := h.open(nil); err != nil {
			errs = append(errs, err)
		}
	}
	for i, b := range c.Bindings {
		if _, err := connector.ParseReference(b.Reference); err != nil {
			errs = append(errs, fmt.Errorf("entry %d of bindings: %w", i+1, err))
		}
	}
	if c.Tasks.Term < time.Hour {
		errs = append(errs, fmt.Errorf("tasks.term %s is under an hour: nobody could be reminded", FormatDuration(c.Tasks.Term)))
	}
	if c.Tasks.LinkLife < time.Minute || c.Tasks.LinkLife > 7*day {
		errs = append(errs, fmt.Errorf("tasks.linkLife %s is not between a minute and 7d", FormatDuration(c.Tasks.LinkLife)))
	}
	return errors.Join(errs...)
}

func (w Webhook) config() webhook.Config {
	return webhook.Config{Name: w.Name, URL: w.URL, Secret: w.Secret, AllowPrivate: w.AllowPrivate, Timeout: w.Timeout}
}

func (h Hook) config() hook.Config {
	return hook.Config{Name: h.Name, Path: h.Path, Args: h.Args, Environment: h.Environment, Timeout: h.Timeout, GiveValue: h.GiveValue}
}
