package main

import (
	"context"
	"os"
	"strings"

	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/secret"
)

// connect returns the client that a command speaks through: to the server that
// is named, or to one in this process.
func (s *session) connect(ctx context.Context) (*client.Client, error) {
	token, err := s.token()
	if err != nil {
		return nil, err
	}
	server := s.flags.server
	if server == "" {
		server, _ = s.env("REKEY_SERVER")
	}
	if server != "" {
		return s.remote(server, token)
	}
	loaded, err := s.load(nil)
	if err != nil {
		return nil, err
	}
	return s.inProcess(ctx, loaded.Config, token)
}

func (s *session) remote(server string, token secret.Value) (*client.Client, error) {
	if token.IsZero() {
		return nil, failure(exitDenied, "no token for the server").
			next("an administrator makes one there with rekey token create; give it as REKEY_TOKEN, or as a file with --token-file")
	}
	c, err := client.New(client.Config{Server: server, Token: token.Reveal})
	if err != nil {
		return nil, usage("--server: %v", err).next("for example --server https://rekey.contoso.com, or REKEY_SERVER")
	}
	return c, nil
}

// inProcess opens the data folder in this process.
func (s *session) inProcess(ctx context.Context, c daemon.Config, token secret.Value) (*client.Client, error) {
	d, err := s.open(ctx, c)
	if err != nil {
		return nil, err
	}
	if s.carries {
		d.Work()
	}
	if token.IsZero() {
		return d.Local()
	}
	return d.As(token)
}

// open opens the data folder until the command ends.
func (s *session) open(ctx context.Context, c daemon.Config) (*daemon.Daemon, error) {
	c.Version = thisBuild().Version
	d, err := daemon.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	s.onClose(d.Close)
	return d, nil
}

// token is the API token, if there is one. It is never a flag: other users of
// the machine can read those.
func (s *session) token() (secret.Value, error) {
	if s.flags.tokenFile == "" {
		if v, ok := s.env("REKEY_TOKEN"); ok && v != "" {
			return secret.New(v), nil
		}
		s.flags.tokenFile, _ = s.env("REKEY_TOKEN_FILE")
	}
	if s.flags.tokenFile == "" {
		return secret.Value{}, nil
	}
	raw, err := os.ReadFile(s.flags.tokenFile)
	if err != nil {
		return secret.Value{}, usage("cannot read the token: %v", err)
	}
	text := strings.TrimSpace(string(raw))
	if text == "" || strings.ContainsAny(text, " \r\n") {
		return secret.Value{}, usage("the token file does not hold one line with a token").next("rekey token create --output-file FILE writes one")
	}
	return secret.New(text), nil
}
