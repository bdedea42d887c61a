package diagnosis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/rest"
)

// way opens the ways to the clouds: without them nothing else can be asked.
func (l *walker) way(ctx context.Context) bool {
	link := l.w.At(Way)
	l.plain = &doctor{Patient: l.Patient}
	transport, err := l.Patient.Wire.Transport()
	if err != nil {
		link.broken("way.configuration", nil, "rekey's own way to the clouds is not configured well: %v", err)
		return false
	}
	l.plain.plain = &http.Client{Transport: transport, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, host := range []string{l.plain.login(), graphHost} {
		began := time.Now()
		date, err := l.plain.date(ctx, host)
		name := strings.TrimPrefix(host, "https://")
		if err != nil {
			what, cure := l.plain.unreachable(err)
			link.asked("GET "+host, "%s", what)
			link.broken(wayCause(err), map[string]string{"cure": cure, "host": name}, "%s, asked from where rekey runs: %s", name, what)
			return false
		}
		link.asked("GET "+host, "answers%s", l.plain.through())
		l.clock(began, date, name)
	}
	link.holds("the login host and Microsoft Graph answer where rekey runs%s", l.plain.through())
	return l.open(link)
}

// wayCause is the kind of an error of the network.
func wayCause(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "tls.untrusted"
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(e.UnverifiedCertificates) > 0 {
		if c, now := e.UnverifiedCertificates[0], time.Now(); now.After(c.NotAfter) || now.Before(c.NotBefore) {
			return "clock"
		}
		return "tls.untrusted"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "tls.name"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "proxyconnect" {
		return "way.proxy"
	}
	if strings.Contains(strings.ToLower(err.Error()), "proxy") {
		return "way.proxy"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "way.dns"
	}
	return "way.blocked"
}

// clock compares ours with a host's.
func (l *walker) clock(began, date time.Time, host string) {
	link := l.w.At(Clock)
	if date.IsZero() {
		return
	}
	off := began.Add(time.Since(began) / 2).Sub(date)
	link.asked("Date of "+host, "%s; here it is %s", date.UTC().Format(time.DateTime), began.UTC().Format(time.DateTime))
	direction := "ahead of"
	if off < 0 {
		direction = "behind"
	}
	switch {
	case off.Abs() > 5*time.Minute:
		link.broken("clock", map[string]string{"off": off.Abs().Round(time.Second).String() + " " + direction}, "the clock of the machine where rekey runs is %s %s that of %s", off.Abs().Round(time.Second), direction, host)
	case link.Verdict != Broken:
		link.holds("the clock of the machine where rekey runs agrees with %s", host)
	}
}

// open makes the clients that look with rekey's own reading identity.
func (l *walker) open(link *Link) bool {
	var err error
	if l.login, err = rest.New(rest.Config{Base: l.plain.login(), Transport: l.plain.plain.Transport, Tries: 2}); err != nil {
		link.unclear("%v", err)
		return false
	}
	c := l.Patient.Reader
	c.Tenant, c.Wire = l.Patient.Tenant, l.Patient.Wire
	if l.reader, err = azure.Open(c); err != nil {
		link.asked("rekey's own identity", "%v", err)
		return true // what needs no identity can still be asked
	}
	if l.graph, err = l.client(graphHost, graphScope); err == nil {
		l.arm, err = l.client(armHost, armHost+"/.default")
	}
	if err != nil {
		link.asked("rekey's own identity", "%v", err)
	}
	return true
}
