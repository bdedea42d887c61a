package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// Audits are the tenant's directory audits: who changed which application. They
// come minutes to an hour after the event, and are kept for a month with a paid
// licence, a week without. They need AuditLog.Read.All. See
// https://learn.microsoft.com/graph/api/directoryaudit-list
type Audits struct {
	Witness *Witness      // whose pace it keeps: all reports share one limit
	Keeps   time.Duration // 0 means seven days
	Late    time.Duration // 0 means two hours
}

var _ connector.Recorder = (*Audits)(nil)

// DirectoryAudits is what people read of them.
const DirectoryAudits = "directory audits"

// Name is what people read of it.
func (a *Audits) Name() string { return DirectoryAudits }

// Habits say how late the records come and how long they stay.
func (a *Audits) Habits() connector.Habits {
	return connector.Habits{Keeps: orElse(a.Keeps, 7*24*time.Hour), Late: orElse(a.Late, 2*time.Hour), Window: 31 * 24 * time.Hour, Partner: true}
}

func orElse(d, usual time.Duration) time.Duration {
	if d == 0 {
		return usual
	}
	return d
}

type auditPage struct {
	Next  string        `json:"@odata.nextLink"`
	Value []auditRecord `json:"value"`
}

type auditRecord struct {
	ID          string    `json:"id"`
	Category    string    `json:"category"`
	Correlation string    `json:"correlationId"`
	Result      string    `json:"result"`
	Activity    string    `json:"activityDisplayName"`
	At          time.Time `json:"activityDateTime"`
	By          struct {
		User *struct {
			ID        string `json:"id"`
			Name      string `json:"displayName"`
			Principal string `json:"userPrincipalName"`
			Address   string `json:"ipAddress"`
		} `json:"user"`
		App *struct {
			AppID     string `json:"appId"`
			Name      string `json:"displayName"`
			Principal string `json:"servicePrincipalId"`
		} `json:"app"`
	} `json:"initiatedBy"`
	Targets []struct {
		ID       string `json:"id"`
		Name     string `json:"displayName"`
		Type     string `json:"type"`
		User     string `json:"userPrincipalName"`
		Modified []struct {
			Name string `json:"displayName"`
			Old  string `json:"oldValue"`
			New  string `json:"newValue"`
		} `json:"modifiedProperties"`
	} `json:"targetResources"`
	Details []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"additionalDetails"`
}

// Records yields the records of a span, page by page, the oldest first: a page that
// is lost on the way moves nothing on.
func (a *Audits) Records(ctx context.Context, from, to time.Time, _ func(string) bool) iter.Seq2[connector.Batch, error] {
	link := "/v1.0/auditLogs/directoryAudits?$top=1000&$orderby=" + url.QueryEscape("activityDateTime asc") + "&$filter=" + url.QueryEscape(
		"category eq 'ApplicationManagement' and "+span("activityDateTime", from, to))
	return walkLog(ctx, a.Witness, link, DirectoryAudits, func(body []byte) (connector.Batch, string, error) {
		var p auditPage
		if json.Unmarshal(body, &p) != nil {
			return connector.Batch{}, "", rest.ErrTruncated // the decoder's own error can quote the document
		}
		b := connector.Batch{Records: make([]connector.Record, 0, len(p.Value))}
		for i := range p.Value {
			b.Records = append(b.Records, p.Value[i].record())
		}
		return b, p.Next, nil
	})
}

// span is a filter that holds both ends: a record on the edge comes twice rather
// than never.
func span(field string, from, to time.Time) string {
	return fmt.Sprintf("%s ge %s and %s le %s", field, from.UTC().Truncate(time.Second).Format(time.RFC3339), field, to.UTC().Add(time.Second).Truncate(time.Second).Format(time.RFC3339))
}

// longestLog is more pages than a window can have; a log that goes on behind them
// goes in a circle.
const longestLog = 20_000

// walkLog reads the pages of a log at the pace of the witness.
func walkLog(ctx context.Context, w *Witness, link, name string, decode func([]byte) (connector.Batch, string, error)) iter.Seq2[connector.Batch, error] {
	return func(yield func(connector.Batch, error) bool) {
		for n := 0; link != ""; n++ {
			if n == longestLog {
				yield(connector.Batch{}, fmt.Errorf("%s has no end: %d pages for one window", name, n))
				return
			}
			answer, err := w.page(ctx, link)
			if err != nil {
				if missing(err) {
					err = fmt.Errorf("%s: %w: %w", name, connector.ErrUnrecorded, err)
				}
				yield(connector.Batch{}, err)
				return
			}
			b, next, err := decode(answer)
			if !yield(b, err) || err != nil {
				return
			}
			link = next
		}
	}
}

// page reads one page, in turn.
func (w *Witness) page(ctx context.Context, link string) ([]byte, error) {
	if err := w.turn(ctx); err != nil {
		return nil, err
	}
	answer, err := w.Graph.Read(ctx, link, nil, nil)
	return answer.Body, err
}

func (r *auditRecord) record() connector.Record {
	out := connector.Record{ID: r.ID, Time: r.At, Correlation: strings.ToLower(r.Correlation), Operation: strings.TrimSpace(r.Activity), Outcome: r.Result}
	switch {
	case r.By.User != nil:
		u := r.By.User
		out.Actor = connector.Someone{Kind: "user", ID: inventory.ObjectID(u.ID), Name: u.Principal, Address: u.Address}
		if out.Actor.Name == "" {
			out.Actor.Name = u.Name
		}
	case r.By.App != nil:
		out.Actor = connector.Someone{Kind: "app", ID: inventory.ObjectID(r.By.App.Principal), Name: r.By.App.Name, ClientID: inventory.ClientID(strings.ToLower(r.By.App.AppID))}
	}
	client := ""
	for _, d := range r.Details {
		switch d.Key {
		case "User-Agent":
			out.Through = connector.ThroughAgent(d.Value)
		case "AppId":
			client = strings.ToLower(d.Value)
		}
	}
	var targets []connector.Target
	var list []connector.Modified
	for _, t := range r.Targets {
		name := t.Name
		if name == "" {
			name = t.User
		}
		targets = append(targets, connector.Target{ID: t.ID, Type: t.Type, Name: name})
		for _, m := range t.Modified {
			list = append(list, connector.Modified{Name: m.Name, Old: m.Old, New: m.New})
		}
	}
	out.Deeds = connector.DirectoryDeeds(r.Activity, targets, list)
	for i := range out.Deeds {
		if out.Deeds[i].ClientID == "" {
			out.Deeds[i].ClientID = inventory.ClientID(client)
		}
	}
	return out
}
