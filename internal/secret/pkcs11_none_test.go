//go:build !pkcs11 || !cgo

package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheUsualProgramSaysWhyNoToken: it is built without C, and says what to do.
func TestTheUsualProgramSaysWhyNoToken(t *testing.T) {
	folder := t.TempDir()
	_, err := Open(t.Context(), FileShelf{folder}, Custody{Source: FromToken, Token: Token{Module: "m", Label: "l", Key: "k", PIN: New("1234")}})
	if err == nil || !strings.Contains(err.Error(), "-tags pkcs11") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, KeyringFile)); err == nil {
		t.Error("a keyring was written")
	}
	k := open(t, FileShelf{folder}, inFolder(folder, ""))
	k.doc.Master = masterRecord{Source: FromToken, Key: "k"}
	raw, err := k.doc.sign(k.root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), &table{raw: raw}, Custody{}); err == nil || !strings.Contains(err.Error(), "-tags pkcs11") {
		t.Errorf("%v", err)
	}
}
