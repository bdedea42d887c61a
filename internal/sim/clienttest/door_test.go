package clienttest

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// vault is the seeded vault whose secrets may be purged.
const vault = "kv-contoso-test"

// door is a running front door and what a client needs to pass it.
type door struct {
	cloud  *sim.Cloud
	tenant contoso.Tenant
	proxy  string // URL
	ca     string // file
}

func open(t *testing.T, lag world.Lag) *door {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 7, Lag: lag}})
	if err != nil {
		t.Fatal(err)
	}
	server, err := cloud.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := server.WriteCA(ca); err != nil {
		t.Fatal(err)
	}
	return &door{cloud: cloud, tenant: cloud.Tenant(), proxy: server.URL(), ca: ca}
}

// client is net/http told of the proxy and the CA.
func (d *door) client(t *testing.T) *http.Client {
	t.Helper()
	text, err := os.ReadFile(d.ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatal("the CA file holds no certificate")
	}
	proxy, err := url.Parse(d.proxy)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// environment is that of a client program: nothing of ours but the way to
// programs, a home of its own, the proxy and the CA.
func (d *door) environment(t *testing.T, more ...string) []string {
	t.Helper()
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8",
		"HTTPS_PROXY=" + d.proxy, "https_proxy=" + d.proxy, "NO_PROXY=", "no_proxy=",
		"REQUESTS_CA_BUNDLE=" + d.ca, "NODE_EXTRA_CA_CERTS=" + d.ca, "CURL_CA_BUNDLE=" + d.ca,
	}, more...)
}

// need insists on a program.
func need(t *testing.T, program, install string) {
	t.Helper()
	if os.Getenv("REKEY_TEST_CLIENTS") == "off" {
		t.Skip("REKEY_TEST_CLIENTS=off")
	}
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%s is missing. Install it (%s), or leave the clients out with REKEY_TEST_CLIENTS=off.", program, install)
	}
}

// run runs a program and returns its standard output; a failure shows both outputs.
func run(t *testing.T, env []string, dir, program string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env, cmd.Dir = env, dir
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	if err != nil {
		err = &failed{err: err, out: out.String(), problems: problems.String()}
	}
	return out.Bytes(), err
}

type failed struct {
	err           error
	out, problems string
}

func (f *failed) Error() string { return f.err.Error() + "\n" + f.problems + f.out }

// certify gives an identity's application a certificate and writes key and
// certificate to one PEM file, as clients want it.
func (d *door) certify(t *testing.T, id contoso.Identity) (file string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: id.Name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 6, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	thumbprint := sha1.Sum(der)
	w := d.cloud.World()
	w.Change(func() {
		a := w.Directory.Applications[id.ApplicationID]
		a.Keys = append(a.Keys, &world.Key{
			KeyID: w.GUID(), Name: "clienttest", Type: "AsymmetricX509Cert", Usage: "Verify", Thumbprint: thumbprint[:], DER: der,
			Starts: template.NotBefore, Ends: template.NotAfter, Added: time.Now(),
		})
	})
	file = filepath.Join(t.TempDir(), "identity.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
