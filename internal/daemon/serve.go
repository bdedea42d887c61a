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
	err := server.Run(ctx, server.Config{
		Listen: s.Listen, CertFile: s.CertFile, KeyFile: s.KeyFile, Insecure: s.Insecure,
		Version: d.config.Version, API: d.api, Desk: d.desk, Slack: d.slackButtons(), Feeds: d.feeds, Logger: d.logger, Checks: d.checks(),
		Opened: func(address string) error {
			if err := d.lock.tell(address); err != nil {
				return err
			}
			if s.Opened != nil {
				return s.Opened(address)
			}
			return nil
		},
		Closing: d.stop,
	})
	if cause := context.Cause(ctx); errors.Is(cause, replica.ErrReplaced) {
		err = errors.Join(cause, err)
	}
	return err
}

// checks are what must hold for the server to be ready.
func (d *Daemon) checks() []server.Check {
	return []server.Check{{Name: "database", Do: d.store.Ping}}
}
