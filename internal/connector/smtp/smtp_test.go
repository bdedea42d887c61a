package smtp

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/hostile"
	"rekey.example/rekey/internal/secret"
)

const password = "a pass-phrase of the mail server"

// post is a real mail server that keeps what it took.
type post struct {
	mu     sync.Mutex
	got    [][]byte
	refuse error
	drop   bool // take the message, and the line is cut before the answer
}

type visit struct {
	p    *post
	conn *server.Conn
	in   bool
}

func (p *post) NewSession(c *server.Conn) (server.Session, error) { return &visit{p: p, conn: c}, nil }

func (v *visit) AuthMechanisms() []string { return []string{"PLAIN"} }
func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != "rekey" || pass != password {
			return &server.SMTPError{Code: 535, EnhancedCode: server.EnhancedCode{5, 7, 8}, Message: "the sign-in is refused"}
		}
		v.in = true
		return nil
	}), nil
}
func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }
func (v *visit) Mail(string, *server.MailOptions) error {
	if !v.in {
		return server.ErrAuthRequired
	}
	return nil
}
func (v *visit) Rcpt(to string, _ *server.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &server.SMTPError{Code: 550, EnhancedCode: server.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	return nil
}
func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	if v.p.refuse != nil {
		return v.p.refuse
	}
	v.p.got = append(v.p.got, raw)
	if v.p.drop {
		v.conn.Conn().Close()
	}
	return nil
}

// newPost starts the server and opens a channel to it.
func newPost(t *testing.T) (*post, *Server) {
	t.Helper()
	cert, roots := certificate(t)
	p := &post{}
	s := server.NewServer(p)
	s.Domain, s.TLSConfig, s.MaxMessageBytes = "localhost", &tls.Config{Certificates: []tls.Certificate{cert}}, 8<<20
	s.ErrorLog = log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { s.Serve(l) })
	t.Cleanup(func() { s.Close(); running.Wait() })
	c, err := Open(Config{Name: "mail", Host: "localhost", Port: l.Addr().(*net.TCPAddr).Port, User: "rekey", Password: secret.New(password), From: "rekey <rekey@contoso.com>", Roots: roots,
		Calendar: func(connector.Message) []byte { return []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n") }})
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func letterOf(name string) connector.Message {
	return connector.Message{
		ID: "m-1", Tenant: "t", Name: "Contoso", To: "nora@contoso.com", Subject: name + " stops on 3 May", Made: time.Now(), Thread: "a-1", Link: "https://rekey.contoso.com/alerts",
		Items: []connector.Item{{Alert: "a-1", Severity: "high", Headline: name + " stops on 3 May", Text: name, Facts: []connector.Fact{{Name: "Application", Value: name}}, Link: "https://rekey.contoso.com/credentials/k"}},
	}
}

func send(t *testing.T, s *Server, m connector.Message) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return s.Send(ctx, m)
}

func TestAMailArrivesAsItShould(t *testing.T) {
	p, s := newPost(t)
	if err := send(t, s, letterOf("Invoice export to Basware")); err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(strings.NewReader(string(p.got[0])))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Subject": "Invoice export to Basware stops on 3 May", "Message-Id": "<m-1@contoso.com>", "List-Id": "rekey alerts <alerts.rekey.contoso.com>", "Auto-Submitted": "auto-generated", "To": "<nora@contoso.com>",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if r := m.Header.Get("References"); r == "" || r != m.Header.Get("In-Reply-To") {
		t.Errorf("References %q", r)
	}
	kinds := parts(t, m.Header.Get("Content-Type"), m.Body)
	for kind, want := range map[string]string{"text/plain": "https://rekey.contoso.com/credentials/k", "text/html": "<h2", "text/calendar": "BEGIN:VCALENDAR"} {
		if !strings.Contains(kinds[kind], want) {
			t.Errorf("%s: %q", kind, kinds[kind])
		}
	}
	if strings.Contains(kinds["text/html"], "<img") || strings.Contains(kinds["text/html"], "http://") {
		t.Error("the mail loads something")
	}
}

// parts are the leaves of a mail by their type.
func parts(t *testing.T, contentType string, body io.Reader) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	if !strings.HasPrefix(kind, "multipart/") {
		raw, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = string(raw)
		return out
	}
	r := multipart.NewReader(body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		var in io.Reader = p
		switch p.Header.Get("Content-Transfer-Encoding") {
		case "quoted-printable":
			in = quotedprintable.NewReader(p)
		case "base64":
			raw, err := io.ReadAll(p)
			if err != nil {
				t.Fatal(err)
			}
			in = strings.NewReader(decode64(t, string(raw)))
		}
		for k, v := range parts(t, p.Header.Get("Content-Type"), in) {
			out[k] = v
		}
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	p, s := newPost(t)
	m := letterOf("x")
	m.To = "nobody@contoso.com"
	if no, ok := errors.AsType[*connector.UndeliverableError](send(t, s, m)); !ok || !no.Recipient {
		t.Errorf("an unknown recipient: %v", no)
	}
	m.To = "a@evil.example, b@evil.example\r\nBcc: c@evil.example"
	if no, ok := errors.AsType[*connector.UndeliverableError](send(t, s, m)); !ok || !no.Recipient {
		t.Errorf("an address that is none: %v", no)
	}
	p.refuse = &server.SMTPError{Code: 451, EnhancedCode: server.EnhancedCode{4, 3, 0}, Message: "later"}
	if err := send(t, s, letterOf("x")); !errors.Is(err, connector.ErrNotApplied) {
		t.Errorf("refused for now: %v", err)
	}
	p.refuse = nil
	p.drop = true
	err := send(t, s, letterOf("x"))
	if err == nil || errors.Is(err, connector.ErrNotApplied) {
		t.Errorf("the line was cut after all of it was there: %v", err)
	}
	if len(p.got) != 1 {
		t.Errorf("%d mails are there, want the one that nobody answered for", len(p.got))
	}
	wrong, err := Open(Config{Name: "mail", Host: s.Host, Port: s.Port, User: "rekey", Password: secret.New("another"), From: "rekey@contoso.com", Roots: s.Roots})
	if err != nil {
		t.Fatal(err)
	}
	if no, ok := errors.AsType[*connector.UndeliverableError](send(t, wrong, letterOf("x"))); !ok || no.Recipient || strings.Contains(no.Why, "another") {
		t.Errorf("a wrong password: %v", no)
	}
	strange, err := Open(Config{Name: "mail", Host: s.Host, Port: s.Port, User: "rekey", Password: secret.New(password), From: "rekey@contoso.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := send(t, strange, letterOf("x")); !errors.Is(err, connector.ErrNotApplied) {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
}

// TestWithoutTLSNothingIsSent: a server that does not offer STARTTLS gets neither
// the password nor the mail.
func TestWithoutTLSNothingIsSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var heard strings.Builder
	var running sync.WaitGroup
	running.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Write([]byte("220 localhost\r\n"))
		r := bufio.NewReader(conn)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			heard.WriteString(line)
			if strings.HasPrefix(line, "EHLO") {
				conn.Write([]byte("250-localhost\r\n250 AUTH PLAIN\r\n"))
				continue
			}
			conn.Write([]byte("502 no\r\n"))
		}
	})
	s, err := Open(Config{Name: "mail", Host: "localhost", Port: l.Addr().(*net.TCPAddr).Port, User: "rekey", Password: secret.New(password), From: "rekey@contoso.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := send(t, s, letterOf("x")); !errors.Is(err, connector.ErrNotApplied) {
		t.Errorf("%v", err)
	}
	l.Close()
	running.Wait()
	if strings.Contains(heard.String(), "AUTH") || strings.Contains(heard.String(), "MAIL") {
		t.Errorf("it heard %q", heard.String())
	}
}

