package diagnosis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	publicLogin = "https://login.microsoftonline.com"
	graphHost   = "https://graph.microsoft.com"
)

func (d *doctor) login() string {
	if d.Reader.Authority != "" {
		return strings.TrimRight(d.Reader.Authority, "/")
	}
	return publicLogin
}

// network checks the way to the login and Graph hosts, and the clock by theirs.
func (d *doctor) network(ctx context.Context) bool {
	transport, err := d.Wire.Transport()
	if err != nil {
		d.fail("Network", "correct proxy or caFile in the configuration", "%v", err)
		return false
	}
	d.plain = &http.Client{Transport: transport, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	good := true
	var skew time.Duration
	var clock string
	for _, host := range []string{d.login(), graphHost} {
		name := "Network " + strings.TrimPrefix(host, "https://")
		began := time.Now()
		date, err := d.date(ctx, host)
		if err != nil {
			what, cure := d.unreachable(err)
			d.fail(name, cure, "%s", what)
			good = false
			continue
		}
		d.ok(name, "answers in %d ms%s", time.Since(began).Milliseconds(), d.through())
		if off := began.Add(time.Since(began) / 2).Sub(date); !date.IsZero() && off.Abs() >= skew.Abs() {
			skew, clock = off, host
		}
	}
	if clock != "" {
		d.clock(skew, strings.TrimPrefix(clock, "https://"))
	}
	return good
}

func (d *doctor) through() string {
	if d.Wire.Proxy == "" {
		return ""
	}
	if u, err := url.Parse(d.Wire.Proxy); err == nil {
		return " through the proxy " + u.Host
	}
	return " through the proxy"
}

// date asks a host for the time. Any answer is good enough.
func (d *doctor) date(ctx context.Context, host string) (time.Time, error) {
	resp, err := d.get(ctx, host+"/")
	if err != nil {
		return time.Time{}, err
	}
	resp.Body.Close()
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}, nil // it answers; only the clock cannot be compared
	}
	return at, nil
}

func (d *doctor) get(ctx context.Context, address string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot ask: %w", err)
	}
	return d.plain.Do(r)
}

// clock judges how far our clock is off. Entra refuses assertions, and everybody
// tokens, that are not valid at their time.
func (d *doctor) clock(off time.Duration, by string) {
	const cure = "let the machine keep its time: timedatectl set-ntp true\non Windows: w32tm /resync"
	direction := "ahead of"
	if off < 0 {
		direction = "behind"
	}
	words := off.Abs().Round(time.Second)
	switch {
	case off.Abs() > 5*time.Minute:
		d.fail("Clock", cure, "this machine's clock is %s %s that of %s; sign-ins with a certificate fail, and tokens seem expired", words, direction, by)
	case off.Abs() > time.Minute:
		d.warn("Clock", cure, "this machine's clock is %s %s that of %s", words, direction, by)
	default:
		d.ok("Clock", "agrees with %s", by)
	}
}

// unreachable tells why a host did not answer.
func (d *doctor) unreachable(err error) (what, cure string) {
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return untrusted(e.Cert)
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(e.UnverifiedCertificates) > 0 {
		c := e.UnverifiedCertificates[0]
		if now := time.Now(); now.After(c.NotAfter) || now.Before(c.NotBefore) {
			return fmt.Sprintf("its certificate is valid from %s to %s, and here it is %s", day(c.NotBefore), day(c.NotAfter), day(now)), "look at this machine's clock first"
		}
		return untrusted(c)
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("its certificate is for another name, issued by %q", e.Certificate.Issuer.CommonName), "something between here and the host answers in its place; ask who runs the network"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "proxyconnect" {
		return "the proxy does not answer" + d.through(), "look at proxy in the configuration, or HTTPS_PROXY"
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return "the name " + e.Name + " is not found", "look at this machine's DNS; if only a proxy may resolve names, set proxy in the configuration"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return "no answer in time", "a firewall may drop the packets: allow TCP 443 to the host, or set proxy in the configuration"
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return "cannot be reached: " + err.Error(), "allow TCP 443 to the host, or set proxy in the configuration"
}

func untrusted(c *x509.Certificate) (what, cure string) {
	issuer := c.Issuer.CommonName
	if issuer == "" {
		issuer = c.Issuer.String()
	}
	return fmt.Sprintf("its certificate was issued by %q, which this machine does not trust", issuer),
		fmt.Sprintf("If %q is your company's proxy, save its root certificate as PEM and name the file: caFile in rekey.yaml, or REKEY_CA_FILE.\nIf you do not know it, somebody is listening: do not trust it.", issuer)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

var aadsts = regexp.MustCompile(`AADSTS(\d{4,9})`)

// tenant checks that the tenant exists, which Entra tells without a sign-in.
func (d *doctor) tenant(ctx context.Context) bool {
	const name = "Tenant"
	if d.Tenant == "" {
		d.fail(name, "set tenant.id in rekey.yaml, or REKEY_TENANT_ID; the portal shows it under Microsoft Entra ID, Overview, and so does: az account show --query tenantId", "none is configured")
		return false
	}
	resp, err := d.get(ctx, d.login()+"/"+url.PathEscape(d.Tenant)+"/v2.0/.well-known/openid-configuration")
	if err != nil {
		what, cure := d.unreachable(err)
		d.fail(name, cure, "%s", what)
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		d.fail(name, "try again", "the answer was cut off")
		return false
	}
	if resp.StatusCode == http.StatusOK {
		var found struct {
			Issuer string `json:"issuer"`
		}
		if json.Unmarshal(body, &found) != nil || found.Issuer == "" {
			d.fail(name, "a proxy or a sign-in page may have answered in its place; ask who runs the network", "the answer is not Entra's")
			return false
		}
		d.ok(name, "%s exists", d.Tenant)
		return true
	}
	code := 0
	if m := aadsts.FindSubmatch(body); m != nil {
		code, _ = strconv.Atoi(string(m[1])) // digits only
	}
	cause, known := Causes[code]
	if !known {
		d.fail(name, "check tenant.id", "Entra answers with status %d and does not know it", resp.StatusCode)
		return false
	}
	d.fail(name, cause.Cure, "AADSTS%d: %s", code, cause.Meaning)
	return false
}
