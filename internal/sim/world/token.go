package world

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Signer is the token signing key of the pretended Entra.
type Signer struct {
	key  *rsa.PrivateKey
	kid  string
	cert []byte // DER

	// Quick signs with a key that only the pretended clouds know, in a fiftieth of
	// the time: for simulations of very many sign-ins in which nobody else checks a
	// signature. Its tokens do not pass with the keys that are published.
	Quick []byte
}

// Claims are those of an app-only access token.
type Claims struct {
	Audience  string   `json:"aud"`
	Issuer    string   `json:"iss"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf"`
	Expires   int64    `json:"exp"`
	AppID     string   `json:"appid"`
	AppIDACR  string   `json:"appidacr"` // "1" secret, "2" certificate
	IDType    string   `json:"idtyp"`    // "app"
	ObjectID  string   `json:"oid"`      // of the service principal
	Subject   string   `json:"sub"`
	TenantID  string   `json:"tid"`
	Roles     []string `json:"roles,omitempty"`
	ID        string   `json:"uti"`
	Version   string   `json:"ver"` // "1.0"

	Name             string   `json:"app_displayname,omitempty"` // displayName of the application
	IdentityProvider string   `json:"idp,omitempty"`             // the issuer, once more
	Region           string   `json:"tenant_region_scope,omitempty"`
	Capabilities     []string `json:"xms_cc,omitempty"` // CP1: the client understands claims challenges
}

// NewSigner makes a token signing key.
func NewSigner() (*Signer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("cannot make token signing key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "accounts.accesscontrol.windows.net"},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("cannot make token signing certificate: %w", err)
	}
	thumb := sha1.Sum(der)
	return &Signer{key: key, kid: base64.RawURLEncoding.EncodeToString(thumb[:]), cert: der}, nil
}

// Key returns the public key as a JWKS member.
func (s *Signer) Key() map[string]any {
	return map[string]any{
		"kty": "RSA", "use": "sig", "kid": s.kid, "x5t": s.kid,
		"n":   base64.RawURLEncoding.EncodeToString(s.key.N.Bytes()),
		"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(s.key.E)).Bytes()),
		"x5c": []string{base64.StdEncoding.EncodeToString(s.cert)},
	}
}

// Sign returns the token (JWS compact, RS256) for any claims.
func (s *Signer) Sign(claims any) (string, error) {
	header, err := json.Marshal(map[string]string{"typ": "JWT", "alg": "RS256", "kid": s.kid, "x5t": s.kid})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(body)
	sig, err := s.signature(signed)
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

func (s *Signer) signature(text string) ([]byte, error) {
	if s.Quick != nil {
		m := hmac.New(sha256.New, s.Quick)
		m.Write([]byte(text))
		return m.Sum(nil), nil
	}
	sum := sha256.Sum256([]byte(text))
	return rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
}

func (s *Signer) signed(text string, signature []byte) bool {
	if s.Quick != nil {
		want, err := s.signature(text)
		return err == nil && hmac.Equal(want, signature)
	}
	sum := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, sum[:], signature) == nil
}

// Why a token was refused.
var (
	ErrNoToken       = errors.New("no bearer token")
	ErrBadToken      = errors.New("token is not one of ours")
	ErrWrongAudience = errors.New("token is for another audience")
	ErrWrongTenant   = errors.New("token is of another tenant")
	ErrExpiredToken  = errors.New("token has expired")
)

// Bearer checks an Authorization header against the audiences a surface accepts.
// An audience matches with or without a trailing slash.
func (w *World) Bearer(header string, audiences ...string) (Claims, error) {
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return Claims{}, ErrNoToken
	}
	signed, sig, _ := cutLast(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil {
		return Claims{}, ErrBadToken
	}
	if !w.Signer.signed(signed, raw) {
		return Claims{}, ErrBadToken
	}
	_, payload, _ := strings.Cut(signed, ".")
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return Claims{}, ErrBadToken
	}
	var c Claims
	if json.Unmarshal(body, &c) != nil {
		return Claims{}, ErrBadToken
	}
	if c.TenantID != w.Tenant.ID {
		return c, ErrWrongTenant
	}
	if now := time.Now().Unix(); now >= c.Expires || now < c.NotBefore-300 {
		return c, ErrExpiredToken
	}
	for _, a := range audiences {
		if strings.TrimSuffix(a, "/") == strings.TrimSuffix(c.Audience, "/") {
			return c, nil
		}
	}
	return c, ErrWrongAudience
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
