package entra

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// thumbprint is a certificate's SHA-1 in upper-case hexadecimal. Graph's
// customKeyIdentifier holds it as base64 of the bytes, or of their hexadecimal
// text, or as that text itself, depending on who wrote it.
func thumbprint(id string) string {
	if len(id) == 40 && isHex(id) {
		return strings.ToUpper(id)
	}
	raw, err := base64.StdEncoding.DecodeString(id)
	switch {
	case err != nil:
		return ""
	case len(raw) == 20:
		return strings.ToUpper(hex.EncodeToString(raw))
	case len(raw) == 40 && isHex(string(raw)):
		return strings.ToUpper(string(raw))
	}
	return ""
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil
}

// paired is what the parts of one signing certificate have in common: one was
// written with the thumbprint in base64, another in hexadecimal.
func paired(id string) string {
	if print := thumbprint(id); print != "" {
		return print
	}
	return id
}
