package world

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
)

// JWS is a signed token of somebody else, taken apart but not believed yet: a
// client assertion, the proof of addKey.
type JWS struct {
	Header struct {
		Algorithm string   `json:"alg"`
		KeyID     string   `json:"kid"`
		X5t       string   `json:"x5t"`
		X5tS256   string   `json:"x5t#S256"`
		X5c       []string `json:"x5c"`
	}
	Claims struct {
		Issuer    string   `json:"iss"`
		Subject   string   `json:"sub"`
		Audience  Audience `json:"aud"`
		ID        string   `json:"jti"`
		NotBefore float64  `json:"nbf"`
		Expires   float64  `json:"exp"`
		IssuedAt  float64  `json:"iat"`
	}
	signed, signature string
}

// Audience is an aud claim: one text, or a list.
type Audience []string

// UnmarshalJSON reads both forms.
func (a *Audience) UnmarshalJSON(data []byte) error {
	if strings.HasPrefix(string(data), "[") {
		return json.Unmarshal(data, (*[]string)(a))
	}
	*a = Audience{""}
	return json.Unmarshal(data, &(*a)[0])
}

// What is wrong with a JWS.
var (
	ErrMalformed = errors.New("not a signed token")
	ErrSignature = errors.New("signature does not fit")
)

// ParseJWS takes a compact JWS apart.
func ParseJWS(token string) (JWS, error) {
	var j JWS
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return j, ErrMalformed
	}
	for i, v := range []any{&j.Header, &j.Claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, v) != nil {
			return JWS{}, ErrMalformed
		}
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return JWS{}, ErrMalformed
	}
	j.signed, j.signature = parts[0]+"."+parts[1], string(sig)
	return j, nil
}

// Names reports whether the header points at this certificate. A header may name
// it by its SHA-1 (x5t, or kid in hexadecimal or base64) or its SHA-256.
func (j JWS) Names(der []byte) bool {
	old, now := sha1.Sum(der), sha256.Sum256(der)
	return sameThumbprint(j.Header.X5t, old[:]) || sameThumbprint(j.Header.X5tS256, now[:]) ||
		j.Header.X5t == "" && j.Header.X5tS256 == "" && sameThumbprint(j.Header.KeyID, old[:])
}

func sameThumbprint(text string, sum []byte) bool {
	text = strings.TrimRight(text, "=")
	return text != "" && (text == base64.RawURLEncoding.EncodeToString(sum) || text == base64.RawStdEncoding.EncodeToString(sum) ||
		strings.EqualFold(text, hexText(sum)))
}

func hexText(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

// Thumbprint is what the header says of the key, as Entra prints it in errors:
// hexadecimal of whatever was sent.
func (j JWS) Thumbprint() string {
	for _, text := range []string{j.Header.X5t, j.Header.X5tS256, j.Header.KeyID} {
		text = strings.TrimRight(text, "=")
		if raw, err := base64.RawURLEncoding.DecodeString(text); err == nil && text != "" {
			return hexText(raw)
		}
		if text != "" {
			return text
		}
	}
	return ""
}

// Verify checks the signature with the key of a certificate: RS256 or PS256.
func (j JWS) Verify(der []byte) error {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return ErrSignature
	}
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return ErrSignature
	}
	sum := sha256.Sum256([]byte(j.signed))
	switch j.Header.Algorithm {
	case "RS256":
		err = rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], []byte(j.signature))
	case "PS256":
		err = rsa.VerifyPSS(public, crypto.SHA256, sum[:], []byte(j.signature), nil)
	default:
		return ErrSignature
	}
	if err != nil {
		return ErrSignature
	}
	return nil
}
