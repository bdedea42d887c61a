package daemon

import (
	"context"
	"net/http"

	"rekey.example/rekey/internal/server/ui"
)

// newConsole makes the pages for people, which act through the API as whoever is
// signed in.
func (d *Daemon) newConsole() (err error) {
	d.console, err = ui.New(ui.Config{
		Client: d.Client, Who: d.who, Version: d.config.Version, Tenant: d.config.Tenant.Name, Logger: d.logger,
	})
	return err
}

// background runs what no request waits for, as long as the daemon is open.
func (d *Daemon) background(f func(context.Context)) bool {
	return d.guests.admit(func() { f(d.looking) })
}

// who is signed in in a browser.
func (d *Daemon) who(*http.Request) (ui.Visit, error) { return ui.Visit{}, ui.ErrSignedOut }
