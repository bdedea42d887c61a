package slack

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/hostile"
	"rekey.example/rekey/internal/secret"
)

func message(name string, items int) connector.Message {
	m := connector.Message{ID: "m", Subject: name, Intro: name, Made: time.Now()}
	for range items {
		m.Items = append(m.Items, connector.Item{Alert: "a-0123456789abcdef", Act: connector.Raised, Severity: "high", Headline: name, Text: name, Facts: []connector.Fact{{Name: name, Value: name}}, Link: "https://rekey.contoso.com/x"})
	}
	return m
}

// TestHostileNamesInBlocks is SAFETY T41 for Slack: all foreign text is plain.
func TestHostileNamesInBlocks(t *testing.T) {
	for _, n := range hostile.Names() {
		for _, items := range []int{1, 40} {
			raw := encode(Blocks(message(n, items), true))
			var doc struct {
				Text   string
				Blocks []any
			}
			if err := json.Unmarshal(raw, &doc); err != nil {
				t.Fatalf("%.40q: %v", n, err)
			}
			if strings.ContainsAny(doc.Text, "<>") || len(doc.Blocks) > 50 {
				t.Errorf("%.40q: %d blocks, %.40q", n, len(doc.Blocks), doc.Text)
			}
			walk(t, doc.Blocks, n)
		}
	}
}

func walk(t *testing.T, v any, name string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walk(t, e, name)
		}
	case map[string]any:
		if text, ok := v["text"].(string); ok {
			if v["type"] != "plain_text" || v["emoji"] != false {
				t.Errorf("%.40q stands in %v", name, v["type"])
			}
			if text == "" || len([]rune(text)) > 3000 || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
				t.Errorf("%.40q: %.60q", name, text)
			}
		}
		if u, ok := v["url"].(string); ok && u != "https://rekey.contoso.com/x" {
			t.Errorf("%.40q: a link to %q", name, u)
		}
		for _, e := range v {
			walk(t, e, name)
		}
	}
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for _, c := range []Config{
		{}, {URL: secret.New("https://hooks.slack.com/services/x"), Token: secret.New("xoxb-1")}, {URL: secret.New("https://hooks.slack.com.evil.example/services/x")}, {URL: secret.New("http://hooks.slack.com/services/x")},
		{URL: secret.New("https://hooks.slack.com/services/x?y=z")}, {Token: secret.New("xoxb-1")}, {Token: secret.New("xoxp-1"), Room: "C1"},
	} {
		if _, err := Open(c); err == nil {
			t.Errorf("%+v was opened", c)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`payload=%7B%22type%22%3A%22block_actions%22%7D`))
	f.Add([]byte(`payload={"type":"block_actions","user":{"id":"U1"},"team":{"id":"T1"},"actions":[{"action_id":"rekey_acknowledge","value":"a-0123456789abcdef"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := Parse(body)
		if err == nil && (!word(p.User) || !word(p.Team) || p.Alert != "" && len(p.Alert) != 18 || p.Answer != "" && !strings.HasPrefix(p.Answer, "https://hooks.slack.com")) {
			t.Errorf("%+v", p)
		}
		if _, err := Verify(secret.New("0123456789abcdef0123"), http.Header{"X-Slack-Request-Timestamp": {"1"}, "X-Slack-Signature": {string(body)}}, body, time.Unix(1, 0)); err == nil {
			t.Error("it was believed")
		}
	})
}
