package scan

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"rekey.example/rekey/internal/scan/detect"
	"rekey.example/rekey/internal/secret"
)

// A Hit is a credential that was found, and where. The value itself is
// kept behind Value and goes into no report.
type Hit struct {
	Detector *detect.Detector
	Class    detect.Class
	Facts    []detect.Fact // what the value tells of itself: its end, its issuer
	Through  []string      // encodings that were undone, outermost first

	Path               string
	Commit             string
	Place              []string
	Advice             string
	Ref                any
	Line, Column       int // from 1; columns in UTF-16 units, as SARIF counts
	EndLine, EndColumn int
	Offset             int64 // bytes from the start of Path
	Length             int   // bytes, as written there

	Masked      string // the first three characters of a long value, and its length
	Fingerprint string // of the value, or of the place where the value is guessable
	Allowed     string // the reason of an allow comment beside it

	Value secret.Value
	text  string // the line without the value, for the fingerprint of a place
}

// LimitReached is the detector of what could not be looked at for its size.
var LimitReached = &detect.Detector{
	ID: "limit-reached", Name: "A limit was reached: a part was not looked at", Issuer: "rekey", Class: detect.Possible,
	Advice: "look at the file by itself, or raise the limit",
}

// mask shows what helps to recognise a value and not to guess it.
func mask(v []byte) string {
	if len(v) < 16 {
		return "*** (" + strconv.Itoa(len(v)) + " characters)"
	}
	head := make([]byte, 0, 3)
	for _, c := range v[:3] {
		if c <= ' ' || c > '~' {
			c = '?'
		}
		head = append(head, c)
	}
	return string(head) + "*** (" + strconv.Itoa(len(v)) + " characters)"
}

// strong reports whether a value cannot be found by trying: only of such a
// value may a fingerprint be told that everybody can compute.
func strong(v []byte, c detect.Class) bool {
	return len(v) >= 20 && c != detect.Broken && detect.Entropy(v) >= 3
}

// publicKey separates the fingerprints of this program from other digests. It
// is no secret; Config.Key is.
const publicKey = "rekey scan fingerprint 1"

// fingerprint names a value again without telling it. With a key it is of
// the value always. Without one it is of a value that cannot be guessed, and
// else of the place: the path and the line around the value.
func (h *Hit) fingerprint(key []byte) string {
	var m = hmac.New(sha256.New, []byte(publicKey))
	v := h.Value.Reveal()
	switch {
	case len(key) > 0:
		m = hmac.New(sha256.New, key)
		m.Write([]byte(v))
	case strong([]byte(v), h.Class):
		m.Write([]byte(v))
	default:
		m.Write([]byte(h.Detector.ID + "\x00" + h.Path + "\x00" + strings.Join(h.Place, "\x00") + "\x00" + h.text))
	}
	return hex.EncodeToString(m.Sum(nil)[:16])
}
