package main

import (
	"os"
	"regexp"
	"testing"

	"rekey.example/rekey/internal/diagnosis"
)

// The one place where errors get their codes is server/api/errors.go.
func TestEveryCodeOfTheAPIIsExplained(t *testing.T) {
	source, err := os.ReadFile("../../internal/server/api/errors.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`\b\d{3}, "([a-z_]+)"`).FindAllSubmatch(source, -1)
	if len(found) < 20 {
		t.Fatalf("only %d codes found; they are written otherwise now", len(found))
	}
	for _, m := range found {
		if _, ok := diagnosis.Problems[string(m[1])]; !ok {
			t.Errorf("rekey explain does not know %s", m[1])
		}
	}
}

func TestExplanationsAreFoundAsPeopleTypeThem(t *testing.T) {
	for _, code := range []string{"forbidden", "urn:rekey:problem:forbidden", "FORBIDDEN", "AADSTS7000215", "7000215", "ForbiddenByRbac", "40103", "secret.expired"} {
		if e, ok := explained(code); !ok || e.Meaning == "" || e.Cure == "" {
			t.Errorf("%s: %+v, %v", code, e, ok)
		}
	}
}
