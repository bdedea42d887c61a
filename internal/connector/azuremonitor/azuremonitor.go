// Package azuremonitor plays channel: it writes alerts as rows into a table of a Log
// Analytics workspace, through the Logs Ingestion API.
//
// The rows go to a data collection endpoint, by a rule and a stream of it, with a
// token of rekey's own identity for https://monitor.azure.com; the identity needs
// the role Monitoring Metrics Publisher on the rule. A table takes a row twice; the
// MessageId is the same then, and queries that want each once take the last of it.
package azuremonitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
)

// Config is one table.
type Config struct {
	Name       string
	Endpoint   string // of data collection: https://NAME.REGION-1.ingest.monitor.azure.com
	Rule       string // its immutable id: dcr-...
	Stream     string // Custom-Rekey_CL
	Transport  http.RoundTripper
	Credential azcore.TokenCredential
}

// Table is a channel.
type Table struct {
	name string
	api  *rest.Client
	path string
}

var _ connector.Channel = (*Table)(nil)

var (
	ruleID = regexp.MustCompile(`^dcr-[0-9a-f]{32}$`)
	stream = regexp.MustCompile(`^Custom-[0-9A-Za-z_]{1,80}$`)
)

const (
	version = "2023-01-01"
	scope   = "https://monitor.azure.com/.default"
)

// Open checks a configuration. Nothing is sent.
func Open(c Config) (*Table, error) {
	u, err := url.Parse(c.Endpoint)
	wrong := ""
	switch {
	case err != nil || u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil || u.Port() != "":
		wrong = "its endpoint is not one like https://NAME.REGION-1.ingest.monitor.azure.com"
	case !strings.HasSuffix(u.Host, ".ingest.monitor.azure.com"):
		wrong = "its endpoint is not one of data collection: those end in .ingest.monitor.azure.com"
	case !ruleID.MatchString(c.Rule):
		wrong = "its rule is not the immutable id of one: dcr- and 32 digits"
	case !stream.MatchString(c.Stream):
		wrong = "its stream is not one like Custom-Rekey_CL"
	}
	if wrong != "" {
		return nil, fmt.Errorf("cannot use Azure Monitor channel %q: %s", c.Name, wrong)
	}
	api, err := rest.New(rest.Config{Base: "https://" + u.Host, Transport: c.Transport, Credential: c.Credential, Scope: scope})
	if err != nil {
		return nil, fmt.Errorf("cannot use Azure Monitor channel %q: %w", c.Name, err)
	}
	return &Table{name: c.Name, api: api, path: "/dataCollectionRules/" + c.Rule + "/streams/" + c.Stream + "?api-version=" + version}, nil
}

// Traits says that a row that is there twice can be told from two.
func (*Table) Traits() connector.Traits { return connector.Traits{Machine: true, Repeatable: true} }

// row is what the table's stream has to declare; docs/reference/alerts.md lists it.
type row struct {
	TimeGenerated time.Time
	MessageID     string `json:"MessageId"`
	AlertID       string `json:"AlertId"`
	Act           string
	Kind          string
	Severity      string
	Headline      string
	Text          string
	Facts         map[string]string
	Link          string
	Ends          *time.Time
	DaysBefore    int
	Level         int
	Application   string
	ObjectID      string `json:"ObjectId"`
	ClientID      string `json:"ClientId"`
	KeyID         string `json:"KeyId"`
	TenantID      string `json:"RekeyTenantId"` // TenantId is the workspace's own column
}

// Send writes one row for each alert of a message.
func (t *Table) Send(ctx context.Context, m connector.Message) error {
	rows := make([]row, 0, len(m.Items))
	for _, i := range m.Items {
		r := row{
			TimeGenerated: m.Made.UTC(), MessageID: m.ID, AlertID: i.Alert, Act: string(i.Act), Kind: i.Kind, Severity: i.Severity, Headline: i.Headline, Text: i.Text,
			Facts: map[string]string{}, Link: i.Link, DaysBefore: i.Rung, Level: i.Level, Application: i.Application, ObjectID: i.ObjectID, ClientID: i.ClientID, KeyID: i.KeyID, TenantID: m.Tenant,
		}
		if !i.Ends.IsZero() {
			r.Ends = new(i.Ends.UTC())
		}
		for _, f := range i.Facts {
			r.Facts[f.Name] = f.Value
		}
		rows = append(rows, r)
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return connector.Undeliverable("the rows do not encode")
	}
	err = t.api.Once(ctx, rest.Request{Method: http.MethodPost, Path: t.path, Body: body}, nil)
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Refused() && e.Status != http.StatusTooManyRequests {
		err = &connector.UndeliverableError{Why: e.Error()}
	}
	if err != nil {
		return fmt.Errorf("cannot write to Azure Monitor channel %s: %w", t.name, err)
	}
	return nil
}
