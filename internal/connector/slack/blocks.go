package slack

import (
	"fmt"
	"strings"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
)

// Slack's limits. https://docs.slack.dev/reference/block-kit/blocks
const (
	longestHeader = 150
	longestText   = 2900
	mostBlocks    = 48
	mostFacts     = 5 // two fields each
)

type object = map[string]any

// The actions of buttons. Their value is the alert's id.
const (
	ActionAcknowledge = "rekey_acknowledge"
	ActionSnooze      = "rekey_snooze"
	actionOpen        = "rekey_open"
)

// Blocks is a message as Block Kit has it. Items that do not fit are counted.
func Blocks(m connector.Message, buttons bool) object {
	blocks := []any{object{"type": "header", "text": plain(m.Subject, longestHeader)}}
	if m.Intro != "" {
		blocks = append(blocks, object{"type": "context", "elements": []any{plain(m.Intro, longestText)}})
	}
	shown := 0
	for _, i := range m.Items {
		part := item(i, buttons && !m.Test, len(m.Items) == 1)
		if len(blocks)+len(part) > mostBlocks {
			break
		}
		blocks = append(blocks, part...)
		shown++
	}
	if more := m.More + len(m.Items) - shown; more > 0 {
		blocks = append(blocks, object{"type": "context", "elements": []any{plain(fmt.Sprintf("and %d more", more), 100)}})
	}
	return object{"text": fallback(m.Subject), "blocks": blocks, "unfurl_links": false, "unfurl_media": false}
}

func item(i connector.Item, buttons, alone bool) []any {
	head := strings.ToUpper(i.Severity)
	if i.Act == connector.Escalated {
		head += ", nobody has answered yet"
	}
	if i.Again {
		head += ", perhaps for the second time"
	}
	text := head
	if !alone {
		text += "\n" + rest.Clean(i.Headline, 600)
	}
	if i.Text != "" {
		text += "\n" + rest.Clean(i.Text, 1200)
	}
	section := object{"type": "section", "text": object{"type": "plain_text", "text": text, "emoji": false}}
	fields := []any{}
	for _, f := range i.Facts[:min(len(i.Facts), mostFacts)] {
		fields = append(fields, plain(f.Name, 100), plain(f.Value, 900))
	}
	if len(fields) > 0 {
		section["fields"] = fields
	}
	actions := []any{}
	if i.Link != "" {
		actions = append(actions, object{"type": "button", "action_id": actionOpen, "text": plain("Look at it", 75), "url": i.Link})
	}
	if buttons && (i.Act == connector.Raised || i.Act == connector.Escalated) {
		actions = append(actions,
			object{"type": "button", "action_id": ActionAcknowledge, "text": plain("Acknowledge", 75), "value": i.Alert},
			object{"type": "static_select", "action_id": ActionSnooze, "placeholder": plain("Lay aside for ...", 75), "options": []any{
				option("1 day", i.Alert+" 1"), option("3 days", i.Alert+" 3"), option("7 days", i.Alert+" 7"),
			}})
	}
	if len(actions) == 0 {
		return []any{object{"type": "divider"}, section}
	}
	return []any{object{"type": "divider"}, section, object{"type": "actions", "elements": actions}}
}

func option(text, value string) object { return object{"text": plain(text, 75), "value": value} }

// plain is a text that Slack shows as it is: no markup, no mentions, no emoji.
func plain(s string, longest int) object {
	s = rest.Clean(s, longest-3)
	if s == "" {
		s = "-" // Slack refuses an empty one
	}
	return object{"type": "plain_text", "text": s, "emoji": false}
}

// fallback is what notifications show, where the three characters count.
// https://docs.slack.dev/messaging/formatting-message-text#escaping
func fallback(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(rest.Clean(s, 300))
}
