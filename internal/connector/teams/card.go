package teams

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
)

// Largest is the most that a workflow takes and Teams shows, in bytes, with room for
// what they add. https://learn.microsoft.com/microsoftteams/limits-specifications-teams
const Largest = 27 << 10

type object = map[string]any

// Card is the request for a message: an Adaptive Card 1.5 with one button for each
// alert that has a page. Items that do not fit are counted. Names stand in text
// runs, which take no markdown.
// https://adaptivecards.io/explorer/TextRun.html
func Card(m connector.Message) []byte {
	for shown := len(m.Items); ; shown-- {
		raw := encode(m, shown)
		if len(raw) <= Largest || shown == 0 {
			return raw
		}
		if len(raw) > 2*Largest {
			shown -= shown / 4
		}
	}
}

func encode(m connector.Message, shown int) []byte {
	body := []any{line(m.Subject, object{"size": "Large", "weight": "Bolder"})}
	if m.Intro != "" {
		body = append(body, line(m.Intro, object{"isSubtle": true}))
	}
	for _, i := range m.Items[:shown] {
		body = append(body, item(i, len(m.Items) == 1))
	}
	if more := m.More + len(m.Items) - shown; more > 0 {
		body = append(body, line(fmt.Sprintf("and %d more", more), object{"isSubtle": true}))
	}
	body = append(body, line(strings.TrimSpace("rekey "+rest.Clean(m.Name, 100)), object{"isSubtle": true, "size": "Small"}))
	card := object{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.5",
		"msteams": object{"width": "Full"}, "fallbackText": text(m.Subject, 200), "body": body,
	}
	if m.Link != "" {
		card["actions"] = []any{object{"type": "Action.OpenUrl", "title": "Open rekey", "url": m.Link}}
	}
	raw, err := json.Marshal(object{"type": "message", "attachments": []any{
		object{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card},
	}})
	if err != nil {
		panic(fmt.Sprintf("a card does not encode: %v", err)) // plain data only; cannot happen
	}
	return raw
}

var colours = map[string]string{"high": "Attention", "medium": "Warning", "low": "Default"}

// item is one alert. Its severity is a word beside the colour.
func item(i connector.Item, alone bool) object {
	head := strings.ToUpper(i.Severity[:min(1, len(i.Severity))]) + i.Severity[min(1, len(i.Severity)):]
	if i.Act == connector.Escalated {
		head += ", nobody has answered yet"
	}
	if i.Again {
		head += ", perhaps for the second time"
	}
	inside := []any{line(head, object{"color": colours[i.Severity], "weight": "Bolder", "size": "Small"})}
	if !alone {
		inside = append(inside, line(i.Headline, object{"weight": "Bolder"}))
	}
	if i.Text != "" {
		inside = append(inside, line(i.Text, nil))
	}
	if len(i.Facts) > 0 {
		facts := []any{}
		for _, f := range i.Facts {
			facts = append(facts, object{"title": plain(f.Name, 60), "value": plain(f.Value, 300)})
		}
		inside = append(inside, object{"type": "FactSet", "facts": facts})
	}
	box := object{"type": "Container", "separator": true, "items": inside}
	if i.Link != "" {
		box["items"] = append(inside, object{"type": "ActionSet", "actions": []any{object{"type": "Action.OpenUrl", "title": "Look at it", "url": i.Link}}})
	}
	return box
}

// line is a text without markdown.
func line(s string, style object) object {
	run := object{"type": "TextRun", "text": text(s, 600)}
	for k, v := range style {
		run[k] = v
	}
	return object{"type": "RichTextBlock", "inlines": []any{run}}
}

// text is a foreign text on one line. Doubled braces are what cards replace by
// dates, and templates by data.
func text(s string, longest int) string {
	return strings.NewReplacer("{{", "{ {", "${", "$ {").Replace(rest.Clean(s, longest))
}

// plain is a text where markdown counts: what could begin something is escaped.
// https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features
func plain(s string, longest int) string {
	var b strings.Builder
	for _, r := range text(s, longest) {
		if r < unicode.MaxASCII && strings.ContainsRune("\\`*_[]()<>#~|!", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(b.String(), "://", ":\u200b//") // what looks like an address is no link
}
