package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/secret"
)

// signingKey reads a secret as Standard Webhooks writes it, whsec_ and base64, or
// takes any other text as it is.
func signingKey(v secret.Value) (secret.Value, error) {
	text, marked := strings.CutPrefix(strings.TrimSpace(v.Reveal()), "whsec_")
	key := secret.New(text)
	if marked {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return secret.Value{}, errors.New("its secret begins with whsec_, and what follows is not base64")
		}
		key = secret.New(raw)
	}
	if key.Len() < 24 {
		return secret.Value{}, errors.New("its secret is missing or shorter than 24 bytes; make one with: openssl rand -base64 32")
	}
	return key, nil
}

// sign adds the three headers of Standard Webhooks.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func sign(h http.Header, key secret.Value, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	m := hmac.New(sha256.New, []byte(key.Reveal()))
	m.Write([]byte(id + "." + stamp + "."))
	m.Write(body)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)))
}
