package contoso

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"math/rand/v2"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"rekey.example/rekey/internal/sim/world"
)

// pair is a self-signed certificate with its key.
type pair struct {
	der, key []byte // key in PKCS#8
	thumb    [20]byte
	from, to time.Time
}

// selfSigned makes a certificate whose every byte follows from rnd and the dates.
func selfSigned(rnd *rand.Rand, subject string, from, to time.Time) pair {
	key := drawKey(rnd)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetUint64(rnd.Uint64()>>1 | 1), Subject: pkix.Name{CommonName: subject},
		NotBefore: from, NotAfter: to, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	// No source of randomness: the signature is the deterministic one of RFC 6979.
	der, err := x509.CreateCertificate(nil, template, template, &key.PublicKey, key)
	if err != nil {
		panic("contoso: cannot make certificate of " + subject + ": " + err.Error())
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("contoso: cannot write key of " + subject + ": " + err.Error())
	}
	return pair{der: der, key: pkcs8, thumb: sha1.Sum(der), from: template.NotBefore, to: template.NotAfter}
}

// issued makes a certificate of the company's own authority for an RSA key. The
// authority's key is another kind, because its signatures cost nothing.
func (s *seeder) issued(subject string, from, to time.Time) pair {
	key := rsaKey(s.keys)
	s.keys++
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetUint64(s.rnd.Uint64()>>1 | 1), Subject: pkix.Name{CommonName: subject},
		NotBefore: from, NotAfter: to, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	authority := &x509.Certificate{Subject: pkix.Name{CommonName: "Contoso Issuing CA 2", Organization: []string{"Contoso"}}}
	der, err := x509.CreateCertificate(nil, template, authority, &key.PublicKey, s.authority)
	if err != nil {
		panic("contoso: cannot make certificate of " + subject + ": " + err.Error())
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("contoso: cannot write key of " + subject + ": " + err.Error())
	}
	return pair{der: der, key: pkcs8, thumb: sha1.Sum(der), from: template.NotBefore, to: template.NotAfter}
}

// drawKey draws a P-256 key. Nearly every 32 bytes are one; those that are not are drawn again.
func drawKey(rnd *rand.Rand) *ecdsa.PrivateKey {
	var scalar [32]byte
	for {
		for i := range scalar {
			scalar[i] = byte(rnd.Uint32())
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:]); err == nil {
			return key
		}
	}
}

// pem is the certificate with its key in the form a vault keeps as PEM.
func (p pair) pem() []byte {
	var b bytes.Buffer
	pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: p.key})
	pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: p.der})
	return b.Bytes()
}

// pfx is the same as PKCS#12 without a password, drawn from rnd.
func (p pair) pfx(rnd *rand.Rand) []byte {
	key, err := x509.ParsePKCS8PrivateKey(p.key)
	if err != nil {
		panic("contoso: " + err.Error())
	}
	leaf, err := x509.ParseCertificate(p.der)
	if err != nil {
		panic("contoso: " + err.Error())
	}
	raw, err := pkcs12.Modern.WithIterations(1).WithRand(drawn{rnd}).Encode(key, leaf, nil, "")
	if err != nil {
		panic("contoso: " + err.Error())
	}
	return raw
}

// drawn reads from a source of chance.
type drawn struct{ rnd *rand.Rand }

func (d drawn) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(d.rnd.Uint32())
	}
	return len(b), nil
}

func (s *seeder) addCertificate(h *world.Holder, spec certificate) *world.Key {
	to := s.in(spec.ends)
	p := s.issued(spec.subject, to.AddDate(0, 0, -spec.life), to)
	k := &world.Key{KeyID: s.w.GUID(), Name: "CN=" + spec.subject, Type: "AsymmetricX509Cert", Usage: "Verify",
		Thumbprint: p.thumb[:], DER: p.der, Starts: p.from, Ends: p.to}
	if spec.unused != never {
		k.LastUsed = s.ago(spec.unused)
	}
	if h.Created.After(p.from) {
		h.Created = p.from.Add(-5 * time.Minute)
	}
	h.Keys = append(h.Keys, k)
	if spec.vault != "" {
		s.depositPair(spec, p, k)
	}
	return k
}

// depositPair keeps a pair in a vault: as a certificate, with a secret behind it
// that holds PEM or PFX, or as a plain secret that somebody pasted PEM into.
func (s *seeder) depositPair(spec certificate, p pair, k *world.Key) {
	tags := map[string]string{"key-id": k.KeyID}
	if spec.consumer != "" {
		tags["consumer"] = spec.consumer
	}
	if spec.pasted {
		delete(tags, "key-id")
		s.a.PutSecret(spec.vault, spec.place, &world.SecretVersion{Value: string(p.pem()), ContentType: "application/x-pem-file",
			Enabled: true, Expires: p.to, Created: p.from.Add(time.Minute), Tags: tags})
		return
	}
	v := &world.CertificateVersion{DER: p.der, PFX: p.pem(), ContentType: "application/x-pem-file", Enabled: true, Created: p.from.Add(time.Minute), Tags: tags}
	if spec.pfx {
		v.PFX, v.ContentType = p.pfx(s.rnd), "application/x-pkcs12"
	}
	if err := s.a.PutCertificate(spec.vault, spec.place, v); err != nil {
		panic("contoso: " + err.Error())
	}
}
