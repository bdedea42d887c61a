// Package hook plays consumer through a program on this machine.
//
// The program and its arguments stand in the configuration; no shell is between.
// It gets the change as a CloudEvents document on standard input, an environment
// with nothing of ours in it, a limit of time, and ends with everything that it
// started. It gets the value only if the configuration says so, and then on a
// descriptor of its own, never in an argument, a variable or a file.
package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/secret"
)

// Config is one hook.
type Config struct {
	Name        string        // what references call it
	Path        string        // of the program, absolute
	Args        []string      // the same every time
	Environment []string      // names of variables to hand on, beside PATH and the language; none of REKEY_ and AZURE_
	Timeout     time.Duration // 0 means a minute
	GiveValue   bool          // the new value is on the descriptor that VALUE_FD names

	// Value reads the new value of a change, for GiveValue.
	Value func(context.Context, connector.Change) (secret.Value, error)
}

// Hook is a consumer that is told by running a program.
type Hook struct{ Config }

var _ connector.Consumer = (*Hook)(nil)

// The exit codes that mean something.
const (
	moved  = 0
	notYet = 75 // EX_TEMPFAIL of sysexits.h
)

// Open checks a hook's configuration. Nothing is run.
func Open(c Config) (*Hook, error) {
	if !filepath.IsAbs(c.Path) || filepath.Clean(c.Path) != c.Path {
		return nil, fmt.Errorf("cannot use hook %q: %q is not the absolute path of a program", c.Name, c.Path)
	}
	for _, name := range c.Environment {
		if own(name) || name == "" || strings.ContainsAny(name, "=\x00") {
			return nil, fmt.Errorf("cannot use hook %q: the variable %q is not handed on", c.Name, name)
		}
	}
	if c.GiveValue && c.Value == nil {
		return nil, fmt.Errorf("cannot use hook %q: nobody can read the value that it shall get", c.Name)
	}
	if c.GiveValue && !inherits {
		return nil, fmt.Errorf("cannot use hook %q: giveValue needs a system on which descriptors are inherited", c.Name)
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	h := &Hook{c}
	return h, h.trusted()
}

// own reports whether a variable is rekey's, or holds its identity to the clouds.
func own(name string) bool {
	upper := strings.ToUpper(name)
	return slices.ContainsFunc([]string{"REKEY_", "AZURE_", "PG", "IDENTITY_", "MSI_"}, func(p string) bool { return strings.HasPrefix(upper, p) })
}

// trusted looks whether the program is one that only its owner can have written.
// It is asked before each run: whoever can write it acts as rekey.
func (h *Hook) trusted() error {
	info, err := os.Stat(h.Path)
	if err != nil {
		return fmt.Errorf("cannot use hook %q: %w", h.Name, err)
	}
	if !info.Mode().IsRegular() || !runnable(info) {
		return fmt.Errorf("cannot use hook %q: %s is not a program that only its owner may change; try chmod go-w, chmod +x", h.Name, h.Path)
	}
	return nil
}

// Tell runs the program with the switch. That it is not done yet is no error: it
// is asked again.
func (h *Hook) Tell(ctx context.Context, c connector.Change) error {
	r, err := h.run(ctx, c, connector.Switched)
	if err != nil {
		return err
	}
	if r.code != moved && r.code != notYet {
		return h.failed(r)
	}
	return nil
}

// Moved runs the program with the question. Exit code 0 is a yes.
func (h *Hook) Moved(ctx context.Context, c connector.Change) (connector.Moved, error) {
	r, err := h.run(ctx, c, connector.Check)
	if err != nil {
		return connector.Moved{}, err
	}
	switch r.code {
	case moved:
		proof := "hook " + h.Name + " says it uses the new value"
		if r.out != "" {
			proof += ": " + r.out
		}
		return connector.Moved{Yes: true, Proof: proof}, nil
	case notYet:
		why := r.out
		if why == "" {
			why = "hook " + h.Name + " says not yet"
		}
		return connector.Moved{Why: why}, nil
	}
	return connector.Moved{}, h.failed(r)
}

func (h *Hook) failed(r result) error {
	text := r.err
	if text == "" {
		text = "it said nothing on standard error"
	}
	return fmt.Errorf("hook %q ended with code %d: %s", h.Name, r.code, text)
}

// result is how a run ended, with the first line of each output.
type result struct {
	code     int
	out, err string
}

func (h *Hook) run(ctx context.Context, c connector.Change, kind string) (result, error) {
	if err := h.trusted(); err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.Path, h.Args...)
	cmd.Dir, cmd.Env, cmd.Stdin = filepath.Dir(h.Path), h.environment(), bytes.NewReader(c.Event(kind, c.Request))
	var out, errs limited
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 2 * time.Second // for outputs that something it started still holds
	alone(cmd)
	var value secret.Value
	if h.GiveValue {
		var err error
		if value, err = h.Value(ctx, c); err != nil {
			return result{}, fmt.Errorf("cannot read the value for hook %q: %w", h.Name, err)
		}
		defer value.Zero()
	}
	err := start(cmd, value)
	if err == nil {
		err = cmd.Wait()
		end(cmd) // what it started and left behind
	}
	r := result{out: scrub(out.line(), value), err: scrub(errs.line(), value)}
	if ctx.Err() != nil {
		return result{}, fmt.Errorf("hook %q was ended after %s: %w", h.Name, h.Timeout, context.Cause(ctx))
	}
	exit, isExit := errors.AsType[*exec.ExitError](err)
	switch {
	case isExit:
		r.code = exit.ExitCode()
	case errors.Is(err, exec.ErrWaitDelay): // it ended well, something it started did not let go
	case err != nil:
		return result{}, fmt.Errorf("cannot run hook %q: %w", h.Name, err)
	}
	return r, nil
}

// start runs the program, with the value on its descriptor if there is one.
func start(cmd *exec.Cmd, value secret.Value) error {
	if value.IsZero() {
		return cmd.Start()
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	// A value longer than a pipe holds would wait for a reader that may not come.
	if value.Len() > 32<<10 {
		return errors.Join(errors.New("the value is too long to be handed over"), w.Close())
	}
	cmd.ExtraFiles = []*os.File{r}
	cmd.Env = append(cmd.Env, "VALUE_FD=3")
	_, err = w.WriteString(value.Reveal())
	if err = errors.Join(err, w.Close()); err != nil {
		return errors.New("the value cannot be handed over")
	}
	return cmd.Start()
}

// environment is what the program sees: nothing that came to us by chance.
func (h *Hook) environment() []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOOK=" + h.Name}
	for _, name := range append(slices.Clone(needed), h.Environment...) {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}
