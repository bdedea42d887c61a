package scan_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
)

func look(t *testing.T, path string, data []byte) []*scan.Hit {
	t.Helper()
	return scan.NewEngine(nil, nil).Piece(&scan.Piece{Path: path, Data: data}, &scan.Buffer{})
}

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// TestWaysOfWriting: a client secret is found however it is written, and its
// place is where the encoded text stands.
func TestWaysOfWriting(t *testing.T) {
	secret := detect.ClientSecret("ways")
	inner := `{"connection":{"user":"svc","value":"` + secret + `"}}`
	escaped, _ := json.Marshal(inner)
	twice, _ := json.Marshal(string(escaped))
	for name, text := range map[string]string{
		"plain":          "x = " + secret,
		"base64":         "data: " + base64.StdEncoding.EncodeToString([]byte(inner)),
		"base64 twice":   "data: " + base64.StdEncoding.EncodeToString([]byte("key: "+base64.StdEncoding.EncodeToString([]byte(inner)))),
		"base64 url":     "data: " + base64.RawURLEncoding.EncodeToString([]byte(inner+"???>>>")),
		"powershell":     "powershell -EncodedCommand " + base64.StdEncoding.EncodeToString(wide("$value = '"+secret+"'")),
		"hex":            "blob: " + hex.EncodeToString([]byte(inner)),
		"percent":        "https://x/?value=" + strings.ReplaceAll(url.QueryEscape(secret), "~", "%7E"),
		"json in json":   `{"definition":` + string(escaped) + `}`,
		"json twice":     `{"definition":` + string(twice) + `}`,
		"unicode escape": `{"value":"` + strings.ReplaceAll(secret, "~", `\u007e`) + `"}`,
		"xml":            "<v>" + strings.ReplaceAll(secret, "~", "&#126;") + "</v>",
	} {
		before := "first line\nsecond line, "
		hits := look(t, "flow.json", []byte(before+text+"\nlast line\n"))
		found := false
		for _, h := range hits {
			if h.Value.Reveal() != secret {
				continue
			}
			found = true
			if h.Class != detect.Certain || h.Line != 2 || h.Offset < int64(len(before)) || h.Offset+int64(h.Length) > int64(len(before)+len(text)) {
				t.Errorf("%s: %v at line %d, offset %d, length %d", name, h.Class, h.Line, h.Offset, h.Length)
			}
		}
		if !found {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestUTF16(t *testing.T) {
	secret := detect.ClientSecret("wide")
	for _, head := range [][]byte{{0xff, 0xfe}, nil} {
		hits := look(t, "a.txt", append(head, wide("Grüße\r\nvalue = "+secret+"\r\n")...))
		if len(hits) != 1 || hits[0].Value.Reveal() != secret || hits[0].Length != 2*len(secret) {
			t.Errorf("found %d hits", len(hits))
		}
	}
}

// TestMicrosoftKeysWithoutKeyword: every marked key is found with nothing
// beside it that would give it away.
func TestMicrosoftKeysWithoutKeyword(t *testing.T) {
	all, found := 0, 0
	for _, d := range detect.All() {
		if d.Make == nil || !strings.HasPrefix(d.ID, "azure-") && !strings.HasPrefix(d.ID, "entra-") || d.ID == "azure-devops-pat-old" {
			continue
		}
		for i, key := range d.Make() {
			if strings.Contains(key, " ") {
				continue
			}
			for j, frame := range []string{"%s", "a,%s,b", "<x>%s</x>", "['%s']", "row %s end", "q%sq"} {
				all++
				hits := look(t, "x.csv", fmt.Appendf(nil, frame, key))
				if len(hits) == 1 && strings.Contains(key, hits[0].Value.Reveal()) && hits[0].Class == detect.Certain {
					found++
				} else {
					t.Logf("%s: example %d in frame %d not found", d.ID, i, j)
				}
			}
		}
	}
	if all < 200 || found*100 < all*98 {
		t.Errorf("found %d of %d", found, all)
	}
}

func TestBrokenIsToldApart(t *testing.T) {
	s := []byte(detect.ClientSecret("broken"))
	s[20] ^= 1
	hits := look(t, "x", append([]byte("client_secret: "), s...))
	if len(hits) != 1 || hits[0].Class != detect.Broken {
		t.Fatalf("%d hits", len(hits))
	}
}

// TestNoValueInReports: what a report may show holds no stretch of the value
// longer than its hint.
func TestNoValueInReports(t *testing.T) {
	secret := detect.ClientSecret("mask")
	h := look(t, "x", []byte("secret = "+secret))[0]
	if strings.Contains(h.Masked, secret[:4]) || strings.Contains(fmt.Sprintf("%+v", h), secret[3:]) {
		t.Errorf("%s tells too much", h.Masked)
	}
}

func TestAllowComments(t *testing.T) {
	secret := detect.ClientSecret("allow")
	for text, want := range map[string]string{
		"k: " + secret + " # rekey:allow revoked in May":             "revoked in May",
		"// rekey:allow a test vector\nk: " + secret:                 "a test vector",
		"k: " + secret + " # rekey:allow":                            "",
		"x: 1 # rekey:allow another value\nk: " + secret:             "",
		"/* rekey:allow published by its issuer */\nk: " + secret:    "published by its issuer",
		"k: " + secret + "\nnext: 1 # rekey:allow not for that line": "",
	} {
		hits := look(t, "x.yaml", []byte(text))
		if len(hits) != 1 || hits[0].Allowed != want {
			t.Errorf("%q: %d hits, allowed %q", text, len(hits), hits[0].Allowed)
		}
	}
}

// TestFingerprints: the same value has the same fingerprint anywhere; of a
// guessable value it is one of the place, unless there is a key.
func TestFingerprints(t *testing.T) {
	s := detect.ClientSecret("finger")
	a, b := look(t, "a", []byte("x "+s))[0], look(t, "b", []byte("\n\ny: "+s))[0]
	if a.Fingerprint != b.Fingerprint {
		t.Error("one value, two fingerprints")
	}
	weak := []byte(`password = "` + detect.Expand("w", "{a7}!{d2}") + `"`)
	p, q := look(t, "a", weak)[0], look(t, "b", weak)[0]
	if p.Fingerprint == q.Fingerprint {
		t.Error("the fingerprint of a guessable value is of the value")
	}
	keyed := scan.NewEngine(nil, []byte("a key of this team only"))
	k1 := keyed.Piece(&scan.Piece{Path: "a", Data: weak}, &scan.Buffer{})[0]
	k2 := keyed.Piece(&scan.Piece{Path: "b", Data: weak}, &scan.Buffer{})[0]
	if k1.Fingerprint != k2.Fingerprint || k1.Fingerprint == p.Fingerprint {
		t.Error("with a key, fingerprints are of the value")
	}
}

// FuzzPiece: no input panics, and every hit lies inside of it.
func FuzzPiece(f *testing.F) {
	for _, d := range detect.All() {
		if len(d.Yes) > 0 {
			f.Add([]byte(detect.Expand(d.ID, d.Yes[0])))
		}
	}
	f.Add(wide("value = " + detect.ClientSecret("f")))
	f.Add([]byte(strings.Repeat("%7B%22", 50) + base64.StdEncoding.EncodeToString([]byte("password=\"a8!kd93kd\" and more"))))
	e := scan.NewEngine(nil, nil)
	b := &scan.Buffer{}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, h := range e.Piece(&scan.Piece{Path: "x", Data: data}, b) {
			if h.Offset < 0 || h.Length < 1 || h.Offset+int64(h.Length) > int64(len(data)) || h.Line < 1 || h.EndLine > lines || h.Column < 1 {
				t.Errorf("%s at %d+%d of %d, line %d-%d of %d", h.Detector.ID, h.Offset, h.Length, len(data), h.Line, h.EndLine, lines)
			}
		}
	})
}

// BenchmarkAdversary: texts made to be slow.
func BenchmarkAdversary(b *testing.B) {
	e := scan.NewEngine(nil, nil)
	for name, unit := range map[string]string{
		"names": "password", "urls": "https://a:b", "escapes": `\"a\":`, "percent": "%7E%2F", "entities": "&quot;a&amp;", "base64": "cGFzc3dvcmQ9", "keys": "eyJhbGci", "pem": "-----BEGIN RSA PRIVATE KEY-----\n", "sas": "?sv=1&sig=", "cask": "JQQJ99AA", "sql": "Password=abc;", "jwk": `"kty"{`, "spaces": "secret = ", "random": "token: a1B2c3D4e5F6g7H8 ",
	} {
		data := []byte(strings.Repeat(unit, 10<<20/len(unit)))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			buf := &scan.Buffer{}
			for b.Loop() {
				e.Piece(&scan.Piece{Path: "x", Data: data}, buf)
			}
		})
	}
}
