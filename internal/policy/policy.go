// Package policy judges what the inventory holds: names, lifetimes, owners, and
// where values are kept.
//
// A rule is one value with its reason, its cure and its own examples; rules.go
// lists them all. A check walks the inventory once, compares what it finds with
// what was found before, and keeps the difference: a finding opens, changes and
// is resolved by itself, with its audit event in the same transaction. Only a
// person acknowledges one.
package policy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Severity is how soon a finding should be dealt with.
type Severity string

// The severities. High breaks something or lets somebody in, soon.
const (
	High   Severity = "high"
	Medium Severity = "medium"
	Low    Severity = "low"
)

// Severities lists them, the worst first.
var Severities = []Severity{High, Medium, Low}

// State is where a finding stands.
type State string

// The states of a finding. One that was acknowledged opens again if it gets worse.
const (
	Open         State = "open"
	Acknowledged State = "acknowledged"
	Resolved     State = "resolved"
)

// Finding is something that is against a rule. Its id stays the same as long as
// rule and subject do.
type Finding struct {
	ID          string             `json:"id"`
	Tenant      string             `json:"tenant"`
	Rule        string             `json:"rule"`
	Severity    Severity           `json:"severity"`
	State       State              `json:"state"`
	Application inventory.ObjectID `json:"application,omitempty"`
	KeyID       string             `json:"keyId,omitempty"`
	Place       string             `json:"place,omitempty"` // vault/name; where it was seen, if that is elsewhere
	Title       string             `json:"title"`           // what people call the subject
	Reason      string             `json:"reason"`
	Cure        string             `json:"cure"`
	Opened      time.Time          `json:"since"`
	Resolved    time.Time          `json:"resolved,omitzero"`
	Judge       string             `json:"acknowledgedBy,omitempty"` // Actor.ID
	Why         string             `json:"acknowledgedWhy,omitempty"`
}

// Subject is the id of what the finding is about: the credential, else the
// application, else the place.
func (f Finding) Subject() string {
	switch {
	case f.KeyID != "":
		return f.KeyID
	case f.Application != "":
		return string(f.Application)
	}
	return f.Place
}

// identity is what makes two findings the same one.
func (f Finding) identity() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Tenant, f.Rule, string(f.Application), f.KeyID, f.Place}, "\x00")))
	return "f-" + hex.EncodeToString(sum[:8])
}

// text is a digest of what a finding says; a finding that says something else
// is written again.
func (f Finding) text() int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s", f.Severity, f.Title, f.Reason, f.Cure)
	return int64(h.Sum64())
}

// Policy checks tenants and keeps their findings.
type Policy struct {
	db    *store.DB
	log   *audit.Log
	rules *rulebook

	// Planned returns the objects with a rotation under way; nil means none. It
	// is asked inside the transaction that reads the inventory.
	Planned func(ctx context.Context, tx *store.Tx, tenant string) (map[inventory.ObjectID]bool, error)

	mu sync.Mutex // one check at a time
}

// New returns the policy of a configuration.
func New(db *store.DB, log *audit.Log, c Config) (*Policy, error) {
	rules, err := compile(c)
	if err != nil {
		return nil, err
	}
	return &Policy{db: db, log: log, rules: rules}, nil
}
