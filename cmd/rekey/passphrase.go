package main

import (
	"fmt"
	"os"

	"golang.org/x/term"

	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/secret"
)

// A passphrase comes from a terminal that does not show it, from the environment
// or from a file; never from an argument, which other users of the machine can
// read, and never from a pipe, where a script would put it into an argument of echo.

// passphrase asks for the master passphrase, a new one twice.
func (s *session) passphrase(fresh bool) (secret.Value, error) {
	if !fresh {
		return s.hidden("Master passphrase: ", "REKEY_MASTER_PASSPHRASE")
	}
	first, err := s.hidden("New master passphrase: ", "REKEY_MASTER_PASSPHRASE")
	if err != nil {
		return first, err
	}
	second, err := s.hidden("The same again: ", "REKEY_MASTER_PASSPHRASE")
	if err != nil {
		return second, err
	}
	defer second.Zero()
	if !first.Equal(second) {
		return secret.Value{}, errTwoPassphrases
	}
	return first, nil
}

// newPassphrase is the one that a change of the master key is to.
func (s *session) newPassphrase(bool) (secret.Value, error) {
	const variable = "REKEY_NEW_MASTER_PASSPHRASE"
	if v, ok := s.env(variable); ok && v != "" {
		return secret.New(v), nil
	}
	if file, ok := s.env(variable + "_FILE"); ok && file != "" {
		v, err := daemon.ReadHidden(file)
		if err != nil {
			return v, fmt.Errorf("cannot read the new passphrase: %w", err)
		}
		return v, nil
	}
	if _, ok := s.teletype(); !ok {
		return secret.Value{}, noPassphrase(variable)
	}
	return s.passphrase(true)
}

// hidden reads one line from the terminal, which does not show it.
func (s *session) hidden(prompt, variable string) (secret.Value, error) {
	terminal, ok := s.teletype()
	if !ok {
		return secret.Value{}, noPassphrase(variable)
	}
	fmt.Fprint(s.err, prompt)
	line, err := term.ReadPassword(terminal)
	fmt.Fprintln(s.err)
	defer clear(line)
	if err != nil {
		return secret.Value{}, fmt.Errorf("cannot read the passphrase: %w", err)
	}
	return secret.New(line), nil
}

// teletype is the terminal that somebody types at, if there is one.
func (s *session) teletype() (terminal int, ok bool) {
	f, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}
