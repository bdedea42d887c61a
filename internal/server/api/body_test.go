package api

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestABodyIsOneDocumentThatAllReadersUnderstandAlike(t *testing.T) {
	for _, c := range []struct {
		name, body string
		good       bool
	}{
		{"object", `{"a":{"b":[1,2,{"c":null}]}}`, true},
		{"same key in two objects", `[{"a":1},{"a":1}]`, true},
		{"key twice", `{"a":1,"a":2}`, false},
		{"key twice, escaped", `{"a":1,"\u0061":2}`, false},
		{"key twice, deep", `{"x":[{"a":1,"b":0,"a":2}]}`, false},
		{"two documents", `{} {}`, false},
		{"garbage at the end", `{}x`, false},
		{"cut off", `{"a":`, false},
		{"cut off list", `[1,2`, false},
		{"nothing but spaces", `   `, false},
		{"not UTF-8", "{\"a\":\"\xff\"}", false},
		{"nested to the limit", strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), true},
		{"nested deeper", strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1), false},
		{"nested without end", strings.Repeat("[", 100_000), false},
		{"trailing comma", `{"a":1,}`, false},
		{"comment", `{/**/}`, false},
	} {
		if err := plainJSON([]byte(c.body)); (err == nil) != c.good {
			t.Errorf("%s: %v, want good = %v", c.name, err, c.good)
		}
	}
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,"x",null,true]}`, `{"a":1,"a":2}`, `[[[[`, "\"\xff\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if plainJSON([]byte(body)) == nil && !json.Valid([]byte(body)) {
			t.Fatalf("took %q, which is not JSON", body)
		}
	})
}
