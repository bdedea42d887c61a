package detect_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"rekey.example/rekey/internal/scan/detect"
)

var update = flag.Bool("update", false, "write the generated pages anew")

// TestPageIsCurrent: docs/reference/detectors.md lists what there is.
func TestPageIsCurrent(t *testing.T) {
	const name = "../../../docs/reference/detectors.md"
	want := page(detect.All())
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: go test ./internal/scan/detect -run TestPageIsCurrent -update", name)
	}
}

func page(all []*detect.Detector) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Detectors\n\n`rekey scan` looks for %d kinds of credentials. This page is generated; `rekey scan detectors` prints the same. The class is that of a\n", len(all))
	b.WriteString("plain match: a checksum that matches makes it certain, one that does not makes it broken, and in tests, examples and documentation\nwhat has no mark of its own is possible at most. [scan.md](scan.md) tells the rest.\n\n| id | what | who accepts it | class |\n|---|---|---|---|\n")
	for _, d := range all {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.ID, d.Name, d.Issuer, d.Class)
	}
	return b.String()
}
