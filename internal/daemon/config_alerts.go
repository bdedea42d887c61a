package daemon

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/secret"
)

// Alerts say who is told what and when.
type Alerts struct {
	PublicURL string   `help:"address that people open the console at, for the links in messages: https://rekey.contoso.com"`
	Zone      string   `help:"time zone of dates and of the digest, such as Europe/Zurich; empty: UTC"`
	Digest    string   `help:"time of day of the one message with all that can wait, HH:MM"`
	Urgent    string   `help:"what matters this much is told at once: high, medium or low"`
	Findings  string   `help:"findings of the policy that matter at least this much are told: high, medium, low, or none"`
	Backup    string   `help:"address of who is asked after the owner, where an application has no second owner"`
	Team      []string `help:"addresses of those who are asked last, and told what has no owner"`
	Ladder    Ladder
	Escalate  Escalation
	Slack     SlackButtons
}

// Ladder is how many days before the end it is told, and how much it matters then.
type Ladder struct {
	High   []string `help:"days before the end at which it is told as a matter of high severity; 0 is the end"`
	Medium []string `help:"days before the end at which it is told as a matter of medium severity"`
	Low    []string `help:"days before the end at which it is told as a matter of low severity"`
}

// Escalation is after how long without an acknowledgement the next ones are asked.
type Escalation struct {
	High   time.Duration `help:"how long a matter of high severity waits for an acknowledgement before the next ones are asked; 0: for ever"`
	Medium time.Duration `help:"the same for medium severity"`
	Low    time.Duration `help:"the same for low severity"`
}

// SlackButtons let people acknowledge in Slack.
type SlackButtons struct {
	SigningSecretFile string       `help:"file with the signing secret of the Slack app whose buttons POST to /slack/interactions; or REKEY_SLACK_SIGNING_SECRET"`
	Workspace         string       `help:"id of the workspace that buttons may be pressed in, T...; empty: any that the app is in"`
	Users             []string     `help:"ids of those who may press them, U...; empty: everybody in the workspace"`
	SigningSecret     secret.Value `koanf:"-"`
}

// Channel is a way to tell people or machines.
type Channel struct {
	Name        string       `help:"what people call it"`
	Type        string       `help:"smtp, teams, slack, pagerduty, webhook or azuremonitor"`
	Joins       string       `help:"from when on a channel with one place is told: owner (from the start), backup, team"`
	Kinds       []string     `help:"only these kinds of alert; empty: all"`
	Least       string       `help:"only what matters at least this much; empty: all"`
	Instant     bool         `help:"each alert at once instead of a digest"`
	Host        string       `help:"smtp: the mail server"`
	Port        int          `help:"smtp: 0 means 587, or 465 with tls"`
	TLS         bool         `koanf:"tls" help:"smtp: TLS from the first byte; otherwise STARTTLS, without which nothing is sent"`
	Plain       bool         `help:"smtp: without TLS; only for a mail server on this machine"`
	User        string       `help:"smtp: who signs in; empty: nobody"`
	From        string       `help:"smtp: the sender: rekey <rekey@contoso.com>"`
	URL         string       `help:"webhook: the address"`
	URLFile     string       `help:"teams, slack, webhook: file with the address, which is a secret; or REKEY_CHANNEL_NAME_URL"`
	SecretFile  string       `help:"file with smtp's password, slack's bot token, pagerduty's integration key or the key that a webhook is signed with; or REKEY_CHANNEL_NAME_SECRET"`
	Room        string       `help:"slack: with a bot token, the channel to post to"`
	Buttons     bool         `help:"slack: buttons to acknowledge and to lay aside; needs alerts.slack"`
	Region      string       `help:"pagerduty: us or eu"`
	Endpoint    string       `help:"azuremonitor: the data collection endpoint"`
	Rule        string       `help:"azuremonitor: immutable id of the data collection rule, dcr-..."`
	Stream      string       `help:"azuremonitor: the stream, Custom-Rekey_CL"`
	AllowRanges []string     `help:"webhook: private ranges that the address may lie in, such as 10.20.0.0/16"`
	Secret      secret.Value `koanf:"-"`
	URLSecret   secret.Value `koanf:"-"`
}

// usualAlerts are the defaults.
func usualAlerts() Alerts {
	d := alert.Default()
	days := func(s alert.Severity) (list []string) {
		for _, n := range d.Ladder[s] {
			list = append(list, strconv.Itoa(n))
		}
		return list
	}
	return Alerts{
		Digest: "08:00", Urgent: string(alert.High), Findings: string(alert.High),
		Ladder:   Ladder{High: days(alert.High), Medium: days(alert.Medium), Low: days(alert.Low)},
		Escalate: Escalation{High: d.Escalate[alert.High], Medium: d.Escalate[alert.Medium], Low: d.Escalate[alert.Low]},
	}
}

// channelVariable is REKEY_CHANNEL_OPS_ROOM for ops-room.
func channelVariable(name string) string {
	return strings.TrimSuffix(strings.Replace(webhookVariable(name), "REKEY_WEBHOOK_", "REKEY_CHANNEL_", 1), "_SECRET")
}