// TestHostileNamesInMail is SAFETY T41 for mail.
func TestHostileNamesInMail(t *testing.T) {
	_, s := newPost(t)
	for _, n := range hostile.Names() {
		l, err := s.letter(letterOf(n))
		if err != nil {
			t.Fatalf("%q: %v", n, err)
		}
		var b strings.Builder
		if _, err := l.WriteTo(&b); err != nil {
			t.Fatalf("%q: %v", n, err)
		}
		m, err := mail.ReadMessage(strings.NewReader(b.String()))
		if err != nil {
			t.Fatalf("%q: %v", n, err)
		}
		if len(m.Header["Bcc"]) > 0 || len(m.Header["Subject"]) != 1 || len(m.Header["To"]) != 1 || m.Header.Get("To") != "<nora@contoso.com>" || len(m.Header["Set-Cookie"]) > 0 {
			t.Errorf("%q made headers: %v", n, m.Header)
		}
		page := parts(t, m.Header.Get("Content-Type"), m.Body)["text/html"]
		for _, bad := range []string{"<script", "<img", "<svg", "<iframe", "<style", "<meta http", "<!--", "\x1b", "\u202e", "\x00"} {
			if strings.Contains(page, bad) {
				t.Errorf("%q: the page has %q", n, bad)
			}
		}
		if strings.Count(page, "<a ") != 2 {
			t.Errorf("%q: the page has %d links", n, strings.Count(page, "<a "))
		}
	}
	t.Logf("%d names", len(hostile.Names()))
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for want, c := range map[string]Config{
		"name of a mail server": {From: "a@b.c"}, "not a mail address": {Host: "mail", From: "rekey"}, "without a password": {Host: "mail", From: "a@b.c", User: "x"},
		"this machine only": {Host: "mail", From: "a@b.c", Plain: true}, "without TLS": {Host: "localhost", From: "a@b.c", Plain: true, User: "x", Password: secret.New("y")},
	} {
		if _, err := Open(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
