// Package secret holds secret values in memory and seals them for storage.
//
// A Value never reaches a log, an error, a template or a JSON document by
// accident: every formatting path prints a placeholder. Reveal is the only way
// to the bytes, so one search for "Reveal(" finds every place that matters.
package secret

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"
)

// Value is a secret held in memory. The zero value holds nothing; copies share
// the bytes. They sit behind a function because fmt, which prints unexported
// fields of a struct without asking for a Formatter, looks through slices and
// pointers, and never into a function.
type Value struct{ get func() []byte }

const placeholder = "[secret]"

// New returns a Value holding a copy of b.
func New[T ~string | ~[]byte](b T) Value { return hold(append([]byte(nil), b...)) }

func hold(b []byte) Value { return Value{func() []byte { return b }} }

func (v Value) bytes() []byte {
	if v.get == nil {
		return nil
	}
	return v.get()
}

// Reveal returns the secret itself.
func (v Value) Reveal() string { return string(v.bytes()) }

// IsZero reports whether v holds nothing.
func (v Value) IsZero() bool { return len(v.bytes()) == 0 }

// Len is the length in bytes.
func (v Value) Len() int { return len(v.bytes()) }

// Equal compares in constant time.
func (v Value) Equal(w Value) bool { return subtle.ConstantTimeCompare(v.bytes(), w.bytes()) == 1 }

// Hint is the first three characters, as Microsoft Graph shows them of a client
// secret. It is empty for values under 16 characters, of which three would say
// too much.
func (v Value) Hint() string {
	if len(v.bytes()) < 16 {
		return ""
	}
	end := 0
	for range 3 {
		_, size := utf8.DecodeRune(v.bytes()[end:])
		end += size
	}
	return string(v.bytes()[:end])
}

// Zero overwrites the bytes. Copies that Reveal made are out of reach.
func (v *Value) Zero() {
	clear(v.bytes())
	v.get = nil
}

func (v Value) String() string                 { return placeholder }
func (v Value) GoString() string               { return placeholder }
func (v Value) Format(f fmt.State, _ rune)     { io.WriteString(f, placeholder) }
func (v Value) LogValue() slog.Value           { return slog.StringValue(placeholder) }
func (v Value) MarshalText() ([]byte, error)   { return []byte(placeholder), nil }
func (v Value) MarshalJSON() ([]byte, error)   { return []byte(`"` + placeholder + `"`), nil }
func (v Value) GobEncode() ([]byte, error)     { return []byte(placeholder), nil }
func (v Value) MarshalYAML() (any, error)      { return placeholder, nil }
func (v Value) MarshalBinary() ([]byte, error) { return []byte(placeholder), nil }

// UnmarshalJSON reads a secret out of an answer.
func (v *Value) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("cannot read a secret value: not a JSON string") // the decoder's error could quote it
	}
	*v = New(s)
	return nil
}
