package sim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// authority is the CA of the pretended clouds. Whoever trusts it takes us for
// Microsoft, so its key is made fresh on each machine and never leaves it.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte

	leafKey *ecdsa.PrivateKey // shared by all leaves: they only live here

	mu     sync.Mutex
	leaves map[string]*tls.Certificate // by host
}

const (
	caFile    = "ca.pem"
	caKeyFile = "ca-key.pem"
)

// openAuthority loads the CA of a folder, or makes one there; with no folder it
// lives as long as the process.
func openAuthority(dir string) (*authority, error) {
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot make server key: %w", err)
	}
	a := &authority{leafKey: leafKey, leaves: map[string]*tls.Certificate{}}
	if dir != "" {
		err := a.load(dir)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return a, err
		}
	}
	if err := a.make(); err != nil {
		return nil, fmt.Errorf("cannot make CA: %w", err)
	}
	if dir == "" {
		return a, nil
	}
	return a, a.save(dir)
}

func (a *authority) make() (err error) {
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "rekey sim CA " + rand.Text()[:6], Organization: []string{"rekey simulator, trust for tests only"}},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		return err
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	a.cert, err = x509.ParseCertificate(der)
	return err
}

func (a *authority) load(dir string) error {
	certText, err := os.ReadFile(filepath.Join(dir, caFile))
	if err != nil {
		return fmt.Errorf("cannot read CA: %w", err)
	}
	keyText, err := os.ReadFile(filepath.Join(dir, caKeyFile))
	if err != nil {
		return fmt.Errorf("cannot read CA key: %w", err)
	}
	// Checks that the two belong together.
	pair, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		return fmt.Errorf("cannot use CA in %s: %w", dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA || time.Now().After(pair.Leaf.NotAfter) {
		return fmt.Errorf("cannot use CA in %s: it is not a valid CA of the simulator; remove %s and %s to have a new one made", dir, caFile, caKeyFile)
	}
	a.cert, a.key, a.pem = pair.Leaf, key, certText
	return nil
}

func (a *authority) save(dir string) error {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return fmt.Errorf("cannot write CA key: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make folder for the CA: %w", err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, caKeyFile), key, 0o600); err != nil {
		return fmt.Errorf("cannot write CA key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, caFile), a.pem, 0o644); err != nil {
		return fmt.Errorf("cannot write CA: %w", err)
	}
	return nil
}

// leaf is a server certificate for a host, made when it is first asked for and
// again before it ends.
func (a *authority) leaf(host string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if leaf := a.leaves[host]; leaf != nil && time.Until(leaf.Leaf.NotAfter) > 24*time.Hour {
		return leaf, nil
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(0, 0, 90),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if len(host) > 64 { // the longest common name there may be
		template.Subject.CommonName = ""
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &a.leafKey.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("cannot make certificate for %s: %w", host, err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("cannot make certificate for %s: %w", host, err)
	}
	leaf := &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: a.leafKey, Leaf: parsed}
	a.leaves[host] = leaf
	return leaf, nil
}

func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}
