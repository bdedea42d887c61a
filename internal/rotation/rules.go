package rotation

import (
	"maps"
	"slices"
)

// This is the whole of what a rotation decides. Each step has its table: the
// first rule whose question is answered with yes says what the step does now.
// Production asks the systems (sight.go), the model of the tests asks a small
// world of its own that it takes through every state there is (model_test.go), so
// that what is proved is what runs.

// eyes answer what rules ask. Whoever answers yes to a question that holds a
// rotation also knows why, and who has to do something.
type eyes interface {
	Lapsed() bool     // nobody approved in time
	Unapproved() bool // these terms are not what somebody else approved, or not any more
	Drifted() bool    // the application's credentials are not those that were approved

	Closed() bool // no maintenance window is open, or a change freeze holds

	Unanswered() bool // a request was meant to be sent, and its answer is not written down
	Stray() bool      // the directory shows a credential that an attempt made and nobody adopted
	Outdated() bool   // what was seen of the directory is of another time
	TooSoon() bool    // a lost attempt may still turn up, or too many were lost
	LateAnswer() bool // a lost request may still change the value that is to be deposited

	Refused() bool  // the issuer refuses the new value
	Unproved() bool // it has not accepted it often and long enough
	Dead() bool     // the proof is old, and a new one fails

	EntryDeleted() bool // somebody has deleted the vault entry
	EntryForeign() bool // the vault entry holds what somebody else wrote after the proposal
	EntryOurs() bool    // the vault entry gives back the new value
	EntryServes() bool  // what consumers read from the vault entry signs in
	ValueMoved() bool   // the issuer has another value for the new credential than was adopted

	Untold() bool      // a consumer has not been told
	Unmoved() bool     // a consumer has given no evidence
	ClockWrong() bool  // this machine's clock and the issuer's differ
	Overlapping() bool // consumers may still hold the old value
	NewShown() bool    // the directory shows the new credential
	OldShown() bool    // the directory shows the old credential, or another that is to go
	OldUsed() bool     // the old credential was used after the switch, or nobody can tell
	Pivoted() bool     // the withdrawal was begun
	OldAccepted() bool // the old value is not yet refused often and long enough
	Watching() bool    // effects of requests that were lost may still come
	Unsettled() bool   // since then, not yet two lists were without a stray
	Deposited() bool   // consumers may read the new value
	WriteOut() bool    // a write to the vault is out and may still come
	failed() bool      // a question could not be answered
}

// act is what a step does.
type act string

const (
	pass    act = "pass"
	hold    act = "hold"    // wait for time, or for a person
	again   act = "again"   // look again
	refuse  act = "refuse"  // end, for nobody approved
	void    act = "void"    // end, for the plan no longer fits the world; what was issued goes first
	abandon act = "abandon" // give a lost attempt up and watch its marker
	clear   act = "clear"   // withdraw a stray by its key id
	order   act = "order"   // ask for the new credential, once
	put     act = "put"     // write the new value into the vault
	take    act = "take"    // the vault has it: erase the sealed copy
	tell    act = "tell"    // tell consumers
	heal    act = "heal"    // adopt the issuer's present value, and write it into the vault if the former one is there
	remove  act = "remove"  // withdraw the old credential: the point of no return
	repeat  act = "repeat"  // withdraw the old credential again
	retract act = "retract" // withdraw the new credential
	deny    act = "deny"    // tell the person that it cannot be done now
)

// rule is one line of a table. A rule with a promise protects: the model removes
// each of these in turn, and the promise has to break.
type rule struct {
	promise string
	when    func(eyes) bool // nil: always
	then    act
}

func not(q func(eyes) bool) func(eyes) bool { return func(e eyes) bool { return !q(e) } }

