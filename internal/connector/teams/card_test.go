package teams

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/hostile"
	"rekey.example/rekey/internal/secret"
)

func message(name string, items int) connector.Message {
	m := connector.Message{ID: "m", Name: name, Subject: name, Made: time.Now(), Link: "https://rekey.contoso.com/alerts"}
	for range items {
		m.Items = append(m.Items, connector.Item{Alert: "a", Severity: "high", Headline: name, Text: name, Facts: []connector.Fact{{Name: name, Value: name}}, Link: "https://rekey.contoso.com/credentials/k"})
	}
	return m
}

// TestHostileNamesInCards is SAFETY T41 for cards: markdown counts only in facts,
// where it is escaped, and no card is larger than Teams takes.
func TestHostileNamesInCards(t *testing.T) {
	for _, n := range hostile.Names() {
		for _, items := range []int{1, 40} {
			raw := Card(message(n, items))
			if len(raw) > Largest {
				t.Errorf("%.40q, %d items: %d bytes", n, items, len(raw))
			}
			var doc any
			if err := json.Unmarshal(raw, &doc); err != nil {
				t.Fatalf("%.40q: %v", n, err)
			}
			links := 0
			walk(t, doc, &links, n)
			if items == 1 && links != 2 {
				t.Errorf("%.40q: %d links", n, links)
			}
		}
	}
}

// walk looks at every object of a card.
func walk(t *testing.T, v any, links *int, name string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walk(t, e, links, name)
		}
	case map[string]any:
		if v["type"] == "TextBlock" {
			t.Errorf("%.40q stands in a block that takes markdown", name)
		}
		if v["type"] == "Action.OpenUrl" {
			*links++
			if u, _ := v["url"].(string); !strings.HasPrefix(u, "https://rekey.contoso.com/") {
				t.Errorf("%.40q: a link to %q", name, u)
			}
		}
		if value, ok := v["value"].(string); ok {
			bare := strings.NewReplacer(`\\`, "", `\[`, "", `\]`, "", `\(`, "", `\<`, "", "\\`", "", `\*`, "", `\_`, "", `\!`, "").Replace(value)
			if strings.ContainsAny(bare, "[]<`*_!") || strings.Contains(value, "://") || strings.Contains(value, "{{") {
				t.Errorf("a fact is %.60q", value)
			}
		}
		for _, e := range v {
			if s, ok := e.(string); ok && strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r != '\u200b' && unicode.Is(unicode.Cf, r) }) {
				t.Errorf("%.40q: control characters in %.40q", name, s)
			}
			walk(t, e, links, name)
		}
	}
}

func TestOnlyWorkflowsArePostedTo(t *testing.T) {
	for address, want := range map[string]bool{
		"https://prod-1.westeurope.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=s":                         true,
		"https://default1.2.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/x/triggers?sig=s": true,
		"https://x.powerautomate.com/y?sig=s":                            true,
		"https://logic.azure.com/x?sig=s":                                false,
		"https://evil.example/?x=.logic.azure.com&sig=s":                 false,
		"https://x.logic.azure.com.evil.example/?sig=s":                  false,
		"https://u@x.logic.azure.com/?sig=s":                             false,
		"http://x.logic.azure.com/?sig=s":                                false,
		"https://x.logic.azure.com:8443/?sig=s":                          false,
		"https://x.logic.azure.com/y":                                    false,
		"https://contoso.webhook.office.com/webhookb2/x/IncomingWebhook": false,
	} {
		_, err := Open(Config{Name: "x", URL: secret.New(address)})
		if (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "sig=s") {
			t.Errorf("the error shows the address: %v", err)
		}
	}
}
