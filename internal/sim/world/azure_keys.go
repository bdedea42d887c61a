package world

import (
	"crypto/ecdsa"
	"crypto/rsa"
)

// KeyType is the kty of a public key, without regard to hardware: RSA or EC.
func KeyType(public PublicKey) string {
	switch public.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "EC"
	}
	return "oct"
}
