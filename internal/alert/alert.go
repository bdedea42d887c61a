// Package alert tells people what will break, before it does.
//
// What has to be told are matters: a credential that ends, a rotation that waits
// for somebody, a task, a finding, a picture that is too old. Sources look for
// them (source.go); nothing emits them. When to look follows the audit log, with
// a durable position, and the clock. A matter becomes an alert that stands until
// it is settled; a person acknowledges it, or lays it aside until a day (judge.go).
//
// An alert is told step by step of a ladder: to the owner, and if nobody says
// that they have seen it, to the backup owner and then to the team (route.go).
// Each telling is a row before anything is sent, with a key that cannot be there
// twice. Tellings are packed into messages, one for each recipient and day, urgent
// ones at once (pack.go); a message is committed as being sent before it is, and
// as sent after it was (send.go). So nothing is lost, and nothing is told twice
// unmarked, wherever a crash strikes.
package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Severity is how soon somebody has to act.
type Severity string

// The severities. High breaks something within days, or already does.
const (
	High   Severity = "high"
	Medium Severity = "medium"
	Low    Severity = "low"
)

// Severities lists them, the worst first.
var Severities = []Severity{High, Medium, Low}

// rank is a severity's place in Severities, 1 for the worst.
func (s Severity) rank() int { return slices.Index(Severities, s) + 1 }

// The kinds of matter.
const (
	Ending    = "credential.ending"
	Waiting   = "rotation.waiting" // for an approval
	Stuck     = "rotation.stuck"
	TaskDue   = "task.due"
	Found     = "finding.open"
	Stale     = "inventory.stale"
	Held      = "reconcile.held"
	Tampered  = "audit.tampered"
	DeadRoute = "channel.dead"
)

// Kinds lists them.
var Kinds = []string{Ending, Waiting, Stuck, TaskDue, Found, Stale, Held, Tampered, DeadRoute}

// NoRung is the rung of what has no ladder.
const NoRung = 1 << 20

// Matter is something that somebody should know. Kind and Subject say which; of
// one that is found again the rest may have changed.
type Matter struct {
	Kind     string           `json:"kind"`
	Subject  string           `json:"subject"`
	Severity Severity         `json:"severity"`
	Rung     int              `json:"rung"` // days; a lower one is told anew. NoRung: there are none
	Headline string           `json:"headline"`
	Text     string           `json:"text,omitempty"`
	Facts    []connector.Fact `json:"facts,omitempty"`
	Path     string           `json:"path,omitempty"` // of the page, from the server's root
	Ends     time.Time        `json:"ends,omitzero"`

	Owner  string `json:"owner,omitempty"`  // address of who is told first; empty: nobody is known
	Backup string `json:"backup,omitempty"` // and then

	Application string             `json:"application,omitempty"` // its name
	ObjectID    inventory.ObjectID `json:"objectId,omitempty"`
	ClientID    inventory.ClientID `json:"clientId,omitempty"`
	KeyID       string             `json:"keyId,omitempty"`
}

// State is where an alert stands.
type State string

// The states. One that was acknowledged opens again at the next rung.
const (
	Open         State = "open"
	Acknowledged State = "acknowledged"
	Snoozed      State = "snoozed"
	Settled      State = "settled"
)

// Alert is a matter and what has become of it.
type Alert struct {
	ID     string
	Tenant string
	Matter
	State   State
	Level   int       // how far it was escalated: 0 owner, 1 backup, 2 team
	Opened  time.Time // for the last time
	Changed time.Time
	Due     time.Time // of the next escalation; zero: none
	Until   time.Time // when a snoozed one comes back
	Judge   string    // who acknowledged it, or laid it aside
	Why     string
	Settled time.Time
	Told    time.Time // when a message about it was first taken; zero: not yet

	source string
	round  int64 // grows whenever it opens; part of what makes a telling unique
	hash   int64 // of what it says
}

// id is the same for the same matter.
func id(tenant, kind, subject string) string {
	sum := sha256.Sum256([]byte(tenant + "\x00" + kind + "\x00" + subject))
	return "a-" + hex.EncodeToString(sum[:8])
}

// What a caller can branch on.
var (
	ErrNotFound  = errors.New("there is no such alert")
	ErrSettled   = errors.New("the alert has settled already")
	ErrNoChannel = errors.New("there is no such channel")
	ErrCursor    = errors.New("the position in the list is not valid; begin at the first page")
)

// InvalidError means that something was asked for that cannot be.
type InvalidError struct{ Why string }

func (e *InvalidError) Error() string { return e.Why }

// Keeper keeps the alerts of tenants and tells them.
type Keeper struct {
	Config
	Store   *store.DB
	Log     *audit.Log
	Sources []Source
	Routes  []Route
	Tenant  string // whose channels these are
	Name    string // what people call it
	Logger  *slog.Logger
	Wake    func()        // called when something may have to be told; may be nil
	Held    func() string // why this installation may not be the one that counts; may be nil

	run    string // of this process
	pruned time.Time
}

// event is one of the log about an alert.
func event(by access.Actor, action access.Action, a *Alert, detail map[string]string) audit.Event {
	e := audit.By(by, action, a.ID, audit.Done)
	e.Title, e.Detail = a.Headline, map[string]string{"kind": a.Kind, "about": a.Subject}
	for k, v := range detail {
		e.Detail[k] = v
	}
	return e
}

// now is the time as the tables keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
