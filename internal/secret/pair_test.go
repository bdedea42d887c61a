package secret

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// shared is one pair for all tests that do not need their own.
var shared = sync.OnceValue(func() Value {
	v, err := NewPair("app", time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	if err != nil {
		panic(err)
	}
	return v
})

func parsed(t *testing.T, v Value) *Pair {
	t.Helper()
	p, err := ParsePair(v)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNewPairIsWhatEntraTakes(t *testing.T) {
	starts, ends := time.Now().Add(-time.Hour).Truncate(time.Second), time.Now().AddDate(0, 6, 0).Truncate(time.Second)
	v, err := NewPair("D365_Basware", starts, ends)
	if err != nil {
		t.Fatal(err)
	}
	p := parsed(t, v)
	c := p.Certificate()
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 2048 || c.Subject.CommonName != "D365_Basware" || !c.NotBefore.Equal(starts) || !c.NotAfter.Equal(ends) {
		t.Errorf("made %v %v from %v to %v", c.PublicKeyAlgorithm, c.Subject, c.NotBefore, c.NotAfter)
	}
	if got, want := p.Thumbprint(), fmt.Sprintf("%X", sha1.Sum(c.Raw)); got != want {
		t.Errorf("thumbprint %s, want %s", got, want)
	}
	digest := sha256.Sum256([]byte("x"))
	sig, err := p.Sign(digest[:], crypto.SHA256)
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], sig) != nil {
		t.Errorf("a signature does not fit: %v", err)
	}
	if _, err := NewPair("x", ends, starts); err == nil {
		t.Error("a pair was made that ends before it starts")
	}
	if v.Equal(shared()) {
		t.Error("two pairs are alike")
	}
}

// A vault gives a pair back in another form than it got it.
func TestPairIsRecognisedInEveryForm(t *testing.T) {
	p := parsed(t, shared())
	want, err := p.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := p.PFX()
	if err != nil {
		t.Fatal(err)
	}
	legacy, err := pkcs12.LegacyDES.Encode(p.key(), p.leaf, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := pkcs12.Passwordless.Encode(p.key(), p.leaf, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	key, _ := pem.Decode([]byte(shared().Reveal()))
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.leaf.Raw})
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(p.key().(*rsa.PrivateKey))})
	for form, v := range map[string]Value{
		"PEM": shared(), "PFX": pfx, "PFX of old tools": New(legacy), "PFX without protection": New(plain),
		"PFX in base64":     New(base64.StdEncoding.EncodeToString([]byte(pfx.Reveal()))),
		"certificate first": New(append(bytes.Clone(cert), pem.EncodeToMemory(key)...)),
		"PKCS#1":            New(append(pkcs1, cert...)),
		"text before":       New("Bag Attributes\n    friendlyName: x\n" + shared().Reveal()),
		"Windows lines":     New(strings.ReplaceAll(shared().Reveal(), "\n", "\r\n") + "\r\n"),
	} {
		if got := Canonical(v); !got.Equal(want) {
			t.Errorf("%s: another canonical form", form)
		}
		if !IsPair(v) {
			t.Errorf("%s: not taken for a pair", form)
		}
	}
	other := New("abc8Q~a-client-secret-as-Entra-makes-them")
	if !Canonical(other).Equal(other) || IsPair(other) {
		t.Error("a client secret was taken for a pair")
	}
}

