// Package rooms pretends to be what alerts are sent to: a workflow that posts to
// Microsoft Teams, Slack, PagerDuty's Events API v2, and the Logs Ingestion API of
// Azure Monitor. Each refuses what the real one refuses, in its words, and keeps
// what it took.
package rooms

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"rekey.example/rekey/internal/sim/world"
)

// The addresses and keys that are right here.
const (
	TeamsURL   = "https://prod-12.westeurope.logic.azure.com:443/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=sim-Sig_n4tureOfTheWorkflow0123456789ab"
	SlackURL   = "https://hooks.slack.com/services/T0SIM/B0SIM/simIncomingWebhookToken1"
	SlackToken = "xoxb-sim-0123456789-bottoken"
	SlackRoom  = "C0SIMROOM"
	PagerKey   = "51m0123456789abcdef0123456789abc"
	Endpoint   = "https://rekey-sim-a1b2.westeurope-1.ingest.monitor.azure.com"
	Rule       = "dcr-0123456789abcdef0123456789abcdef"
	Stream     = "Custom-Rekey_CL"
)

// Rooms keep what they took.
type Rooms struct {
	w  *world.World
	mu sync.Mutex

	cards     []json.RawMessage
	posts     []json.RawMessage
	rows      []json.RawMessage
	incidents map[string]string // state by dedup_key
	events    int
	Off       bool // the workflow is turned off
	Publisher bool // the caller's identity has the role on the rule
}

// New returns empty rooms.
func New(w *world.World) *Rooms {
	return &Rooms{w: w, incidents: map[string]string{}, Publisher: true}
}

// Cards are those that the workflow posted.
func (r *Rooms) Cards() []json.RawMessage { return r.copied(&r.cards) }

// Posts are Slack's messages.
func (r *Rooms) Posts() []json.RawMessage { return r.copied(&r.posts) }

// Rows are those of the table.
func (r *Rooms) Rows() []json.RawMessage { return r.copied(&r.rows) }

func (r *Rooms) copied(list *[]json.RawMessage) []json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(*list)
}

// Incidents are PagerDuty's, by dedup_key: triggered, acknowledged or resolved.
func (r *Rooms) Incidents() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]string{}
	for k, v := range r.incidents {
		out[k] = v
	}
	return out
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if v != nil {
		json.NewEncoder(w).Encode(v) // the caller may be gone
	}
}

func azure(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

// Teams answers as *.logic.azure.com.
func (r *Rooms) Teams(w http.ResponseWriter, q *http.Request) {
	right, sig, _ := strings.Cut(TeamsURL, "&sig=")
	switch {
	case !strings.HasSuffix(strings.SplitN(right, "?", 2)[0], q.URL.Path):
		azure(w, http.StatusNotFound, "WorkflowNotFound", "The workflow could not be found.")
	case q.Method != http.MethodPost:
		azure(w, http.StatusNotFound, "InvalidRequest", "The request method is not that of the trigger.")
	case q.URL.Query().Get("api-version") == "":
		azure(w, http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	case q.URL.Query().Get("sig") != sig:
		azure(w, http.StatusUnauthorized, "DirectApiInvalidAuthorizationScheme", "The provided authentication scheme is not supported, or the signature is not that of the workflow.")
	case r.Off:
		azure(w, http.StatusBadRequest, "WorkflowTriggerIsNotEnabled", "Could not execute workflow trigger 'manual' because the workflow is disabled.")
	default:
		r.card(w, q)
	}
}

func (r *Rooms) card(w http.ResponseWriter, q *http.Request) {
	var doc struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     struct {
				Type, Version string
				Body          []json.RawMessage
			}
		}
	}
	raw, err := readAll(q, 256<<10)
	if err != nil || json.Unmarshal(raw, &doc) != nil || doc.Type != "message" || len(doc.Attachments) != 1 {
		azure(w, http.StatusBadRequest, "TriggerInputSchemaMismatch", "The input body for trigger 'manual' of type 'Request' did not match its schema definition.")
		return
	}
	a := doc.Attachments[0]
	if a.ContentType == "application/vnd.microsoft.card.adaptive" && a.Content.Type == "AdaptiveCard" && slices.Contains([]string{"1.0", "1.1", "1.2", "1.3", "1.4", "1.5"}, a.Content.Version) && len(raw) <= 28<<10 {
		r.keep(&r.cards, raw)
	}
	w.WriteHeader(http.StatusAccepted) // the workflow fails later, unseen, over what is no card
}

func (r *Rooms) keep(list *[]json.RawMessage, raw json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, raw)
}

// Slack answers as hooks.slack.com and slack.com.
func (r *Rooms) Slack(w http.ResponseWriter, q *http.Request) {
	say := func(status int, text string) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
	raw, err := readAll(q, 256<<10)
	host := strings.Split(q.Host, ":")[0]
	switch {
	case host == "hooks.slack.com" && !strings.HasSuffix(SlackURL, q.URL.Path):
		say(http.StatusNotFound, "no_service")
	case host == "hooks.slack.com" && (err != nil || blockTrouble(raw) != ""):
		say(http.StatusBadRequest, "invalid_blocks")
	case host == "hooks.slack.com":
		r.keep(&r.posts, raw)
		say(http.StatusOK, "ok")
	case q.URL.Path != "/api/chat.postMessage":
		answer(w, http.StatusOK, map[string]any{"ok": false, "error": "unknown_method"})
	case q.Header.Get("Authorization") != "Bearer "+SlackToken:
		answer(w, http.StatusOK, map[string]any{"ok": false, "error": "invalid_auth"})
	default:
		var doc struct{ Channel string }
		_ = json.Unmarshal(raw, &doc) // blockTrouble says whether it is a document
		switch why := blockTrouble(raw); {
		case why != "":
			answer(w, http.StatusOK, map[string]any{"ok": false, "error": why})
		case doc.Channel != SlackRoom:
			answer(w, http.StatusOK, map[string]any{"ok": false, "error": "channel_not_found"})
		default:
			r.keep(&r.posts, raw)
			answer(w, http.StatusOK, map[string]any{"ok": true, "channel": SlackRoom, "ts": "1700000000.000100"})
		}
	}
}

// blockTrouble is what Slack finds wrong with a message.
func blockTrouble(raw []byte) string {
	var doc struct {
		Text   string
		Blocks []struct {
			Type     string
			Text     *struct{ Type, Text string }
			Fields   []struct{ Type, Text string }
			Elements []json.RawMessage
		}
	}
	if json.Unmarshal(raw, &doc) != nil {
		return "invalid_json"
	}
	if len(doc.Blocks) > 50 || doc.Text == "" && len(doc.Blocks) == 0 {
		return "invalid_blocks"
	}
	for _, b := range doc.Blocks {
		longest := 3000
		if b.Type == "header" {
			longest = 150
		}
		if !slices.Contains([]string{"header", "section", "context", "divider", "actions"}, b.Type) || b.Text != nil && (b.Text.Text == "" || len([]rune(b.Text.Text)) > longest) || len(b.Fields) > 10 || b.Type == "actions" && len(b.Elements) == 0 {
			return "invalid_blocks"
		}
		for _, f := range b.Fields {
			if f.Text == "" || len([]rune(f.Text)) > 2000 {
				return "invalid_blocks"
			}
		}
	}
	return ""
}
