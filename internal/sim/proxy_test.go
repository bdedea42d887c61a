package sim

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// listening opens a cloud's front door on a free port.
func listening(t *testing.T, c Config) (*Cloud, *Server) {
	t.Helper()
	cloud := newCloud(t, c)
	server, err := cloud.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return cloud, server
}

// through is a client's transport through the proxy that trusts its CA.
func through(t *testing.T, server *Server, http2 bool) *http.Transport {
	t.Helper()
	proxy, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(server.CACertPEM()) {
		t.Fatal("the CA is not PEM")
	}
	rt := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: http2}
	t.Cleanup(rt.CloseIdleConnections)
	return rt
}

func get(t *testing.T, rt http.RoundTripper, address string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(rt, req)
}

func TestClientsReachTheCloudsThroughTheProxy(t *testing.T) {
	for _, c := range []struct {
		http2 bool
		proto string
	}{{false, "HTTP/1.1"}, {true, "HTTP/2.0"}} {
		cloud, server := listening(t, Config{})
		rt := through(t, server, c.http2)
		req, _ := http.NewRequest("GET", "https://login.microsoftonline.com/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2Flogin.microsoftonline.com%2Fcommon%2Foauth2%2Fv2.0%2Fauthorize", nil)
		res, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.Proto != c.proto || res.StatusCode != 200 {
			t.Errorf("the answer is %d over %s, want 200 over %s", res.StatusCode, res.Proto, c.proto)
		}
		token := vaultToken(t, cloud, rt)
		if a := put(t.Context(), t, rt, token); a.status != 200 || applied(cloud) != 1 {
			t.Errorf("writing a secret is answered %v", a)
		}
		if date, err := http.ParseTime(res.Header.Get("Date")); err != nil || time.Since(date).Abs() > time.Minute {
			t.Errorf("the Date header is %q", res.Header.Get("Date"))
		}
	}
}

func TestFaultsOfTheWireOverSockets(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		name := map[bool]string{false: "HTTP1", true: "HTTP2"}[http2]
		t.Run(name, func(t *testing.T) {
			cloud, server := listening(t, Config{})
			rt := through(t, server, http2)
			token := vaultToken(t, cloud, rt)
			for _, c := range wireCases {
				before := applied(cloud)
				switchOn(t, cloud, c.fault)
				if a := put(t.Context(), t, rt, token); !c.check(a) {
					t.Errorf("%s: the client sees %v", c.fault, a)
				}
				cloud.World().Faults.Clear("")
				if strings.HasPrefix(c.fault, "late-effect") {
					time.Sleep(400 * time.Millisecond)
				}
				if got := applied(cloud) - before; got != c.applied {
					t.Errorf("%s: applied %d times, want %d", c.fault, got, c.applied)
				}
			}
		})
	}
}

func TestStrangersAreNotTrusted(t *testing.T) {
	_, server := listening(t, Config{})
	rt := through(t, server, false)
	rt.TLSClientConfig.RootCAs = x509.NewCertPool()
	a := get(t, rt, "https://graph.microsoft.com/")
	if a.err == nil || !strings.Contains(a.err.Error(), "certificate signed by unknown authority") {
		t.Errorf("a client that does not trust the CA sees %v", a)
	}
}

func TestNamesThatDoNotExistFailLikeDNS(t *testing.T) {
	_, server := listening(t, Config{})
	rt := through(t, server, true)
	for _, host := range []string{"example.com", "kv-contoso-nowhere.vault.azure.net"} {
		a := get(t, rt, "https://"+host+"/")
		if a.err == nil || !strings.Contains(a.err.Error(), "no such host: "+host) {
			t.Errorf("%s: the client sees %v, want an error that says there is no such host", host, a)
		}
	}
	if a := get(t, rt, "https://graph.microsoft.com:444/"); a.err == nil {
		t.Error("another port than 443 is answered")
	}
	if a := get(t, new(http.Transport), server.URL()+"/example.com/x"); a.status != 502 || !strings.Contains(a.body, "no such host") {
		t.Errorf("a plain request to an unknown host is answered %v", a)
	}
}

