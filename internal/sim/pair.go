package sim

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"

	"software.sslmate.com/src/go-pkcs12"
)

// leafOf is the certificate of an RSA key pair in PEM or PFX, as vaults hand them
// out: DER, and not ok if it is none or the two halves do not belong together.
func leafOf(value string) (der []byte, ok bool) {
	var key any
	var leaf *x509.Certificate
	if raw, err := base64.StdEncoding.DecodeString(value); err == nil {
		if key, leaf, err = pkcs12.Decode(raw, ""); err != nil {
			return nil, false
		}
	}
	for block, rest := pem.Decode([]byte(value)); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "PRIVATE KEY":
			key, _ = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, _ = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "CERTIFICATE":
			if c, err := x509.ParseCertificate(block.Bytes); err == nil && leaf == nil {
				leaf = c
			}
		}
	}
	private, isRSA := key.(*rsa.PrivateKey)
	if !isRSA || private == nil || leaf == nil || !private.PublicKey.Equal(leaf.PublicKey) {
		return nil, false
	}
	return bytes.Clone(leaf.Raw), true
}
