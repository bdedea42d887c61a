package hook

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
)

// limited keeps the beginning of an output and takes the rest without keeping it,
// so that a talkative program neither fills memory nor blocks.
type limited struct{ kept []byte }

const mostKept = 8 << 10

func (l *limited) Write(b []byte) (int, error) {
	l.kept = append(l.kept, b[:min(len(b), mostKept-len(l.kept))]...)
	return len(b), nil
}

// line is the first line that is not empty.
func (l *limited) line() string {
	for line := range strings.Lines(string(l.kept)) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}

const scrubbed = "[removed]"

// longWord is what could be a secret of any kind: no word of a language is that long.
var longWord = regexp.MustCompile(`[A-Za-z0-9+=_~.\-]{32,}`)

// guidOrHash is what may stay: key ids and versions, which people look for.
var guidOrHash = regexp.MustCompile(`^([0-9a-f]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$`)

// scrub takes out of a program's words the value that it was given, in whatever
// way it may have written it, and everything that could be another secret.
func scrub(line string, value secret.Value) string {
	if !value.IsZero() {
		v := value.Reveal()
		for _, form := range []string{v, strconv.Quote(v), url.QueryEscape(v), url.PathEscape(v), hex.EncodeToString([]byte(v)), strings.ToUpper(hex.EncodeToString([]byte(v))),
			base64.StdEncoding.EncodeToString([]byte(v)), base64.RawStdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v))} {
			line = strings.ReplaceAll(line, form, scrubbed)
		}
	}
	line = longWord.ReplaceAllStringFunc(line, func(w string) string {
		if guidOrHash.MatchString(w) {
			return w
		}
		return scrubbed
	})
	return rest.Clean(line, 200)
}