func TestPlainRequestsNameTheHostInTheirPath(t *testing.T) {
	cloud, server := listening(t, Config{})
	rt := new(http.Transport)
	t.Cleanup(rt.CloseIdleConnections)
	tenant := cloud.Tenant()
	a := get(t, rt, server.URL()+"/login.microsoftonline.com/"+tenant.ID+"/v2.0/.well-known/openid-configuration")
	if a.status != 200 || !strings.Contains(a.body, `https://login.microsoftonline.com/`+tenant.ID) {
		t.Errorf("discovery is answered %v, want links with the real name", a)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {tenant.Reader.ClientID}, "client_secret": {tenant.Reader.Secret}, "scope": {"https://graph.microsoft.com/.default"}}
	req, _ := http.NewRequest("POST", server.URL()+"/login.microsoftonline.com/"+tenant.ID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := send(rt, req); a.status != 200 || !strings.Contains(a.body, "access_token") {
		t.Errorf("sign-in is answered %d", a.status)
	}
}

func TestHostFromPathKeepsEscapes(t *testing.T) {
	req, _ := http.NewRequest("GET", "http://127.0.0.1/graph.microsoft.com/v1.0/applications(uniqueName='a%2Fb')?$top=5", nil)
	got := hostFromPath(req)
	if got.Host != "graph.microsoft.com" || got.URL.Path != "/v1.0/applications(uniqueName='a/b')" ||
		got.URL.EscapedPath() != "/v1.0/applications(uniqueName='a%2Fb')" || got.URL.RawQuery != "$top=5" {
		t.Errorf("it became host %q, path %q (%q), query %q", got.Host, got.URL.Path, got.URL.EscapedPath(), got.URL.RawQuery)
	}
}

func TestRestartKeepsTrust(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	_, first := listening(t, Config{CADir: dir})
	rt := through(t, first, true)
	pool := rt.TLSClientConfig.RootCAs
	first.Close()
	_, second := listening(t, Config{CADir: dir})
	if !bytes.Equal(first.CACertPEM(), second.CACertPEM()) {
		t.Error("the CA changed with a restart")
	}
	rt = through(t, second, true)
	rt.TLSClientConfig.RootCAs = pool
	if a := get(t, rt, "https://management.azure.com/"); a.err != nil {
		t.Errorf("a client that trusted the first CA sees %v", a)
	}
	info, err := os.Stat(filepath.Join(dir, caKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the CA's key has mode %v, %v; want 0600", info.Mode(), err)
	}
	file := filepath.Join(t.TempDir(), "trust.pem")
	if err := second.WriteCA(file); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(file); !bytes.Equal(text, second.CACertPEM()) {
		t.Error("WriteCA wrote something else")
	}
}

func TestDamagedCAIsNotReplacedInSilence(t *testing.T) {
	dir := t.TempDir()
	_, server := listening(t, Config{CADir: dir})
	server.Close()
	if err := os.WriteFile(filepath.Join(dir, caFile), []byte("nothing"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := newCloud(t, Config{CADir: dir}).Listen(t.Context(), "127.0.0.1:0"); err == nil {
		t.Error("a damaged CA was accepted or replaced")
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	cloud := newCloud(t, Config{})
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "[::]:0", "nonsense"} {
		if server, err := cloud.Listen(t.Context(), addr); err == nil {
			server.Close()
			t.Errorf("it listens on %s without being asked to listen anywhere", addr)
		}
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	_, server := listening(t, Config{})
	rt := through(t, server, false)
	req, _ := http.NewRequest("POST", "https://graph.microsoft.com/v1.0/applications", io.LimitReader(zeros{}, maxBody+1))
	if a := send(rt, req); a.status != 413 {
		t.Errorf("a body over the limit is answered %v, want 413", a)
	}
	req, _ = http.NewRequest("GET", "https://graph.microsoft.com/", nil)
	req.Header.Set("X-Long", strings.Repeat("a", 2*maxHeader))
	if a := send(rt, req); a.status != 431 {
		t.Errorf("a header over the limit is answered %v, want 431", a)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	cloud := newCloud(t, Config{})
	server, err := cloud.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rt := through(t, server, true)
	get(t, rt, "https://graph.microsoft.com/")
	switchOn(t, cloud, "late-effect:GET graph.microsoft.com/*:delay=1h")
	get(t, rt, "https://graph.microsoft.com/x")
	server.Close()
	rt.CloseIdleConnections()
	if a := get(t, rt, "https://graph.microsoft.com/"); a.err == nil {
		t.Error("a closed server answers")
	}
}

func TestSeenIsToldOfEveryVisit(t *testing.T) {
	visits := make(chan Visit, 10)
	cloud, server := listening(t, Config{Seen: func(v Visit) { visits <- v }})
	rt := through(t, server, true)
	token := vaultToken(t, cloud, rt)
	switchOn(t, cloud, "lost-answer:"+putNew)
	put(t.Context(), t, rt, token)
	<-visits // the sign-in
	if v := <-visits; v.Operation != putNew || v.Status != 0 || v.Fault != "lost-answer" {
		t.Errorf("the visit is %+v", v)
	}
}
