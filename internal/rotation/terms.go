package rotation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// Terms are what a person approves: everything that decides what will happen.
// They are fixed when the rotation is proposed; the approval binds their hash
// (SAFETY C7) and the world is compared with them before anything is changed.
type Terms struct {
	Plan        string                `json:"plan"`
	Application inventory.Application `json:"application"`          // whose credential it is; owners and dates as known at the proposal
	Old         inventory.Credential  `json:"old"`                  // to be replaced, and the only one that may be withdrawn
	Kept        []string              `json:"kept"`                 // key ids of the holder's other credentials, none of which is touched
	Others      []Other               `json:"others,omitempty"`     // in an emergency: everybody else who can act as the application, each to keep or to remove
	BreakGlass  string                `json:"breakGlass,omitempty"` // in an emergency: why one person alone decides
	Place       inventory.Place       `json:"place"`                // where the new value goes; Version is the current one, empty if there is none
	Label       string                `json:"label"`                // of the new credential; the marker is added
	Lifetime    Duration              `json:"lifetime"`             // of the new credential
	Consumers   []Use                 `json:"consumers"`            // who must move before the old one goes
	Timing      Timing                `json:"timing"`
	Expires     time.Time             `json:"expires"` // of the proposal: no approval after it
}

// Other is another way to act as the application, and what becomes of it.
type Other struct {
	connector.Way
	Keep bool `json:"keep"`
}

func (o Other) String() string {
	name := o.Label
	if name == "" || o.Kind != inventory.OwnerRight && o.Kind != inventory.Federated {
		name = o.ID
	}
	return noun(o.Kind) + " " + name
}

func (o Other) is(w connector.Way) bool {
	return o.Kind == w.Kind && o.ID == w.ID && o.Object == w.Object
}

// going are the others that are to be removed.
func (t Terms) going() (list []Other) {
	for _, o := range t.Others {
		if !o.Keep {
			list = append(list, o)
		}
	}
	return list
}

// removes reports whether the terms name a credential of the holder as one to go.
func (t Terms) removes(keyID string) bool {
	return slices.ContainsFunc(t.going(), func(o Other) bool { return o.ID == keyID && o.Object == t.Application.ObjectID })
}

func words(list []Other) string {
	var names []string
	for _, o := range list {
		names = append(names, o.String())
	}
	return strings.Join(names, ", ")
}

// unmarked reports whether what is issued bears no marker: the keys of a resource
// keep their names, and one of the two is made anew.
func (t Terms) unmarked() bool { return t.Old.Kind == inventory.AccessKey }

// Use is one consumer of the credential.
type Use struct {
	Consumer  string `json:"consumer"`
	Reference string `json:"reference"`
}

// Timing are a plan's waits.
type Timing struct {
	Successes int      `json:"successes"` // sign-ins of the new value in a row before it is deposited
	Proof     Duration `json:"proof"`     // over at least this long
	Overlap   Duration `json:"overlap"`   // both valid, at least
	Watch     Duration `json:"watch"`     // for strays and late failures, at the end
}

// Duration is a time.Duration that reads "24h0m0s" in documents.
type Duration time.Duration

// MarshalText writes it as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration takes.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a length of time; write 90s, 30m or 24h", b)
	}
	*d = Duration(v)
	return nil
}

// Hash is the SHA-256 of the terms in their one JSON form, in hexadecimal.
func (t Terms) Hash() string {
	b, err := json.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("terms of a rotation do not encode: %v", err)) // plain data only; cannot happen
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
