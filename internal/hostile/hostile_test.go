package hostile

import "testing"

func TestThereAreFiveHundred(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range Names() {
		seen[n] = true
	}
	if len(seen) < 500 {
		t.Errorf("%d different names, want 500", len(seen))
	}
	t.Logf("%d different names", len(seen))
}
