package entra

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// What Entra allows a signed token of a client to live.
const proofLife = 10 * time.Minute

// legacyGraph is the audience of a proof: Azure AD Graph, which is otherwise gone.
const legacyGraph = "00000002-0000-0000-c000-000000000000"

// proof shows Graph that we have a private key of the object itself. See
// https://learn.microsoft.com/graph/application-rollkey-prooftoken
func proof(p *secret.Pair, holder inventory.ObjectID) (secret.Value, error) {
	return signed(p, "RS256", map[string]any{"aud": legacyGraph, "iss": string(holder)})
}

// assertion shows the token endpoint, by its address, that we have a private key
// of the client. See
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials
func assertion(p *secret.Pair, client inventory.ClientID, endpoint string) (secret.Value, error) {
	return signed(p, "PS256", map[string]any{"aud": endpoint, "iss": string(client), "sub": string(client), "jti": rand.Text()})
}

// signed is a JWT that is valid from now on. It opens a door while it is, so it
// is a secret too.
func signed(p *secret.Pair, algorithm string, claims map[string]any) (secret.Value, error) {
	der := p.Certificate().Raw
	header := map[string]string{"typ": "JWT", "alg": algorithm}
	var how crypto.SignerOpts
	switch algorithm {
	case "RS256": // with the older name of the certificate, as in Graph's examples
		old := sha1.Sum(der)
		header["x5t"], header["kid"] = base64.RawURLEncoding.EncodeToString(old[:]), strings.ToUpper(fmt.Sprintf("%x", old))
		how = crypto.SHA256
	default:
		sum := sha256.Sum256(der)
		header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sum[:])
		how = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	if _, ok := p.Certificate().PublicKey.(*rsa.PublicKey); !ok {
		return secret.Value{}, errors.New("cannot sign for Entra: it takes RSA keys only")
	}
	now := time.Now()
	claims["nbf"], claims["iat"], claims["exp"] = now.Unix(), now.Unix(), now.Add(proofLife).Unix()
	first, err := json.Marshal(header)
	if err != nil {
		return secret.Value{}, fmt.Errorf("cannot write a token's header: %w", err)
	}
	second, err := json.Marshal(claims)
	if err != nil {
		return secret.Value{}, fmt.Errorf("cannot write a token's claims: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(first) + "." + base64.RawURLEncoding.EncodeToString(second)
	sum := sha256.Sum256([]byte(text))
	sig, err := p.Sign(sum[:], how)
	if err != nil {
		return secret.Value{}, errors.New("cannot sign a token with the private key")
	}
	return secret.New(text + "." + base64.RawURLEncoding.EncodeToString(sig)), nil
}
