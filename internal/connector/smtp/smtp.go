// Package smtp plays channel: it sends mail through a server of the organisation,
// over TLS only.
//
// A message keeps its Message-ID at every try. What a server does with one that it
// has seen is its own affair, so a mail whose answer was lost is not sent again:
// the alerts in it are told in another one that says so.
package smtp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
)

// Config is one mail server.
type Config struct {
	Name     string
	Host     string
	Port     int    // 0 means 587, or 465 with TLS
	TLS      bool   // from the first byte; otherwise STARTTLS, without which nothing is sent
	User     string // empty: no sign-in
	Password secret.Value
	From     string         // rekey <rekey@contoso.com>
	Roots    *x509.CertPool // nil means the system's

	// Plain lets mail go without TLS, to this machine only.
	Plain bool
	// Calendar makes the attachment of a message; nil: none.
	Calendar func(connector.Message) []byte
}

// Server is a channel.
type Server struct {
	Config
	from   *mail.Address
	domain string
}

var _ connector.Channel = (*Server)(nil)

// Open checks a configuration. Nothing is sent.
func Open(c Config) (*Server, error) {
	from, err := mail.ParseAddress(c.From)
	wrong := ""
	switch {
	case c.Host == "" || strings.ContainsAny(c.Host, "/:@ "):
		wrong = "its host is not the name of a mail server"
	case c.Port < 0 || c.Port > 65535:
		wrong = "its port is not one"
	case err != nil || !strings.Contains(from.Address, "@"):
		wrong = "its sender is not a mail address"
	case (c.User == "") != c.Password.IsZero():
		wrong = "it has a user without a password, or a password without a user"
	case c.Plain && !here(c.Host):
		wrong = "plain is for a mail server on this machine only"
	case c.Plain && c.User != "":
		wrong = "a password is not sent without TLS"
	}
	if wrong != "" {
		return nil, fmt.Errorf("cannot use mail channel %q: %s", c.Name, wrong)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	return &Server{Config: c, from: from, domain: domain}, nil
}

func here(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}

// Traits says that each recipient gets their own mail, once.
func (*Server) Traits() connector.Traits { return connector.Traits{Personal: true} }

// Send hands one mail over.
func (s *Server) Send(ctx context.Context, m connector.Message) error {
	letter, err := s.letter(m)
	if err != nil {
		return err
	}
	var line net.Conn
	defer func() { // the library leaves it open where TLS is not to be had
		if line != nil {
			line.Close()
		}
	}()
	client, err := s.client(ctx, &line)
	if err != nil {
		return connector.Undeliverable("the mail server cannot be used: %s", rest.Clean(err.Error(), 200))
	}
	err = client.DialAndSendWithContext(ctx, letter)
	if err == nil || letter.IsDelivered() { // what goes wrong after that is no matter
		return nil
	}
	return fmt.Errorf("cannot send mail through %s: %w", s.Host, judge(err, s.Host))
}

// judge says what an error means for the mail.
func judge(err error, host string) error {
	text := rest.Clean(err.Error(), 300)
	e, ok := errors.AsType[*gomail.SendError](err)
	if !ok { // no connection, no TLS, no sign-in
		if strings.Contains(text, "535") || strings.Contains(text, "534") {
			return connector.Undeliverable("%s refuses the sign-in: %s", host, text)
		}
		return fmt.Errorf("%s: %w", text, connector.ErrNotApplied)
	}
	answered := e.ErrorCode() != 0
	switch {
	case answered && !e.IsTemp() && e.Reason == gomail.ErrSMTPRcptTo, e.Reason == gomail.ErrGetRcpts:
		return &connector.UndeliverableError{Why: text, Recipient: true}
	case answered && !e.IsTemp() && e.Reason == gomail.ErrSMTPDataClose: // its contents are not wanted
		return &connector.UndeliverableError{Why: text, Recipient: true}
	case answered && !e.IsTemp():
		return &connector.UndeliverableError{Why: text}
	case answered: // refused for now
		return fmt.Errorf("%s: %w", text, connector.ErrNotApplied)
	case e.Reason == gomail.ErrSMTPDataClose, e.Reason == gomail.ErrWriteContent, e.Reason == gomail.ErrSMTPReset, e.Reason == gomail.ErrAmbiguous:
		return errors.New(text) // all of it may be there
	}
	return fmt.Errorf("%s: %w", text, connector.ErrNotApplied)
}

func (s *Server) client(ctx context.Context, line *net.Conn) (*gomail.Client, error) {
	port, policy := s.Port, gomail.TLSMandatory
	if port == 0 {
		port = map[bool]int{false: 587, true: 465}[s.TLS]
	}
	if s.Plain {
		policy = gomail.NoTLS
	}
	options := []gomail.Option{
		gomail.WithPort(port), gomail.WithTLSPolicy(policy), gomail.WithTimeout(20 * time.Second), gomail.WithHELO(s.domain), gomail.WithoutNoop(), gomail.WithoutRset(),
		gomail.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.Host, RootCAs: s.Roots}),
		gomail.WithDialContextFunc(func(dial context.Context, network, address string) (net.Conn, error) {
			conn, err := s.dial(ctx, dial, network, address)
			if err == nil {
				*line = conn
			}
			return conn, err
		}),
	}
	if s.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.User), gomail.WithPassword(s.Password.Reveal()))
	}
	return gomail.NewClient(s.Host, options...)
}

// dial binds the connection to the time that the message has: a server that falls
// silent after it has all of it must not hold us.
func (s *Server) dial(ctx, dial context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: 15 * time.Second}
	var conn net.Conn
	var err error
	if s.TLS {
		conn, err = (&tls.Dialer{NetDialer: plain, Config: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.Host, RootCAs: s.Roots}}).DialContext(dial, network, address)
	} else {
		conn, err = plain.DialContext(dial, network, address)
	}
	if err != nil {
		return nil, err
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Minute)
	}
	return &bounded{Conn: conn, deadline: deadline}, conn.SetDeadline(deadline)
}

// bounded is a connection whose deadline can only be brought forward.
type bounded struct {
	net.Conn
	deadline time.Time
}

func (b *bounded) SetDeadline(t time.Time) error {
	if t.IsZero() || t.After(b.deadline) {
		t = b.deadline
	}
	return b.Conn.SetDeadline(t)
}

// ref is an id that threads begin with.
func (s *Server) ref(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:10]) + "@" + s.domain
}
