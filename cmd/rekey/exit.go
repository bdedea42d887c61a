package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"rekey.example/rekey/client"
)

// The exit codes. They are stable: scripts branch on them.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitNotFound  = 3
	exitDenied    = 4
	exitConflict  = 5 // also: an approval is needed
	exitPartial   = 6
	exitThrottled = 7
	exitFindings  = 10
)

// problem is an error with its exit code and what to do next.
type problem struct {
	exit int
	what string
	hint string
}

func (p *problem) Error() string { return p.what }

func (p *problem) next(hint string) *problem {
	p.hint = hint
	return p
}

func usage(format string, a ...any) *problem {
	return &problem{exit: exitUsage, what: fmt.Sprintf(format, a...)}
}

func failure(exit int, format string, a ...any) *problem {
	return &problem{exit: exit, what: fmt.Sprintf(format, a...)}
}

// silent ends a command whose output has said everything.
type silent int

func (s silent) Error() string { return fmt.Sprintf("exit code %d", int(s)) }

// report prints an error for a person and returns the exit code.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	if s, ok := errors.AsType[silent](err); ok {
		return int(s)
	}
	what, hint, exit := explain(err)
	for l := range strings.SplitSeq(strings.TrimSpace(what), "\n") {
		fmt.Fprintf(w, "rekey: %s\n", visible(l))
	}
	for l := range strings.Lines(hint) {
		fmt.Fprintf(w, "  %s\n", visible(strings.TrimRight(l, "\n")))
	}
	return exit
}

// explain finds the words and the code for an error.
func explain(err error) (what, hint string, exit int) {
	what, exit = err.Error(), exitFailure
	if p, ok := errors.AsType[*problem](err); ok {
		return what, p.hint, p.exit
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		for _, i := range e.Invalid {
			what += fmt.Sprintf("\n%s: %s", i.Name, i.Reason)
		}
		hint = e.Hint
		if hint == "" {
			hint = "rekey explain " + e.Code + " tells more"
		}
		return what, hint, exitOf(e)
	}
	if what, hint, ok := locked(err); ok {
		return what, hint, exitConflict
	}
	if what, hint, ok := elsewhere(err); ok {
		return what, hint, exitConflict
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "stopped", "what was done is written down; the same command goes on from there", exitFailure
	case errors.Is(err, context.DeadlineExceeded):
		return what, "try again; rekey doctor tells what cannot be reached", exitFailure
	case errors.Is(err, fs.ErrPermission):
		hint = "look at the owner and the permissions of the file, or choose another folder with --data"
	}
	return what, hint, exit
}

func exitOf(e *client.Error) int {
	switch e.Code {
	case "remote_denied", "remote_sign_in":
		return exitDenied
	case "remote_throttled":
		return exitThrottled
	}
	switch e.Status {
	case http.StatusBadRequest:
		return exitUsage
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitDenied
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return exitConflict
	case http.StatusTooManyRequests:
		return exitThrottled
	}
	return exitFailure
}
