package graph

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// appendPassword appends a passwordCredential; text is "" except in the answer
// that made it.
func appendPassword(b []byte, p *world.Password, text string) []byte {
	b = append(b, `"customKeyIdentifier":`...)
	b = appendOptional(b, p.CustomKeyIdentifier)
	b = append(b, `,"displayName":`...)
	b = appendOptional(b, p.Name)
	b = append(b, `,"endDateTime":`...)
	b = appendTime(b, p.Ends)
	b = append(b, `,"hint":`...)
	b = appendOptional(b, p.Hint)
	b = append(b, `,"keyId":`...)
	b = appendText(b, p.KeyID)
	b = append(b, `,"secretText":`...)
	b = appendOptional(b, text)
	b = append(b, `,"startDateTime":`...)
	return appendTime(b, p.Starts)
}

// appendPasswords appends the passwordCredentials that a view shows, newest first.
func appendPasswords(b []byte, h *world.Holder, v *view) []byte {
	b = append(b, '[')
	first := true
	for i := len(h.Passwords) - 1; i >= 0; i-- {
		p := h.Passwords[i]
		if !v.has(p.KeyID, p.Added, p.Removed) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendPassword(append(b, '{'), p, ""), '}')
	}
	return append(b, ']')
}

// appendKey appends a keyCredential; its bytes only when they were asked for.
func appendKey(b []byte, k *world.Key, bytes bool) []byte {
	b = append(b, `"customKeyIdentifier":`...)
	b = appendOptional(b, thumbprint(k))
	b = append(b, `,"displayName":`...)
	b = appendOptional(b, k.Name)
	b = append(b, `,"endDateTime":`...)
	b = appendTime(b, k.Ends)
	b = append(b, `,"key":`...)
	if bytes && len(k.DER) > 0 {
		b = appendBase64(b, k.DER)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"keyId":`...)
	b = appendText(b, k.KeyID)
	b = append(b, `,"startDateTime":`...)
	b = appendTime(b, k.Starts)
	b = append(b, `,"type":`...)
	b = appendText(b, k.Type)
	b = append(b, `,"usage":`...)
	return appendText(b, k.Usage)
}

func appendKeys(b []byte, h *world.Holder, v *view) []byte {
	b = append(b, '[')
	first := true
	for _, k := range h.Keys {
		if !v.has(k.KeyID, k.Added, k.Removed) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendKey(append(b, '{'), k, v.keys), '}')
	}
	return append(b, ']')
}

// thumbprint is the customKeyIdentifier of a key in the form the service computes:
// hexadecimal.
func thumbprint(k *world.Key) string {
	sum := k.Thumbprint
	if len(sum) == 0 && len(k.DER) > 0 {
		s := sha1.Sum(k.DER)
		sum = s[:]
	}
	return strings.ToUpper(hex.EncodeToString(sum))
}
