package rooms

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

var errLarge = errors.New("the body is too large")

func readAll(q *http.Request, most int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(q.Body, most+1))
	if int64(len(raw)) > most {
		err = errLarge
	}
	return raw, err
}

// Pager answers as events.pagerduty.com.
func (r *Rooms) Pager(w http.ResponseWriter, q *http.Request) {
	refuse := func(why ...string) {
		answer(w, http.StatusBadRequest, map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": why})
	}
	if q.URL.Path != "/v2/enqueue" || q.Method != http.MethodPost {
		http.NotFound(w, q)
		return
	}
	var e struct {
		Key     string `json:"routing_key"`
		Action  string `json:"event_action"`
		Dedup   string `json:"dedup_key"`
		Payload *struct{ Summary, Source, Severity string }
	}
	raw, err := readAll(q, 512<<10)
	switch {
	case err != nil || json.Unmarshal(raw, &e) != nil:
		refuse("JSON cannot be parsed")
	case e.Key != PagerKey:
		refuse("Invalid routing key")
	case !slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action):
		refuse("'event_action' is invalid (must be one of: 'trigger', 'acknowledge', 'resolve')")
	case e.Action != "trigger" && e.Dedup == "":
		refuse("'dedup_key' is missing or blank")
	case len(e.Dedup) > 255:
		refuse("'dedup_key' is too long (maximum is 255 characters)")
	case e.Action == "trigger" && (e.Payload == nil || e.Payload.Summary == "" || e.Payload.Source == ""):
		refuse("'payload.summary' is missing or blank")
	case e.Action == "trigger" && len([]rune(e.Payload.Summary)) > 1024:
		refuse("'payload.summary' is too long (maximum is 1024 characters)")
	case e.Action == "trigger" && !slices.Contains([]string{"critical", "error", "warning", "info"}, e.Payload.Severity):
		refuse("'payload.severity' is invalid")
	default:
		r.mu.Lock()
		r.events++
		before := r.incidents[e.Dedup]
		switch {
		case e.Action == "trigger" && before != "acknowledged":
			r.incidents[e.Dedup] = "triggered"
		case e.Action == "acknowledge" && before == "triggered":
			r.incidents[e.Dedup] = "acknowledged"
		case e.Action == "resolve" && before != "":
			r.incidents[e.Dedup] = "resolved"
		}
		r.mu.Unlock()
		answer(w, http.StatusAccepted, map[string]string{"status": "success", "message": "Event processed", "dedup_key": e.Dedup})
	}
}

// Ingest answers as *.ingest.monitor.azure.com.
func (r *Rooms) Ingest(w http.ResponseWriter, q *http.Request) {
	_, err := r.w.Bearer(q.Header.Get("Authorization"), "https://monitor.azure.com")
	parts := strings.Split(strings.Trim(q.URL.Path, "/"), "/")
	switch {
	case q.Method != http.MethodPost || len(parts) != 4 || parts[0] != "dataCollectionRules" || parts[2] != "streams":
		azure(w, http.StatusNotFound, "NotFound", "The resource you requested could not be found.")
	case q.URL.Query().Get("api-version") != "2023-01-01":
		azure(w, http.StatusBadRequest, "InvalidApiVersion", "The specified api-version is not supported.")
	case errors.Is(err, world.ErrWrongAudience), errors.Is(err, world.ErrWrongTenant):
		azure(w, http.StatusForbidden, "InvalidToken", "The token does not have a valid audience.")
	case err != nil:
		azure(w, http.StatusUnauthorized, "AuthenticationFailed", "Authentication failed. The access token is missing, expired or not valid.")
	case parts[1] != Rule:
		azure(w, http.StatusNotFound, "NotFound", "Data collection rule with immutable Id '"+parts[1]+"' not found.")
	case !r.Publisher:
		azure(w, http.StatusForbidden, "OperationFailed", "The authentication token provided does not have access to ingest data for the data collection rule with immutable Id '"+Rule+"'.")
	case parts[3] != Stream:
		azure(w, http.StatusBadRequest, "InvalidStream", "The stream "+parts[3]+" was not configured in the data collection rule.")
	default:
		raw, err := readAll(q, 1<<20)
		var rows []json.RawMessage
		switch {
		case errors.Is(err, errLarge):
			azure(w, http.StatusRequestEntityTooLarge, "ContentLengthLimitExceeded", "Maximum allowed content length: 1048576 bytes (1 MB).")
		case json.Unmarshal(raw, &rows) != nil:
			azure(w, http.StatusBadRequest, "InvalidPayload", "The payload is not a JSON array of objects.")
		default:
			r.mu.Lock()
			r.rows = append(r.rows, rows...)
			r.mu.Unlock()
			w.WriteHeader(http.StatusNoContent)
		}
	}
}
