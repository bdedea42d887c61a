package main

import (
	"context"
	"strings"

	"rekey.example/rekey/internal/daemon"
)

// serve puts the demonstration's own server on the network. stop ends it and
// waits until it has.
func (d *demo) serve(ctx context.Context, running *daemon.Daemon) (address string, stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	opened, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- running.Serve(ctx, daemon.Serving{Listen: d.listen, Opened: func(url string) error {
			opened <- strings.TrimPrefix(url, "http://")
			return nil
		}})
	}()
	select {
	case address = <-opened:
		return address, func() error { cancel(); return <-ended }, nil
	case err = <-ended:
		cancel()
		return "", nil, err
	}
}
