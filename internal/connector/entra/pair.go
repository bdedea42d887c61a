package entra

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/secret"
)

// backdated is how long before now a certificate begins: Entra's clock, and that
// of whoever proves something with it, may be behind ours.
const backdated = 10 * time.Minute

// makePair has the key pair made by whom the order says, or here.
func makePair(ctx context.Context, o connector.Order) (secret.Value, error) {
	starts, name := time.Now().Add(-backdated), commonName(o.Holder.Name)
	if o.Pairs != nil {
		return o.Pairs.MakePair(ctx, name, o.Marker, starts, o.Expires)
	}
	return secret.NewPair(name, starts, o.Expires)
}

// commonName is an application's name with what needs no quoting in a
// distinguished name: letters, digits, space, dot, dash and underscore; at most
// the 64 characters that X.520 allows.
func commonName(name string) string {
	s := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" .-_", r) {
			return r
		}
		return '-'
	}, name)
	s = strings.TrimSpace(s[:min(len(s), 64)])
	if s == "" {
		return "rekey"
	}
	return s
}

// newEntry is the certificate as Graph takes it. Its key id is drawn here: a
// request that a network delivers twice finds its own entry.
func newEntry(o connector.Order, p *secret.Pair) (entry, error) {
	c := p.Certificate()
	ends := c.NotAfter
	if o.Expires.Before(ends) {
		ends = o.Expires
	}
	return fresh(map[string]any{
		"keyId": guid(), "type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.StdEncoding.EncodeToString(c.Raw),
		"displayName": o.Label + " " + o.Marker, "startDateTime": c.NotBefore.UTC(), "endDateTime": ends.UTC().Truncate(time.Second),
	})
}

func fresh(fields map[string]any) (e entry, err error) {
	raw, err := json.Marshal(fields)
	if err != nil {
		return entry{}, err
	}
	return e, json.Unmarshal(raw, &e)
}

// guid is a random one, of version 4.
func guid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
