package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/secret"
)

// Window is how old a request may be, and how far ahead its clock.
const Window = 5 * time.Minute

// LargestBody bounds a request of Slack's, in bytes.
const LargestBody = 256 << 10

// ErrUnsigned means that a request was not signed by Slack, or is too old.
var ErrUnsigned = errors.New("the request is not signed by Slack, or is too old")

// Verify checks a request's signature, in the same time whatever is wrong with it,
// and returns what the request can be known again by.
// https://docs.slack.dev/authentication/verifying-requests-from-slack
func Verify(signing secret.Value, h http.Header, body []byte, now time.Time) (digest string, err error) {
	stamps, signatures := h.Values("X-Slack-Request-Timestamp"), h.Values("X-Slack-Signature")
	if signing.Len() < 16 || len(stamps) != 1 || len(signatures) != 1 || len(body) > LargestBody {
		return "", ErrUnsigned
	}
	m := hmac.New(sha256.New, []byte(signing.Reveal()))
	fmt.Fprintf(m, "v0:%s:", stamps[0])
	m.Write(body)
	want := "v0=" + hex.EncodeToString(m.Sum(nil))
	right := hmac.Equal([]byte(want), []byte(signatures[0]))
	at, bad := strconv.ParseInt(stamps[0], 10, 64)
	age := now.Sub(time.Unix(at, 0)).Abs()
	if !right || bad != nil || age > Window || stamps[0] != strconv.FormatInt(at, 10) {
		return "", ErrUnsigned
	}
	sum := sha256.Sum256([]byte(want))
	return hex.EncodeToString(sum[:]), nil
}

// Press is a button that somebody has pressed.
type Press struct {
	Team     string // T0123
	User     string // U0123
	UserName string
	App      string
	Alert    string
	Days     int    // of a snooze; 0: acknowledged
	Answer   string // response_url, where an answer for that person goes; at hooks.slack.com, else empty
}

// ErrNotOurs means that a request is nothing that a button of ours sends.
var ErrNotOurs = errors.New("the request is not one of our buttons'")

// Parse reads the body of a request: a form with a JSON document in it.
// https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
func Parse(body []byte) (p Press, err error) {
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["payload"]) != 1 {
		return p, ErrNotOurs
	}
	var doc struct {
		Type string
		User struct{ ID, Username, Name string }
		Team struct{ ID string }
		App  string `json:"api_app_id"`
		URL  string `json:"response_url"`

		Actions []struct {
			ID       string `json:"action_id"`
			Value    string
			Selected struct{ Value string } `json:"selected_option"`
		}
	}
	if json.Unmarshal([]byte(form.Get("payload")), &doc) != nil || doc.Type != "block_actions" || len(doc.Actions) != 1 || !word(doc.User.ID) || !word(doc.Team.ID) {
		return p, ErrNotOurs
	}
	p = Press{Team: doc.Team.ID, User: doc.User.ID, UserName: doc.User.Username, App: doc.App}
	if p.UserName == "" {
		p.UserName = doc.User.Name
	}
	if u, err := url.Parse(doc.URL); err == nil && u.Scheme == "https" && u.Host == "hooks.slack.com" && u.User == nil {
		p.Answer = doc.URL
	}
	switch a := doc.Actions[0]; a.ID {
	case ActionAcknowledge:
		p.Alert = a.Value
	case ActionSnooze:
		alert, days, _ := strings.Cut(a.Selected.Value, " ")
		i := slices.Index([]string{"1", "3", "7"}, days)
		if i < 0 {
			return p, ErrNotOurs
		}
		p.Alert, p.Days = alert, []int{1, 3, 7}[i]
	case actionOpen:
		return p, nil // Slack tells of links too
	default:
		return p, ErrNotOurs
	}
	if hexa, ok := strings.CutPrefix(p.Alert, "a-"); !ok || len(hexa) != 16 || strings.Trim(hexa, "0123456789abcdef") != "" {
		return p, ErrNotOurs
	}
	return p, nil
}

// word reports whether an id is one of Slack's.
func word(id string) bool {
	return id != "" && len(id) <= 32 && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}
