package daemon

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.opentelemetry.io/otel/sdk/trace"

	wire "rekey.example/rekey/api"
)

// scrape asks for /metrics as whoever has the token.
func (w *town) scrape(token string) (status int, body string) {
	w.t.Helper()
	r := httptest.NewRequest("GET", "/metrics", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer := httptest.NewRecorder()
	w.daemon.Handler().ServeHTTP(answer, r)
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer.Code, string(raw)
}

// TestMetrics: a scraper with a token gets the numbers that the API tells too, in
// a form that Prometheus' own parser reads; without one it gets nothing.
func TestMetrics(t *testing.T) {
	w := newTown(t, 3)
	w.sync()
	made, err := w.local().CreateToken(t.Context(), wire.TokenRequest{Name: "prometheus", Role: wire.GivenRoleAuditor})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "rk_000000000000000000000000000000000000000"} {
		if status, body := w.scrape(token); status != http.StatusUnauthorized || strings.Contains(body, "rekey_credential") {
			t.Errorf("with the token %q: %d %.100s", token, status, body)
		}
	}
	w.scrape(made.Secret) // the second one finds the first among the requests
	status, body := w.scrape(made.Secret)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	known, err := w.local().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := known.Tenants[0].Expiring
	got := map[string]float64{}
	for _, m := range families["rekey_credentials"].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == "ends" {
				got[l.GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	for ends, want := range map[string]int{"expired": counts.Expired, "7d": counts.Days7, "30d": counts.Days30, "90d": counts.Days90, "later": counts.Later, "unknown": counts.Unknown} {
		if int(got[ends]) != want {
			t.Errorf("%s: %v credentials, the API says %d", ends, got[ends], want)
		}
	}
	if n := len(families["rekey_credential_expiry_timestamp_seconds"].GetMetric()); n == 0 || n > known.Tenants[0].Counts.Credentials {
		t.Errorf("%d series of credentials", n)
	}
	for _, name := range []string{"rekey_orphans", "rekey_watch_markers", "rekey_audit_backlog", "rekey_held", "rekey_rotations_total", "rekey_http_request_duration_seconds", "rekey_build_info", "rekey_findings_open"} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if failed := families["rekey_scrape_failed"].GetMetric()[0].GetGauge().GetValue(); failed != 0 {
		t.Error("some numbers could not be read")
	}
}

// kept is an exporter that keeps what it is given.
type kept struct {
	mu    sync.Mutex
	spans []trace.ReadOnlySpan
}

func (k *kept) ExportSpans(_ context.Context, spans []trace.ReadOnlySpan) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.spans = append(k.spans, spans...)
	return nil
}

func (*kept) Shutdown(context.Context) error { return nil }

// TestTraces: a rotation is one trace with its eight steps, requests to the clouds
// are there, and nothing leaves but what is allowed: no name, no address with its
// query, no value.
func TestTraces(t *testing.T) {
	k := new(kept)
	w := newTown(t, 0)
	w.close()
	w.config.Spans = k
	w.open()
	oneRotation(t, w)
	if status, _ := w.scrape(""); status != http.StatusUnauthorized {
		t.Errorf("%d", status)
	}
	w.close()

	steps, hosts, traces := []string{}, map[string]bool{}, map[string]bool{}
	allowed := regexp.MustCompile(`^(rekey\.(rotation|plan|step|outcome)|http\.request\.method|http\.route|http\.response\.status_code|server\.address|error\.type)$`)
	for _, s := range k.spans {
		text := s.Name()
		for _, a := range s.Attributes() {
			text += " " + a.Value.Emit()
			if !allowed.MatchString(string(a.Key)) {
				t.Errorf("the attribute %s has left", a.Key)
			}
			switch a.Key {
			case "rekey.step":
				steps = append(steps, a.Value.AsString())
				traces[s.SpanContext().TraceID().String()] = true
			case "server.address":
				hosts[a.Value.AsString()] = true
			}
		}
		for _, bad := range []string{"?", w.tenant.Demo.Name, "Basware", w.tenant.ID, "contoso.com", "Bearer"} {
			if strings.Contains(text, bad) {
				t.Errorf("a span tells %q: %s", bad, text)
			}
		}
	}
	slices.Sort(steps)
	if want := []string{"approve", "deposit", "issue", "overlap", "propagate", "verify", "watch", "withdraw"}; !slices.Equal(slices.Compact(steps), want) || len(traces) != 1 {
		t.Errorf("the steps %q in %d traces", steps, len(traces))
	}
	if !hosts["graph.microsoft.com"] || !hosts["login.microsoftonline.com"] {
		t.Errorf("spans of requests to %v", hosts)
	}
}
