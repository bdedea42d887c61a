package rotation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"rekey.example/rekey/internal/inventory"
)

// Terms are what a person approves: everything that decides what will happen.
// They are fixed when the rotation is proposed; the approval binds their hash
// (SAFETY C7) and the world is compared with them before anything is changed.
type Terms struct {
	Plan        string                `json:"plan"`
	Application inventory.Application `json:"application"` // whose credential it is; owners and dates as known at the proposal
	Old         inventory.Credential  `json:"old"`         // to be replaced, and the only one that may be withdrawn
	Kept        []string              `json:"kept"`        // key ids of the application's other credentials
	Place       inventory.Place       `json:"place"`       // where the new value goes; Version is the current one, empty if there is none
	Label       string                `json:"label"`       // of the new credential; the marker is added
	Lifetime    Duration              `json:"lifetime"`    // of the new credential
	Consumers   []Use                 `json:"consumers"`   // who must move before the old one goes
	Timing      Timing                `json:"timing"`
	Expires     time.Time             `json:"expires"` // of the proposal: no approval after it
}

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

// Planned is the timing of a planned rotation: consumers may cache what they
// read for a day (App Service references), and a late directory write shows
// within a day.
var Planned = Timing{Successes: 5, Proof: Duration(120 * time.Second), Overlap: Duration(24 * time.Hour), Watch: Duration(24 * time.Hour)}

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
