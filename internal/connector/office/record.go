package office

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// record is what is read of an audit record.
type record struct {
	ID          string `json:"Id"`
	Type        int    `json:"RecordType"`
	At          moment `json:"CreationTime"`
	Operation   string `json:"Operation"`
	Result      string `json:"ResultStatus"`
	UserID      string `json:"UserId"`
	Object      string `json:"ObjectId"`
	ClientIP    string `json:"ClientIP"`
	ActorIP     string `json:"ActorIpAddress"`
	Correlation string `json:"InterSystemsId"`
	Extended    []pair `json:"ExtendedProperties"`
	Modified    []struct {
		Name string `json:"Name"`
		New  string `json:"NewValue"`
		Old  string `json:"OldValue"`
	} `json:"ModifiedProperties"`
	Actor  []identity `json:"Actor"`
	Target []identity `json:"Target"`
}

type pair struct{ Name, Value string }

type identity struct {
	ID   string `json:"ID"`
	Type int    `json:"Type"`
}

// The kinds of identities that are told apart.
const (
	isName = 1
	isSPN  = 4
	isUPN  = 5
)

// ofDirectory is the record type of changes in the directory.
const ofDirectory = 8

var errRecords = errors.New("the content is no list of records")

// Parse reads a blob. Records that are about no application are left out: the feed
// carries everything that happens to users and groups too. One record that cannot
// be read makes the blob unreadable: it would be missing unseen otherwise.
func Parse(body []byte) ([]connector.Record, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, errRecords
	}
	var list []connector.Record
	for d.More() {
		var r record
		if err := d.Decode(&r); err != nil {
			return nil, errRecords // the decoder's own error can quote the document
		}
		if r.Type != ofDirectory {
			continue
		}
		if r.ID == "" || r.At.IsZero() {
			return nil, errRecords
		}
		if out, ok := r.record(); ok {
			list = append(list, out)
		}
	}
	if t, err := d.Token(); err != nil || t != json.Delim(']') {
		return nil, errRecords
	}
	return list, nil
}

func (r *record) record() (connector.Record, bool) {
	out := connector.Record{
		ID: strings.ToLower(r.ID), Time: r.At.Time, Correlation: strings.ToLower(r.Correlation), Operation: strings.TrimRight(strings.TrimSpace(r.Operation), "."),
		Outcome: result(r.Result), Actor: r.actor(), Through: r.through(),
	}
	list := make([]connector.Modified, 0, len(r.Modified))
	for _, m := range r.Modified {
		list = append(list, connector.Modified{Name: m.Name, Old: m.Old, New: m.New})
	}
	out.Deeds = connector.DirectoryDeeds(r.Operation, r.targets(), list)
	for _, d := range out.Deeds {
		if d.Object != "" || d.ClientID != "" {
			return out, true
		}
	}
	return out, false
}

// result is the outcome as Graph says it.
func result(s string) string {
	switch strings.ToLower(s) {
	case "success", "succeeded", "partiallysucceeded", "":
		return "success"
	}
	return "failure"
}

func (r *record) actor() connector.Someone {
	s := connector.Someone{Kind: "user", Name: r.UserID, Address: address(r.ActorIP)}
	if s.Address == "" {
		s.Address = address(r.ClientIP)
	}
	for _, a := range r.Actor {
		switch id, user := strings.CutPrefix(a.ID, "User_"); {
		case user:
			s.ID = inventory.ObjectID(strings.ToLower(id))
		case strings.HasPrefix(a.ID, "ServicePrincipal_"):
			s.Kind, s.ID = "app", inventory.ObjectID(strings.ToLower(strings.TrimPrefix(a.ID, "ServicePrincipal_")))
		case a.Type == isSPN:
			s.ClientID = inventory.ClientID(strings.ToLower(a.ID))
		case a.Type == isUPN:
			s.Name = a.ID
		}
	}
	if s.Kind == "app" {
		for _, a := range r.Actor {
			if a.Type == isName {
				s.Name = a.ID
			}
		}
	}
	return s
}

// through is the user agent, which stands in a JSON text of an extended property.
func (r *record) through() string {
	for _, p := range r.Extended {
		var details map[string]any
		if p.Name != "additionalDetails" || json.Unmarshal([]byte(p.Value), &details) != nil {
			continue
		}
		if agent, ok := details["User-Agent"].(string); ok {
			return connector.ThroughAgent(agent)
		}
	}
	return ""
}

var prefixed = regexp.MustCompile(`^(Application|ServicePrincipal|User|Group|Device)_([0-9a-fA-F-]{36})$`)

// targets are what the record is about: the object ids bear their kind in front.
func (r *record) targets() (list []connector.Target) {
	name := ""
	for _, t := range r.Target {
		if t.Type == isName && name == "" {
			name = t.ID
		}
	}
	for _, t := range append(r.Target, identity{ID: r.Object}) {
		m := prefixed.FindStringSubmatch(t.ID)
		if m == nil {
			continue
		}
		id := strings.ToLower(m[2])
		if len(list) == 0 || list[len(list)-1].ID != id {
			list = append(list, connector.Target{ID: id, Type: m[1], Name: name})
		}
	}
	return list
}

// address is an IP address without a port.
func address(s string) string {
	s = strings.TrimSpace(s)
	if host, _, ok := strings.Cut(s, "]:"); ok {
		return strings.TrimPrefix(host, "[")
	}
	if strings.Count(s, ":") == 1 {
		s, _, _ = strings.Cut(s, ":")
	}
	return s
}
