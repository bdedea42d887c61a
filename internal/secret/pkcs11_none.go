//go:build !pkcs11 || !cgo

package secret

import "errors"

// A PKCS#11 module is a C library, so the program that speaks to it is built
// with cgo; the usual one is not.
var errNoTokens = errors.New("this rekey cannot speak to PKCS#11 tokens: it is built without C libraries. " +
	"Build one that can with: CGO_ENABLED=1 go build -tags pkcs11 ./cmd/rekey; docs/reference/custody.md tells more")

func openToken(Token, bool) (Master, error) { return nil, errNoTokens }
