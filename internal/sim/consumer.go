package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Consumer is a pretended program that uses an application's secret: it reads the
// value from a vault, keeps it for a while, and signs in with whatever it holds. So
// an old secret is really in use after a switch, until the last cache has gone.
type Consumer struct {
	ClientID      string
	Vault, Secret string        // where it reads its value, by the identity of its host
	Refresh       time.Duration // how long it keeps a value; 0 reads at every sign-in, negative keeps the first for ever
	Every         time.Duration // between two sign-ins; 0 means 5 minutes
	Scope         string        // empty means Microsoft Graph
	Address       string        // its IP address; empty means 203.0.113.20
}

// Program is a consumer that has been started.
type Program struct {
	Consumer
	cloud *Cloud
	wire  http.RoundTripper

	mu      sync.Mutex
	held    string
	read    time.Time
	tried   int
	refused int
	last    string // the last refusal
}

// Start makes a consumer. It does nothing until SignIn or Run is called.
func (c *Cloud) Start(k Consumer) *Program {
	k.Every = cmp.Or(k.Every, 5*time.Minute)
	k.Scope = cmp.Or(k.Scope, "https://graph.microsoft.com/.default")
	k.Address = cmp.Or(k.Address, "203.0.113.20")
	return &Program{Consumer: k, cloud: c, wire: &transport{cloud: c, from: k.Address}}
}

// Run signs in at once and then regularly, until ctx is done. Whoever starts it in
// a goroutine waits for that to end.
func (p *Program) Run(ctx context.Context) {
	for {
		p.SignIn(ctx)
		select {
		case <-time.After(p.Every):
		case <-ctx.Done():
			return
		}
	}
}

// SignIn asks for a token once with the value that the program holds. The error
// says why there was none; the program itself only counts it.
func (p *Program) SignIn(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	p.tried++
	err := p.ask(ctx)
	if err != nil {
		p.refused++
		p.last = err.Error()
	}
	return err
}

// look reads the vault if what is held is too old. An entry that is gone or
// switched off leaves the program with what it has.
func (p *Program) look() {
	if p.held != "" && (p.Refresh < 0 || p.Refresh > 0 && time.Since(p.read) < p.Refresh) {
		return
	}
	if v, ok := p.cloud.Current(p.Vault, p.Secret); ok {
		p.held, p.read = v, time.Now()
	}
}

func (p *Program) ask(ctx context.Context) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.ClientID}, "client_secret": {p.held}, "scope": {p.Scope}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://login.microsoftonline.com/"+p.cloud.tenant.ID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.wire.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	var answer struct {
		Error string `json:"error_description"`
	}
	if res.StatusCode != http.StatusOK {
		_ = json.Unmarshal(body, &answer) // the status says enough
		return fmt.Errorf("status %d: %s", res.StatusCode, answer.Error)
	}
	return nil
}

// Tally is how often a program has signed in, how often it was refused, and the
// last refusal. The hint is the beginning of the value that it holds.
func (p *Program) Tally() (tried, refused int, last, hint string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tried, p.refused, p.last, p.held[:min(3, len(p.held))]
}
