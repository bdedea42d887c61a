package secret

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// ErrNoPair means that a value is no private key with its certificate.
var ErrNoPair = errors.New("no key pair: neither PEM with a private key and its certificate, nor PKCS#12 without a password")

const (
	largestPair  = 64 << 10 // more than twice what Key Vault keeps
	shortestPair = 512      // an EC key and a certificate are more than that, and no client secret is
	blocksAtMost = 20       // in one PEM
)

// IsPair reports whether a value is meant to be a key pair. One that is and
// cannot be parsed must not be taken for a client secret, which is sent as it is.
func IsPair(v Value) bool {
	return v.Len() >= shortestPair || bytes.HasPrefix(bytes.TrimSpace(v.bytes()), []byte("-----BEGIN"))
}

// ParsePair reads PEM in any order, or PKCS#12 without a password, raw or in
// base64. A certificate must be there that fits the private key; the others are
// taken for its issuers. The error says nothing of the content.
func ParsePair(v Value) (*Pair, error) {
	raw := bytes.TrimSpace(v.bytes())
	if len(raw) > largestPair {
		return nil, fmt.Errorf("%w: it is larger than %d KB", ErrNoPair, largestPair>>10)
	}
	if bytes.HasPrefix(raw, []byte("-----BEGIN")) || bytes.Contains(raw, []byte("\n-----BEGIN ")) {
		return parsePEM(raw)
	}
	if len(raw) > 0 && raw[0] == 0x30 && !plainText(raw) {
		return parsePFX(v.bytes())
	}
	der, err := base64.StdEncoding.DecodeString(string(raw))
	if err != nil || len(der) == 0 {
		return nil, ErrNoPair
	}
	defer clear(der)
	return parsePFX(der)
}

// plainText tells base64 that begins with a zero, which is 0x30, from DER.
func plainText(b []byte) bool {
	return !bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' && r != '\r' && r != '\n' || r > '~' })
}

// Canonical is the form in which a value is compared and recognised: that of a
// key pair, which a vault gives back in another form than it got it, and the
// value itself of everything else.
func Canonical(v Value) Value {
	if !IsPair(v) {
		return v
	}
	p, err := ParsePair(v)
	if err != nil {
		return v
	}
	c, err := p.Canonical()
	if err != nil {
		return v
	}
	return c
}

func parsePEM(raw []byte) (*Pair, error) {
	var key crypto.Signer
	var certificates []*x509.Certificate
	blocks := 0
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if blocks++; blocks > blocksAtMost {
			return nil, fmt.Errorf("%w: more than %d blocks", ErrNoPair, blocksAtMost)
		}
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%w: a certificate in it cannot be read", ErrNoPair)
			}
			certificates = append(certificates, c)
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			if key != nil {
				return nil, fmt.Errorf("%w: it holds several private keys", ErrNoPair)
			}
			key = privateKey(block.Bytes)
			clear(block.Bytes)
			if key == nil {
				return nil, fmt.Errorf("%w: its private key cannot be read", ErrNoPair)
			}
		case "ENCRYPTED PRIVATE KEY":
			return nil, fmt.Errorf("%w: its private key has a password", ErrNoPair)
		}
	}
	return newPair(key, certificates)
}

func privateKey(der []byte) crypto.Signer {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, _ := key.(crypto.Signer)
		return signer
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}

func parsePFX(der []byte) (*Pair, error) {
	if !affordable(der) {
		return nil, ErrNoPair
	}
	key, leaf, chain, err := pkcs12.DecodeChain(der, "")
	if err != nil {
		return nil, ErrNoPair // the decoder's error can quote
	}
	signer, _ := key.(crypto.Signer)
	return newPair(signer, append([]*x509.Certificate{leaf}, chain...))
}

// newPair finds the certificate of the key.
func newPair(key crypto.Signer, certificates []*x509.Certificate) (*Pair, error) {
	if key == nil {
		return nil, fmt.Errorf("%w: there is no private key in it", ErrNoPair)
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, ErrNoPair
	}
	p := &Pair{key: func() crypto.Signer { return key }}
	for _, c := range certificates {
		if p.leaf == nil && public.Equal(c.PublicKey) {
			p.leaf = c
		} else {
			p.chain = append(p.chain, c)
		}
	}
	if p.leaf == nil {
		return nil, fmt.Errorf("%w: no certificate in it fits its private key", ErrNoPair)
	}
	return p, nil
}
