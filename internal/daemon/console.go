package daemon

import (
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

// who is signed in in a browser.
func (d *Daemon) who(*http.Request) (ui.Visit, error) { return ui.Visit{}, ui.ErrSignedOut }
