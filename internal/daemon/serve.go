package daemon

import (
	"context"
	"errors"

	"rekey.example/rekey/internal/replica"
	"rekey.example/rekey/internal/server"
)

// Serving says how the API is put on the network.
type Serving struct {
	Listen   string // host:port; empty: the configuration's
	CertFile string // PEM; with KeyFile it is HTTPS
	KeyFile  string
	Insecure bool                       // plain HTTP beyond loopback
	Opened   func(address string) error // called with the URL once it listens; may be nil
}

// Serve does all that rekey does by itself, and answers requests, until ctx is
// done. Then it lets what runs finish.
func (d *Daemon) Serve(ctx context.Context, s Serving) error {
	if err := d.others.join(ctx); err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	d.others.whenReplaced(end)
	d.Work()
	if s.Listen == "" {
		s.Listen = d.config.Listen
	}
	c := d.site()
	c.Listen, c.CertFile, c.KeyFile, c.Insecure, c.Closing = s.Listen, s.CertFile, s.KeyFile, s.Insecure, d.stop
	c.Opened = func(address string) error {
		if err := d.lock.tell(address); err != nil {
			return err
		}
		if s.Opened != nil {
			return s.Opened(address)
		}
		return nil
	}
	err := server.Run(ctx, c)
	if cause := context.Cause(ctx); errors.Is(cause, replica.ErrReplaced) {
		err = errors.Join(cause, err)
	}
	return err
}

// site is what a server answers with, on the network or in this process.
func (d *Daemon) site() server.Config {
	return server.Config{
		Version: d.config.Version, API: d.api, Console: d.console, Desk: d.desk, Gate: d.doors.gate, Slack: d.slackButtons(), Feeds: d.feeds, Hooks: d.hooks(), Checks: d.checks(), Held: d.rotations.Held, Logger: d.logger,
		Metrics: d.scraped(), Observe: d.metrics.Request, Trace: d.trace,
	}
}

// checks are what must hold for the server to be ready.
func (d *Daemon) checks() []server.Check {
	return []server.Check{{Name: "database", Do: d.store.Ping}}
}
