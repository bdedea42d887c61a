package smtp

import (
	"encoding/base64"
	"strings"
	"testing"
)

func decode64(t *testing.T, text string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
