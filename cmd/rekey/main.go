// Command rekey keeps the credentials of applications: it knows where they are
// and who needs them, and renews them before they end, without an outage.
//
// Every command is a call of the REST API (package client), to the server that
// --server names or to one in this process. One file holds one command.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(command()) }

// command runs the program once. A first Ctrl-C ends it in good order, a second
// one at once: everything is written down before it happens, so both are safe.
func command() int {
	if err := noCores(); err != nil {
		return report(os.Stderr, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, newSession(), os.Args[1:])
}
