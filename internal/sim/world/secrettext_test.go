package world

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestSecretTextChecksum(t *testing.T) {
	for _, text := range []string{
		"abc8Q~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAcWd",
		"zzz8Q~" + strings.Repeat("z", 31) + "blP",
	} {
		if !SecretTextValid(text) {
			t.Errorf("%q is refused", text)
		}
		if SecretTextValid("x" + text[1:]) {
			t.Errorf("%q with another first character is accepted", text)
		}
	}
}

func TestSecretTextHasEntrasForm(t *testing.T) {
	rnd, seen := rand.New(rand.NewPCG(1, 1)), map[string]bool{}
	for range 1000 {
		text := secretText(rnd)
		if !SecretTextValid(text) {
			t.Fatalf("%q is not in Entra's form", text)
		}
		if seen[text] {
			t.Fatalf("%q was drawn twice", text)
		}
		seen[text] = true
	}
}
