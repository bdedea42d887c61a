package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/daemon"
)

// tellSetup shows the one-time token for the first person, once, to whoever
// started the server. It is shown even if remarks are not wanted: nothing else
// could tell it. Behind # it stays in the browser, so that no log has it.
func (s *session) tellSetup(ctx context.Context, d *daemon.Daemon, address string) error {
	token, ends, err := d.SetupToken(ctx)
	if err != nil || token.IsZero() {
		return err
	}
	address = strings.Replace(address, "127.0.0.1", "localhost", 1) // passkeys want a name
	_, err = fmt.Fprintf(s.err, "Nobody can sign in yet. Until %s, once, open\n  %s/setup#%s\n", ends.Local().Format(time.TimeOnly), address, token.Reveal())
	return err
}
