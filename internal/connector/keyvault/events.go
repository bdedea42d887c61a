package keyvault

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// EventGrid is what people read of the source.
const EventGrid = "Event Grid"

// Events are what a delivery of Event Grid holds: events of vaults, or the question
// whether they are wanted. Nothing in it is proved: whoever gets it reads the vault
// again.
type Events struct {
	Validation string // the code to send back; empty: no question
	Records    []connector.Record
}

// ErrEvents means that a delivery cannot be read.
var ErrEvents = errors.New("not a delivery of Event Grid")

const mostEvents = 5000

type envelope struct {
	ID      string          `json:"id"`
	Type    string          `json:"eventType"` // Event Grid's schema
	Kind    string          `json:"type"`      // CloudEvents
	At      string          `json:"eventTime"`
	Time    string          `json:"time"`
	Subject string          `json:"subject"`
	Data    json.RawMessage `json:"data"`
}

// ParseEvents reads a delivery in Event Grid's own schema (a list) or as CloudEvents
// 1.0 (one, or a list). See
// https://learn.microsoft.com/azure/event-grid/event-schema-key-vault
func ParseEvents(body []byte) (out Events, err error) {
	body = bytes.TrimSpace(body)
	var list []envelope
	if bytes.HasPrefix(body, []byte("{")) {
		list = make([]envelope, 1)
		err = json.Unmarshal(body, &list[0])
	} else {
		err = json.Unmarshal(body, &list)
	}
	if err != nil || len(list) == 0 || len(list) > mostEvents {
		return out, ErrEvents // the decoder's own error can quote the document
	}
	for _, e := range list {
		if e.Type == "Microsoft.EventGrid.SubscriptionValidationEvent" {
			var d struct {
				Code string `json:"validationCode"`
			}
			if json.Unmarshal(e.Data, &d) != nil || d.Code == "" || len(d.Code) > 512 {
				return out, ErrEvents
			}
			return Events{Validation: d.Code}, nil
		}
		if r, ok := e.record(); ok {
			out.Records = append(out.Records, r)
		}
	}
	return out, nil
}

// The events of secrets and certificates that are kept.
var told = map[string]string{
	"NewVersionCreated": connector.VersionAdded, "NearExpiry": connector.VersionNearEnd, "Expired": connector.VersionEnded,
}

func (e *envelope) record() (connector.Record, bool) {
	kind := e.Type + e.Kind
	rest, ok := strings.CutPrefix(kind, "Microsoft.KeyVault.")
	if !ok || e.ID == "" {
		return connector.Record{}, false
	}
	action := ""
	for _, object := range []string{"Secret", "Certificate"} {
		if what, ok := strings.CutPrefix(rest, object); ok {
			action = told[what]
		}
	}
	at, err := time.Parse(time.RFC3339Nano, e.At+e.Time)
	var fields map[string]any
	if action == "" || err != nil || json.Unmarshal(e.Data, &fields) != nil {
		return connector.Record{}, false
	}
	d := trimmed(fields)
	vault, name := text(d["VaultName"]), text(d["ObjectName"])
	if vault == "" || name == "" {
		return connector.Record{}, false
	}
	detail := map[string]string{"object": text(d["ObjectType"])}
	if end := seconds(d["EXP"]); !end.IsZero() {
		detail["expires"] = end.Format(time.RFC3339)
	}
	return connector.Record{ID: e.ID, Time: at.UTC(), Operation: rest, Outcome: "success", Actor: connector.Someone{Kind: "system", Name: "Key Vault"}, Deeds: []connector.Deed{{
		Action: action, Detail: detail,
		Place: inventory.Place{Vault: strings.ToLower(vault) + ".vault.azure.net", Name: name, Version: text(d["Version"])},
	}}}, true
}

// trimmed takes blanks from the ends of the names: there are samples that have them.
func trimmed(m map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[strings.TrimSpace(k)] = v
	}
	return out
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// seconds reads unix seconds, as a number or as text.
func seconds(v any) time.Time {
	var n float64
	switch v := v.(type) {
	case float64:
		n = v
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil {
			return time.Time{}
		}
		n = f
	}
	if n <= 0 || n > 253402300799 {
		return time.Time{}
	}
	return time.Unix(int64(n), 0).UTC()
}
