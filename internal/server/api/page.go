package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
)

// A page token is where a page ended, opaque to the caller. It holds nothing
// that the caller may not know, and is no permission: the tenant always comes
// from the actor. It carries a hash of the list's name and filters, because a
// place in one list means nothing in another.

const maxPageToken = 2048

// next returns the link to the page that begins after the row with these keys.
func next(u *url.URL, keys ...string) string {
	q := u.Query()
	raw, err := json.Marshal(append([]string{fingerprint(u.Path, q)}, keys...))
	if err != nil {
		panic(err) // strings always encode
	}
	q.Set("after", base64.RawURLEncoding.EncodeToString(raw))
	return (&url.URL{Path: u.Path, RawQuery: q.Encode()}).String()
}

// after returns the keys in the request's page token; nil without one.
func after(u *url.URL, count int) ([]string, error) {
	q := u.Query()
	token := q.Get("after")
	if token == "" {
		return nil, nil
	}
	keys, ok := parsePageToken(token)
	if !ok || len(keys) != count+1 || keys[0] != fingerprint(u.Path, q) {
		return nil, invalid("after", "is no page of this list with these filters; begin without it")
	}
	return keys[1:], nil
}

func parsePageToken(token string) (keys []string, ok bool) {
	if len(token) > maxPageToken {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || json.Unmarshal(raw, &keys) != nil || len(keys) == 0 {
		return nil, false
	}
	return keys, true
}

// fingerprint is the same for all pages of one list.
func fingerprint(path string, q url.Values) string {
	filters := url.Values{}
	for k, v := range q {
		if k != "after" && k != "limit" {
			filters[k] = v
		}
	}
	sum := sha256.Sum256([]byte(path + "?" + filters.Encode()))
	return hex.EncodeToString(sum[:6])
}
