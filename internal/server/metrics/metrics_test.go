package metrics

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"gopkg.in/yaml.v3"
)

// TestDashboardAndRulesSpeakOfWhatThereIs: a panel or a rule with a name that
// nothing tells would be empty, and look like all is well.
func TestDashboardAndRulesSpeakOfWhatThereIs(t *testing.T) {
	names := map[string]bool{}
	m := New(Config{})
	m.Request("GET", "/livez", 200, time.Second)
	m.Step("planned", "issue", time.Second)
	described := make(chan *prometheus.Desc, 100)
	new(world).Describe(described)
	close(described)
	called := regexp.MustCompile(`fqName: "([a-z_]+)"`)
	for d := range described {
		names[called.FindStringSubmatch(d.String())[1]] = true
	}
	for _, histogram := range []string{"rekey_http_request_duration_seconds", "rekey_saga_step_duration_seconds"} {
		for _, end := range []string{"_bucket", "_count", "_sum"} {
			names[histogram+end] = true
		}
	}
	used := regexp.MustCompile(`\brekey_[a-z_]+`)
	for _, file := range []string{"grafana/rekey.json", "prometheus/rekey.rules.yaml"} {
		raw, err := os.ReadFile(filepath.Join("../../../deploy", file))
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if strings.HasSuffix(file, ".json") {
			err = json.Unmarshal(raw, &doc)
		} else {
			err = yaml.Unmarshal(raw, &doc)
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		seen := map[string]bool{}
		for _, name := range used.FindAllString(string(raw), -1) {
			seen[name] = true
			if !names[name] {
				t.Errorf("%s speaks of %s, which there is not; there are %q", file, name, slices.Sorted(maps.Keys(names)))
			}
		}
		if len(seen) < 5 {
			t.Errorf("%s speaks of %d metrics only", file, len(seen))
		}
	}
}

func TestLabels(t *testing.T) {
	for name, want := range map[string]string{
		"D365_Basware":               "D365_Basware",
		"a\nb\x1b[31m\u202ec\u200bd": "a?b?[31m?c?d",
		"\xff":                       "?",
		strings.Repeat("x", 10000):   strings.Repeat("x", 119) + "…",
		`quote" and \ and {}`:        `quote" and \ and {}`,
	} {
		if got := label(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	for status, want := range map[int]string{0: "other", 99: "other", 200: "2xx", 404: "4xx", 503: "5xx", 1000: "other"} {
		if got := class(status); got != want {
			t.Errorf("%d is %s, want %s", status, got, want)
		}
	}
}
