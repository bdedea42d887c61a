// Package rotation replaces one credential by another without a gap.
//
// A rotation follows a plan, a list of steps (plans.go). Each step looks at the
// world before it acts, so that doing it twice is as good as once. Before an act
// that cannot be taken back its intention is committed; after it, its result,
// each together with the audit event. No goroutine and no timer holds a
// rotation: whoever calls Advance when it is due, after an hour or after a
// crash, reads where it stands and goes on from there (advance.go).
//
// Promises, whatever stops where: consumers never read a value that is not
// accepted; the old credential goes only after the new one was proved with what
// the vault really holds; a credential whose value was lost on the way is found
// by its marker and withdrawn; nothing else is ever withdrawn.
package rotation

import (
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
)

// State is where a rotation stands as a whole.
type State string

// The states. All but Open are final.
const (
	Open      State = "open"
	Done      State = "done"
	Refused   State = "refused"   // by a person, or nobody approved in time
	Cancelled State = "cancelled" // by a person, and what was issued is gone again
	Void      State = "void"      // the world was no longer as approved, and what was issued is gone again; or the application is gone
)

// Rotation is the replacement of one credential.
type Rotation struct {
	ID      string       `json:"id"`
	Terms   Terms        `json:"terms"` // what is proposed and approved, and its hash binds
	Hash    string       `json:"hash"`
	Reason  string       `json:"reason,omitempty"`
	By      access.Actor `json:"by"`
	Asked   time.Time    `json:"asked"`
	Consent *Consent     `json:"consent,omitempty"`
	State   State        `json:"state"`
	Ending  State        `json:"ending,omitempty"` // how it ends when the course is over; empty means Done
	Why     string       `json:"why,omitempty"`    // of that ending
	Course  string       `json:"course"`           // name of the list of steps being followed: the plan, or "rollback"
	Steps   []Step       `json:"steps"`            // one for each of the course's steps, and before them those of an abandoned course
	At      int          `json:"at"`               // index into Steps
	Due     time.Time    `json:"due,omitzero"`
	Problem string       `json:"problem,omitempty"` // why it waits or what failed last, and what to do
	Needs   string       `json:"needs,omitempty"`   // the person or act without which it does not go on
	Ended   time.Time    `json:"ended,omitzero"`

	Attempts []Attempt             `json:"attempts,omitempty"`
	Issued   *inventory.Credential `json:"issued,omitempty"`  // the new credential, once there is one
	Entry    string                `json:"entry,omitempty"`   // version of the vault entry that holds it
	Print    string                `json:"print,omitempty"`   // keyed hash of the new value, to know it again in the vault
	Put      time.Time             `json:"put,omitzero"`      // when a write to the vault was last meant to be sent, unless it surely failed
	Switched time.Time             `json:"switched,omitzero"` // when consumers could read the new value
	Removed  time.Time             `json:"removed,omitzero"`  // when the old credential was withdrawn
	Evidence []Evidence            `json:"consumers,omitempty"`
	Override *Override             `json:"override,omitempty"` // of the evidence that nobody uses the old credential
	Unused   string                `json:"unused,omitempty"`   // what is known of the old credential's use, in words
	Count    Count                 `json:"count,omitzero"`
	Clean    int                   `json:"clean,omitempty"`  // lists without a stray, after the watch
	Tries    int                   `json:"tries,omitempty"`  // failures of the current step in a row
	Missing  time.Time             `json:"missing,omitzero"` // since when the directory does not know the application

	version  int64     // of the row, for compare and swap
	heard    int       // how many of its steps were told as over
	body     []byte    // as last written
	kept     []Attempt // as last written, each in a row of its own
	sealed   string    // the new value, until the vault is proved to hold it
	previous string    // the old value, if a vault told it, for the proof that it is refused
}

// StepState is where one step stands.
type StepState string

// The states of a step.
const (
	Ahead   StepState = "ahead"
	Running StepState = "running"
	Passed  StepState = "done"
	Skipped StepState = "skipped"
)

// Step is one step of a rotation as people see it.
type Step struct {
	Name     string    `json:"name"`
	State    StepState `json:"state"`
	Began    time.Time `json:"began,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
	Evidence string    `json:"evidence,omitempty"` // what was seen, in words
}

// Attempt is one request to the issuer. Its marker is never forgotten: a
// credential that turns up with it in a year is still explained.
type Attempt struct {
	Marker  string       `json:"marker"`
	Request string       `json:"request"` // client-request-id
	Sent    time.Time    `json:"sent"`
	State   AttemptState `json:"state"`
	KeyID   string       `json:"keyId,omitempty"`
	Why     string       `json:"why,omitempty"`
}

// AttemptState is what is known of a request to the issuer.
type AttemptState string

// The states of an attempt.
const (
	Intended  AttemptState = "intended"  // written down; perhaps sent
	Pending   AttemptState = "pending"   // the issuer has it, and is still at work; asked again, it tells
	Adopted   AttemptState = "adopted"   // answered, and the value sealed
	Declined  AttemptState = "declined"  // the issuer surely did nothing
	Abandoned AttemptState = "abandoned" // nobody knows; watched by its marker
	Retracted AttemptState = "retracted" // turned up, and was withdrawn
)

// Consent is an approval. It binds the hash of the terms, is used once and ends.
type Consent struct {
	By      access.Actor `json:"by"`
	At      time.Time    `json:"at"`
	Hash    string       `json:"hash"`
	Expires time.Time    `json:"expires"`
	Used    time.Time    `json:"used,omitzero"`
}

// Override is an administrator's written word that the old credential may go
// although its use is not ruled out.
type Override struct {
	By     access.Actor `json:"by"`
	At     time.Time    `json:"at"`
	Reason string       `json:"reason"`
}

// Evidence is what is known of one consumer's move to the new value.
type Evidence struct {
	Consumer  string    `json:"consumer"`
	Reference string    `json:"reference"`
	Follows   bool      `json:"follows"` // reads the vault entry by name, so the new version is what it gets
	Told      time.Time `json:"told,omitzero"`
	Why       string    `json:"why,omitempty"` // what it still does
	Proof     string    `json:"proof,omitempty"`
	By        string    `json:"by,omitempty"`
	At        time.Time `json:"at,omitzero"`
}

// Count is a row of sign-ins that all ended the same way.
type Count struct {
	Successes int       `json:"successes,omitempty"`
	Refusals  int       `json:"refusals,omitempty"`
	Since     time.Time `json:"since,omitzero"` // of the first in the row
}

// Current is the step being worked on, nil when the rotation has ended.
func (r *Rotation) Current() *Step {
	if r.State != Open || r.At >= len(r.Steps) {
		return nil
	}
	return &r.Steps[r.At]
}

// brokenGlass reports whether one person alone may decide, as the terms say.
func (r *Rotation) brokenGlass() bool {
	return r.Terms.BreakGlass != "" && (r.Terms.Plan == "emergency" || r.Terms.Plan == "revoke")
}

// passed reports whether a step of that name is behind us.
func (r *Rotation) passed(name string) bool {
	for _, s := range r.Steps {
		if s.Name == name {
			return s.State == Passed
		}
	}
	return false
}

// attempt is the last one, or nil.
func (r *Rotation) attempt() *Attempt {
	if len(r.Attempts) == 0 {
		return nil
	}
	return &r.Attempts[len(r.Attempts)-1]
}
