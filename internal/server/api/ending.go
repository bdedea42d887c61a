package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"rekey.example/rekey/internal/inventory"
)

// mark is what listEnding gives its caller to remember: up to when everything was
// told, and inside a long answer where it goes on.
type mark struct {
	From  time.Time `json:"f"`           // told before; zero: nothing was
	To    time.Time `json:"t"`           // told with this answer
	After string    `json:"a,omitempty"` // position of the last one told, if the answer was too long
}

func (m mark) String() string {
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err) // times and a text
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseMark(text string) (m mark, err error) {
	if text == "" {
		return mark{To: time.Now().UTC()}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil || m.To.IsZero() || m.To.After(time.Now().Add(time.Hour)) {
		return m, invalid("since", "is not from an answer of this list; leave it out to begin anew")
	}
	if m.After == "" {
		m = mark{From: m.To, To: time.Now().UTC()}
	}
	return m, nil
}

// tells reports whether a credential came within the time between two answers:
// it got there, or it was made so short.
func (m mark) tells(r inventory.Row, within time.Duration) bool {
	if m.From.IsZero() {
		return !r.Expires.After(m.To.Add(within))
	}
	came := r.Expires.After(m.From.Add(within)) || r.Starts.After(m.From)
	return came && !r.Expires.After(m.To.Add(within))
}

const (
	usualWithin = 30 * 24 * time.Hour
	mostEnding  = 250 // at once; a flow starts one run for each
)

// ListEnding tells what has come close to its end since the last answer.
func (s *service) ListEnding(ctx context.Context, in ListEndingRequestObject) (ListEndingResponseObject, error) {
	within := usualWithin
	if in.Params.Within != "" {
		var err error
		if within, err = span("within", in.Params.Within); err != nil {
			return nil, err
		}
	}
	m, err := parseMark(in.Params.Since)
	if err != nil {
		return nil, err
	}
	q := inventory.Query{Expiring: within, After: m.After, Limit: mostEnding}
	found := []inventory.Row{}
	for {
		list, err := s.Inventory.Credentials(ctx, actorOf(ctx), q)
		if err != nil {
			return nil, err
		}
		for _, r := range list.Rows {
			if m.tells(r, within) {
				found = append(found, r)
			}
		}
		if m.After = list.Next; m.After == "" || len(found) >= mostEnding {
			break
		}
		q.After = m.After
	}
	return ListEnding200JSONResponse{Value: each(found, wireCredential), Since: m.String()}, nil
}
