package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keySet is an issuer's public keys, read from its address and kept for a day. A
// token that names an unknown key makes it read them again, but not more than
// once a minute: strangers can send as many of those as they like.
type keySet struct {
	address func(context.Context) (string, error) // of the key set
	client  *http.Client
	algs    []jose.SignatureAlgorithm

	mu    sync.Mutex // one reads at a time, the others wait for it
	keys  []jose.JSONWebKey
	read  time.Time // when the keys were read
	tried time.Time // when it was last tried to
}

const (
	keysKept     = 24 * time.Hour
	keysStale    = 7 * 24 * time.Hour // beyond this, keys that cannot be read again are not believed
	keysPause    = time.Minute
	mostKeys     = 100
	largestSet   = 512 << 10
	largestToken = 32 << 10
	askTimeout   = 20 * time.Second
)

// ErrToken means that a signed token is not one that is taken here. The error
// around it says why, for the log; strangers are told no more than this.
var ErrToken = errors.New("the token is not valid")

func badToken(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrToken, fmt.Sprintf(format, a...))
}

// VerifySignature returns what a token says if one of the issuer's keys has
// signed it, with an algorithm that was agreed on before.
func (k *keySet) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	if len(raw) > largestToken {
		return nil, badToken("it is longer than %d bytes", largestToken)
	}
	signed, err := jose.ParseSignedCompact(raw, k.algs)
	if err != nil {
		return nil, badToken("it is no signed token, or signed in a way that is not taken here")
	}
	header := signed.Signatures[0].Header
	key, err := k.key(ctx, header.KeyID, header.Algorithm)
	if err != nil {
		return nil, err
	}
	body, err := signed.Verify(key)
	if err != nil {
		return nil, badToken("its signature does not fit")
	}
	return body, nil
}

// key finds the key with an id for an algorithm.
func (k *keySet) key(ctx context.Context, id, alg string) (*jose.JSONWebKey, error) {
	if id == "" {
		return nil, badToken("it names no key")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	found := k.find(id, alg)
	old := now.Sub(k.read) > keysKept
	if (found == nil || old) && now.Sub(k.tried) >= keysPause {
		k.tried = now
		if err := k.fetch(ctx); err != nil && (found == nil || now.Sub(k.read) > keysStale) {
			return nil, err
		}
		found = k.find(id, alg)
	}
	if found == nil || time.Since(k.read) > keysStale {
		return nil, badToken("no key of the issuer has the id it names")
	}
	return found, nil
}

func (k *keySet) find(id, alg string) *jose.JSONWebKey {
	for i := range k.keys {
		key := &k.keys[i]
		if key.KeyID == id && (key.Algorithm == "" || key.Algorithm == alg) && (key.Use == "" || key.Use == "sig") {
			return key
		}
	}
	return nil
}

// fetch reads the keys. Those of a kind that is not taken, or too weak, are left out.
func (k *keySet) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout) // one caller's leaving must not cost the others their keys
	defer cancel()
	address, err := k.address(ctx)
	if err != nil {
		return err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := askJSON(ctx, k.client, address, largestSet, &set); err != nil {
		return fmt.Errorf("cannot read the issuer's keys: %w", err)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys[:min(len(set.Keys), mostKeys)] {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && key.Valid() && strong(key.Key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return errors.New("cannot read the issuer's keys: there is none that could be used")
	}
	k.keys, k.read = keys, time.Now()
	return nil
}

// strong reports whether it is a public key of a kind that signs tokens. A
// symmetric key in a public set is no secret and proves nothing.
func strong(key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192
	case *ecdsa.PublicKey:
		return slices.Contains([]int{256, 384, 521}, key.Curve.Params().BitSize)
	}
	return false
}

// askJSON reads a small document from an address.
func askJSON(ctx context.Context, client *http.Client, address string, most int64, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %d", answer.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return err
	}
	if int64(len(body)) > most {
		return errors.New("the answer is too long")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errors.New("the answer is not JSON")
	}
	return nil
}

// wireClient follows no redirects: neither keys nor tokens move.
func wireClient(round http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: round, Timeout: askTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