// rules are the tables of all steps. A row that only goes on or tidies has no promise.
var rules = map[string][]rule{
	"approve": {
		{"an approval comes in time or not at all", eyes.Lapsed, refuse},
		{"", nil, hold}, // Approve passes the step
	},
	"issue": {
		{"a lost answer is never guessed at", eyes.Unanswered, abandon},
		{"what a lost answer made goes first", eyes.Stray, clear},
		{"", eyes.Outdated, again},
		{"the world is as it was approved", eyes.Drifted, void},
		{"lost attempts do not pile up", eyes.TooSoon, hold},
		{"", eyes.Closed, hold},
		{"only what was approved is done", eyes.Unapproved, void},
		{"", nil, order},
	},
	"verify": {
		{"the vault follows the issuer", eyes.ValueMoved, heal},
		{"", eyes.Refused, hold},
		{"a value is proved before anybody can read it", eyes.Unproved, hold},
		{"", nil, pass},
	},
	"deposit": {
		{"", eyes.Closed, hold},
		{"a lost request cannot change a deposited value", eyes.LateAnswer, hold},
		{"the vault follows the issuer", eyes.ValueMoved, heal},
		{"the proof is fresh", eyes.Dead, hold},
		{"a deleted entry is not made again", eyes.EntryDeleted, hold},
		{"what others wrote is not overwritten", eyes.EntryForeign, hold},
		{"the sealed copy goes after the read-back", not(eyes.EntryOurs), put},
		{"", nil, take},
	},
	"propagate": {
		{"", eyes.Stray, clear},
		{"the vault follows the issuer", eyes.ValueMoved, heal},
		{"", eyes.Untold, tell},
		{"every consumer has moved", eyes.Unmoved, hold},
		{"", nil, pass},
	},
	"overlap": {
		{"", eyes.Stray, clear},
		{"the vault follows the issuer", eyes.ValueMoved, heal},
		{"", not(eyes.EntryServes), hold},
		{"no end by a wrong clock", eyes.ClockWrong, hold},
		{"both work until caches have passed", eyes.Overlapping, hold},
		{"", nil, pass},
	},
	"withdraw": {
		{"no end by a wrong clock", eyes.ClockWrong, hold},
		{"", eyes.Stray, clear},
		{"the vault follows the issuer", eyes.ValueMoved, heal},
		{"the directory shows the new credential", not(eyes.NewShown), hold},
		{"the vault holds the new value", not(eyes.EntryOurs), hold},
		{"what the vault holds signs in", not(eyes.EntryServes), hold},
		{"both work until caches have passed", eyes.Overlapping, hold},
		{"", eyes.Closed, hold},
		{"nobody uses the old credential", eyes.OldUsed, hold},
		{"", func(e eyes) bool { return !e.OldShown() && !e.Pivoted() }, pass},
		{"", nil, remove},
	},
	"watch": {
		{"a withdrawal that was lost is repeated", eyes.OldShown, repeat},
		{"no stray is left behind", eyes.Stray, clear},
		{"the vault follows the issuer", eyes.ValueMoved, heal},
		{"", not(eyes.EntryServes), hold},
		{"removed is said after a refusal everywhere", eyes.OldAccepted, hold},
		{"late effects are waited for", eyes.Watching, hold},
		{"one list is no list", eyes.Unsettled, hold},
		{"", nil, pass},
	},
	"revoke": {
		{"only what was approved is done", eyes.Unapproved, void},
		{"", func(e eyes) bool { return !e.OldShown() && !e.Pivoted() }, pass},
		{"", nil, remove},
	},
	"retract": {
		{"what consumers read is not withdrawn", eyes.EntryOurs, hold},
		{"", nil, retract},
	},
	"settle": {
		{"no stray is left behind", eyes.Stray, clear},
		{"late effects are waited for", eyes.Watching, hold},
		{"one list is no list", eyes.Unsettled, hold},
		{"", nil, pass},
	},

	// Not a step but a person's command, which may come at any time.
	"cancel": {
		{"what consumers may read is not cancelled", eyes.Deposited, deny},
		{"a write that is out is waited for", eyes.WriteOut, deny},
		{"", nil, void},
	},
}

// decide is the first rule of a step that applies. The model leaves one out, by
// its promise.
func decide(step string, e eyes, without string) rule {
	for _, r := range rules[step] {
		if r.promise != "" && r.promise == without {
			continue
		}
		if r.when == nil || r.when(e) || e.failed() {
			return r
		}
	}
	return rule{then: hold}
}

// promises lists what the protective rules promise, each once.
func promises() (list []string) {
	for _, step := range slices.Sorted(maps.Keys(rules)) {
		for _, r := range rules[step] {
			if r.promise != "" && !slices.Contains(list, r.promise) {
				list = append(list, r.promise)
			}
		}
	}
	return list
}
