package connector

import (
	"encoding/json"
	"fmt"
	"time"

	"rekey.example/rekey/internal/inventory"
)

// The types of the events that consumers get.
const (
	Switched = "io.rekey.credential.switched.v1" // take the new value
	Check    = "io.rekey.credential.check.v1"    // say whether you use it
)

// Event is a change as a CloudEvents 1.0 document in JSON, for consumers outside
// of this program. It holds no value, and no part of one: the hint stays out.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
func (c Change) Event(kind, id string) []byte {
	e := event{
		Version: "1.0", ID: id, Source: "urn:rekey:tenant:" + c.Application.Tenant, Type: kind, Subject: string(c.Application.ObjectID),
		Time: time.Now().UTC().Truncate(time.Millisecond), ContentType: "application/json",
		Data: data{
			Rotation: c.Rotation, Request: c.Request, Consumer: c.Consumer, Reference: c.Reference,
			Application: application{Tenant: c.Application.Tenant, ObjectID: c.Application.ObjectID, ClientID: c.Application.ClientID, Name: c.Application.Name},
			Old:         credentialOf(c.Old), New: credentialOf(c.New), Place: c.Place, Switched: c.Switched.UTC(),
		},
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("a change does not encode: %v", err)) // plain data only; cannot happen
	}
	return b
}

type event struct {
	Version     string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        data      `json:"data"`
}

type data struct {
	Rotation    string          `json:"rotation"`
	Request     string          `json:"request"`
	Consumer    string          `json:"consumer"`
	Reference   string          `json:"reference"`
	Application application     `json:"application"`
	Old         credential      `json:"old"`
	New         credential      `json:"new"`
	Place       inventory.Place `json:"place"`
	Switched    time.Time       `json:"switched"`
}

type application struct {
	Tenant   string             `json:"tenant"`
	ObjectID inventory.ObjectID `json:"objectId"`
	ClientID inventory.ClientID `json:"clientId,omitempty"`
	Name     string             `json:"name"`
}

type credential struct {
	KeyID      string         `json:"keyId"`
	Kind       inventory.Kind `json:"kind,omitempty"`
	Thumbprint string         `json:"thumbprint,omitempty"`
	Expires    time.Time      `json:"expires,omitzero"`
}

func credentialOf(c inventory.Credential) credential {
	return credential{KeyID: c.KeyID, Kind: c.Kind, Thumbprint: c.Thumbprint, Expires: c.Expires}
}
