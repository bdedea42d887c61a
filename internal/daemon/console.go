package daemon

import (
	"context"
	"errors"
	"net/http"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/server/ui"
)

// newConsole makes the pages for people, which act through the API as whoever is
// signed in.
func (d *Daemon) newConsole() (err error) {
	d.console, err = ui.New(ui.Config{
		Client: d.Client, Who: d.who, Version: d.config.Version, Tenant: d.config.Tenant.Name, Logger: d.logger,
		SignOut: "/signout", Extend: "/signin/stay",
	})
	return err
}

// background runs what no request waits for, as long as the daemon is open.
func (d *Daemon) background(f func(context.Context)) bool {
	return d.guests.admit(func() { f(d.looking) })
}

// who is signed in in a browser.
func (d *Daemon) who(r *http.Request) (ui.Visit, error) {
	v, err := d.doors.gate.Who(r)
	if errors.Is(err, access.ErrNoSession) {
		return ui.Visit{}, ui.ErrSignedOut
	}
	if err != nil {
		return ui.Visit{}, err
	}
	return ui.Visit{Actor: v.Actor, Ends: v.Until()}, nil
}
