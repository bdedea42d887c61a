package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pseudoTerminal is a terminal whose keys a test presses.
func pseudoTerminal(t *testing.T) (keys, screen *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keys, screen
}

// prompts is what the session says; each prompt that ends in ": " is answered
// with the next line.
type prompts struct {
	bytes.Buffer
	keys    io.Writer
	screen  *os.File
	answers []string
}

func (p *prompts) Write(b []byte) (int, error) {
	if strings.HasSuffix(string(b), ": ") && len(p.answers) > 0 {
		answer := p.answers[0]
		p.answers = p.answers[1:]
		go func() {
			for range 500 { // typed when the terminal has stopped showing what is typed
				state, err := unix.IoctlGetTermios(int(p.screen.Fd()), unix.TCGETS)
				if err != nil || state.Lflag&unix.ECHO == 0 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			fmt.Fprintln(p.keys, answer)
		}()
	}
	return p.Buffer.Write(b)
}

// TestAPassphraseIsTypedUnseen asks for it as a person at a terminal sees it.
func TestAPassphraseIsTypedUnseen(t *testing.T) {
	const phrase, other = "violet tram nine lamps", "violet tram nine camps"
	keys, screen := pseudoTerminal(t)
	data := t.TempDir()
	command := func(answers []string, args ...string) (int, string) {
		t.Helper()
		p := &prompts{keys: keys, screen: screen, answers: answers}
		var out bytes.Buffer
		env := map[string]string{"REKEY_DATA": data, "HOME": data}
		s := &session{in: screen, out: &out, err: p, env: func(k string) (string, bool) { v, ok := env[k]; return v, ok }}
		exit := run(t.Context(), s, args)
		if len(p.answers) > 0 {
			t.Errorf("%d answers were not asked for", len(p.answers))
		}
		return exit, out.String() + p.String()
	}
	for _, step := range []struct {
		answers []string
		args    string
		exit    int
		want    string
	}{
		{[]string{phrase, other}, "keys change-master --to passphrase", exitFailure, "the two passphrases differ"},
		{nil, "keys status", exitOK, "file"},
		{[]string{phrase, phrase}, "keys change-master --to passphrase", exitOK, "New master passphrase: "},
		{[]string{phrase}, "keys status", exitOK, "passphrase"},
		{[]string{other}, "keys status", exitFailure, "master key is not the one"},
	} {
		exit, text := command(step.answers, strings.Fields(step.args)...)
		if exit != step.exit || !strings.Contains(text, step.want) {
			t.Errorf("%s ends with %d: %s", step.args, exit, text)
		}
		if strings.Contains(text, phrase) || strings.Contains(text, other) {
			t.Errorf("%s shows what was typed: %s", step.args, text)
		}
	}
	// What the terminal itself has shown is on its other side.
	side := int(keys.Fd()) // each call makes it wait again
	if err := unix.SetNonblock(side, true); err != nil {
		t.Fatal(err)
	}
	shown := make([]byte, 1<<16)
	n, err := unix.Read(side, shown)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
	if bytes.Contains(shown[:max(n, 0)], []byte("violet")) {
		t.Errorf("the terminal showed %q", shown[:n])
	}
}