// channelSecrets reads what channels are signed in with, and addresses that are
// secrets.
func (c *Config) channelSecrets(env func(string) (string, bool)) (err error) {
	if c.Alerts.Slack.SigningSecret, err = hidden(env, "REKEY_SLACK_SIGNING_SECRET", c.Alerts.Slack.SigningSecretFile); err != nil {
		return fmt.Errorf("cannot read the signing secret of Slack: %w", err)
	}
	for i := range c.Channels {
		h := &c.Channels[i]
		if h.Secret, err = hidden(env, channelVariable(h.Name)+"_SECRET", h.SecretFile); err != nil {
			return fmt.Errorf("cannot read the secret of channel %s: %w", show(h.Name), err)
		}
		if h.URLSecret, err = hidden(env, channelVariable(h.Name)+"_URL", h.URLFile); err != nil {
			return fmt.Errorf("cannot read the address of channel %s: %w", show(h.Name), err)
		}
		if h.URLSecret.IsZero() && h.URL != "" {
			h.URLSecret = secret.New(h.URL)
		}
	}
	return nil
}

// checkAlerts finds what cannot be meant.
func (c *Config) checkAlerts() error {
	_, err := c.Alerts.config()
	errs := []error{err}
	seen := map[string]bool{}
	for i, h := range c.Channels {
		switch {
		case !consumerName.MatchString(h.Name):
			errs = append(errs, fmt.Errorf("entry %d of channels: %s is not a name of letters, digits, hyphens, dots and underscores", i+1, show(h.Name)))
		case seen[h.Name]:
			errs = append(errs, fmt.Errorf("entry %d of channels: the name %s is there twice", i+1, show(h.Name)))
		}
		seen[h.Name] = true
		if _, err := h.route(c, nil, nil); err != nil {
			errs = append(errs, fmt.Errorf("entry %d of channels: %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}

// config is what package alert takes.
func (a *Alerts) config() (c alert.Config, err error) {
	var errs []error
	c = alert.Config{Backup: a.Backup, Team: a.Team, Ladder: map[alert.Severity][]int{}, Zone: time.UTC}
	severity := func(key, text string, none bool) alert.Severity {
		if text == "" || none && text == "none" {
			return ""
		}
		if !slices.Contains(alert.Severities, alert.Severity(text)) {
			errs = append(errs, fmt.Errorf("alerts.%s %s is not high, medium or low", key, show(text)))
		}
		return alert.Severity(text)
	}
	c.Urgent, c.Findings = severity("urgent", a.Urgent, false), severity("findings", a.Findings, true)
	if a.Zone != "" {
		if c.Zone, err = time.LoadLocation(a.Zone); err != nil || a.Zone == "Local" {
			errs = append(errs, fmt.Errorf("alerts.zone %s is no time zone; write one such as Europe/Zurich", show(a.Zone)))
			c.Zone = time.UTC
		}
	}
	at, err := time.Parse("15:04", a.Digest)
	if err != nil {
		errs = append(errs, fmt.Errorf("alerts.digest %s is no time of day; write 08:00", show(a.Digest)))
	}
	c.Clock = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	for s, list := range map[alert.Severity][]string{alert.High: a.Ladder.High, alert.Medium: a.Ladder.Medium, alert.Low: a.Ladder.Low} {
		for _, text := range list {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), "d"))
			if err != nil {
				errs = append(errs, fmt.Errorf("alerts.ladder.%s has %s, which is no number of days", s, show(text)))
				continue
			}
			c.Ladder[s] = append(c.Ladder[s], n)
		}
	}
	c.Escalate = map[alert.Severity]time.Duration{alert.High: a.Escalate.High, alert.Medium: a.Escalate.Medium, alert.Low: a.Escalate.Low}
	if a.PublicURL != "" {
		if c.Public, err = url.Parse(a.PublicURL); err != nil {
			errs = append(errs, fmt.Errorf("alerts.publicUrl is not an address like https://rekey.contoso.com"))
		}
	}
	for _, address := range append([]string{a.Backup}, a.Team...) {
		if address != "" && !strings.Contains(address, "@") {
			errs = append(errs, fmt.Errorf("alerts: %s is not a mail address", show(address)))
		}
	}
	if err := c.Check(); err != nil {
		errs = append(errs, fmt.Errorf("alerts: %w", err))
	}
	return c, errors.Join(errs...)
}

func prefixes(list []string) (out []netip.Prefix, err error) {
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%s is not a range like 10.20.0.0/16", show(text))
		}
		out = append(out, p)
	}
	return out, nil
}

// roots are the certificates to trust; a file that cannot be read is found elsewhere.
func roots(file string) *x509.CertPool {
	if _, err := os.Stat(file); file == "" || err != nil {
		return nil
	}
	pool, err := trusted(file)
	if err != nil {
		return nil
	}
	return pool
}
