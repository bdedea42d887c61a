package secret

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// Pair is a private key with the certificate of its public half. Like a Value it
// prints nothing of itself.
type Pair struct {
	key   func() crypto.Signer // behind a function for the reason that Value gives
	leaf  *x509.Certificate
	chain []*x509.Certificate
}

// bits of a new key: Entra takes RSA keys only, and from this size. See
// https://learn.microsoft.com/entra/identity-platform/howto-create-self-signed-certificate
const bits = 2048

// NewPair makes an RSA key and a self-signed certificate with a common name, and
// returns both as PEM: the key in PKCS#8, then the certificate.
func NewPair(name string, starts, ends time.Time) (Value, error) {
	if !ends.After(starts) {
		return Value{}, errors.New("cannot make a key pair: it would end before it starts")
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return Value{}, fmt.Errorf("cannot make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return Value{}, fmt.Errorf("cannot make a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: starts.UTC(), NotAfter: ends.UTC(),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return Value{}, fmt.Errorf("cannot make a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return Value{}, fmt.Errorf("cannot read a new certificate: %w", err)
	}
	return (&Pair{key: func() crypto.Signer { return key }, leaf: leaf}).PEM()
}

// Certificate is the public half. The caller does not change it.
func (p *Pair) Certificate() *x509.Certificate { return p.leaf }

// Thumbprint is the certificate's SHA-1 in upper-case hexadecimal: a name that
// Entra and Key Vault know it by, no protection.
func (p *Pair) Thumbprint() string {
	sum := sha1.Sum(p.leaf.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// Sign signs a digest.
func (p *Pair) Sign(digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return p.key().Sign(rand.Reader, digest, o)
}

// Canonical is the pair in one form, whatever it was read from: the key in
// PKCS#8, and the certificate behind it. It is for comparing and for keyed
// hashes, and no format that others read.
func (p *Pair) Canonical() (Value, error) {
	key, err := p.pkcs8()
	if err != nil {
		return Value{}, err
	}
	defer clear(key)
	whole := make([]byte, 0, len(key)+len(p.leaf.Raw)) // one piece: growing it would leave copies of the key behind
	return hold(append(append(whole, key...), p.leaf.Raw...)), nil
}

// PEM is the key in PKCS#8, the certificate, and those of its issuers.
func (p *Pair) PEM() (Value, error) {
	key, err := p.pkcs8()
	if err != nil {
		return Value{}, err
	}
	defer clear(key)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, c := range append([]*x509.Certificate{p.leaf}, p.chain...) {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return hold(text), nil
}

// PFX is the pair as PKCS#12 without a password.
func (p *Pair) PFX() (Value, error) {
	raw, err := pkcs12.Modern.Encode(p.key(), p.leaf, p.chain, "")
	if err != nil {
		return Value{}, errors.New("cannot write the key pair as PKCS#12")
	}
	return hold(raw), nil
}

func (p *Pair) pkcs8() ([]byte, error) {
	raw, err := x509.MarshalPKCS8PrivateKey(p.key())
	if err != nil {
		return nil, errors.New("cannot write the private key in PKCS#8") // the cause could quote it
	}
	return raw, nil
}

func (p Pair) String() string               { return placeholder }
func (p Pair) GoString() string             { return placeholder }
func (p Pair) Format(f fmt.State, _ rune)   { io.WriteString(f, placeholder) }
func (p Pair) LogValue() slog.Value         { return slog.StringValue(placeholder) }
func (p Pair) MarshalText() ([]byte, error) { return []byte(placeholder), nil }
func (p Pair) MarshalJSON() ([]byte, error) { return []byte(`"` + placeholder + `"`), nil }