func TestWhatIsNoPair(t *testing.T) {
	p := parsed(t, shared())
	key, rest := pem.Decode([]byte(shared().Reveal()))
	foreign, err := NewPair("other", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	_, foreignCert := pem.Decode([]byte(foreign.Reveal()))
	locked, err := pkcs12.Modern.Encode(p.key(), p.leaf, nil, "sesame")
	if err != nil {
		t.Fatal(err)
	}
	for what, v := range map[string]Value{
		"nothing": {}, "a client secret": New("abc8Q~a-client-secret-as-Entra-makes-them"),
		"no key": New(rest), "no certificate": New(pem.EncodeToMemory(key)),
		"a foreign certificate": New(string(pem.EncodeToMemory(key)) + string(foreignCert)),
		"two keys":              New(string(pem.EncodeToMemory(key)) + shared().Reveal()),
		"a password":            New(locked), "half": New(shared().Reveal()[:900]),
		"too large": New(shared().Reveal() + strings.Repeat("\n", 3) + strings.Repeat("x", largestPair)),
		"too many":  New(shared().Reveal() + strings.Repeat(string(rest), blocksAtMost)),
		"zeros":     New(bytes.Repeat([]byte{0x30, 0}, 3000)),
	} {
		if _, err := ParsePair(v); !errors.Is(err, ErrNoPair) {
			t.Errorf("%s: got %v, want %v", what, err, ErrNoPair)
		}
	}
}

// A PFX that asks for hours of hashing is refused before any is done.
func TestCostlyPFXIsRefusedUnread(t *testing.T) {
	p := parsed(t, shared())
	for name, encoder := range map[string]*pkcs12.Encoder{"old": pkcs12.LegacyDES, "modern": pkcs12.Modern2023, "PBMAC1": pkcs12.Modern2026} {
		raw, err := encoder.WithIterations(3333).Encode(p.key(), p.leaf, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		var c cost
		if c.add(raw, 0); c.rounds < 2*3333 || c.dear {
			t.Errorf("%s: counted %d rounds (dear: %v), want those of key, certificate and check", name, c.rounds, c.dear)
		}
		if _, err := ParsePair(New(raw)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		was, dear := binary.BigEndian.AppendUint16([]byte{2, 2}, 3333), []byte{2, 2, 0x7f, 0xff}
		if !affordable(bytes.Replace(raw, was, dear, 1)) {
			t.Errorf("%s: 32,767 rounds are refused", name)
		}
	}
	salt, count := []byte{4, 4, 1, 2, 3, 4}, []byte{2, 4, 0x7f, 0xff, 0xff, 0xff}
	inner := append([]byte{0x30, byte(len(salt) + len(count))}, append(salt, count...)...)
	for _, der := range [][]byte{inner, append([]byte{4, byte(len(inner))}, inner...), append([]byte{0x30, byte(len(inner) + 2), 4, byte(len(inner))}, inner...)} {
		if affordable(der) {
			t.Errorf("%x is let through", der)
		}
	}
}

func TestPairPrintsNothing(t *testing.T) {
	p := parsed(t, shared())
	key := p.key().(*rsa.PrivateKey)
	encoded, err := json.Marshal(struct{ P *Pair }{p})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(p), fmt.Sprintf("%+v %#v", *p, p), fmt.Sprintf("%#v", struct{ p *Pair }{p}), fmt.Sprintf("%+v", struct{ p Pair }{*p}), string(encoded)} {
		if strings.Contains(text, key.D.String()) || strings.Contains(text, key.Primes[0].String()) {
			t.Errorf("%.80s... holds the key", text)
		}
	}
}

// curved is a pair on an elliptic curve, which is made quickly.
func curved(t testing.TB) (*Pair, Value) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	p := &Pair{key: func() crypto.Signer { return key }, leaf: leaf}
	v, err := p.PEM()
	if err != nil {
		t.Fatal(err)
	}
	return p, v
}

// Pairs of other kinds are recognised too, though Entra takes none of them.
func TestPairOfAnEllipticCurve(t *testing.T) {
	p, v := curved(t)
	if got := parsed(t, v); !got.leaf.Equal(p.leaf) || !IsPair(v) {
		t.Error("another pair was read than was written")
	}
}

func FuzzParsePair(f *testing.F) {
	p, text := curved(f)
	pfx, err := p.PFX()
	if err != nil {
		f.Fatal(err)
	}
	plain, err := pkcs12.Passwordless.Encode(p.key(), p.leaf, nil, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(text.Reveal()))
	f.Add([]byte(pfx.Reveal()))
	f.Add(plain)
	f.Add([]byte(base64.StdEncoding.EncodeToString(plain)))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := ParsePair(New(raw))
		if err != nil {
			if !errors.Is(err, ErrNoPair) {
				t.Errorf("got %v", err)
			}
			return
		}
		first, err := p.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		text, err := p.PEM()
		if err != nil {
			t.Fatal(err)
		}
		if again := Canonical(text); !again.Equal(first) {
			t.Error("written and read again it is another pair")
		}
	})
}
