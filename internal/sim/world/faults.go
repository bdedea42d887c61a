package world

import (
	"math/rand/v2"
	"path"
	"slices"
	"sync"
	"time"
)

// Fault is one sickness, switched on. It strikes requests whose operation
// matches: "METHOD host/path", such as
// "POST graph.microsoft.com/v1.0/applications/*/addPassword".
type Fault struct {
	Name  string        `json:"name"`           // one of Names
	Match string        `json:"match,omitzero"` // path.Match pattern over the operation; empty means every request the fault concerns
	Skip  int           `json:"skip,omitzero"`  // let so many matching requests pass first
	Times int           `json:"times,omitzero"` // strike so often; 0 means until cleared
	Rate  float64       `json:"rate,omitzero"`  // strike this share of matches, 0 < rate <= 1; 0 means each
	Delay time.Duration `json:"delay,omitzero"` // how late, for the faults that delay (nanoseconds)
	Value string        `json:"value,omitzero"` // fault-specific, see Names
}

// The faults. Those of the wire strike any request, at the front door; the
// others are asked for by the surface that has the sickness.
const (
	LostRequest   = "lost-request"   // connection cut before the request is applied
	LostAnswer    = "lost-answer"    // applied, connection cut before the answer
	ErrorBefore   = "error-before"   // 503 (or Value), not applied
	ErrorAfter    = "error-after"    // applied, 500 (or Value) answered
	LateAnswer    = "late-answer"    // applied at once, answered after Delay
	LateEffect    = "late-effect"    // connection cut at once, applied after Delay
	Duplicate     = "duplicate"      // delivered twice, answered once
	Throttled     = "throttled"      // 429 with Retry-After Value seconds (default 5), not applied
	TruncatedBody = "truncated-body" // applied, answer cut in the middle
	WrongBody     = "wrong-body"     // applied, answer is an HTML page of a proxy
	SkewedClock   = "skewed-clock"   // Date header off by Delay

	StaleList         = "stale-list"         // Graph: reads show the state of Delay ago
	Concurrent        = "concurrent"         // Graph: 400 "concurrent requests", not applied
	NoSecretText      = "no-secret-text"     // Graph: addPassword answers without secretText
	SlotLimit         = "slot-limit"         // Graph: TooManyAppPasswords for every audience
	PolicyRefusal     = "policy-refusal"     // Graph: Value = the policy error code
	DeltaExpired      = "delta-expired"      // Graph: 410 for every delta token
	ForeignLink       = "foreign-link"       // Graph: nextLink points to the host Value
	SecretLag         = "secret-lag"         // Entra: new and removed credentials need Delay on every replica
	ConditionalAccess = "conditional-access" // Entra: 53003 for every sign-in of the client id Value ("" = all)
	SoftDeleted       = "soft-deleted"       // Key Vault: name conflicts, ObjectIsDeletedButRecoverable
	Firewall          = "firewall"           // Key Vault: ForbiddenByFirewall
	StaleVault        = "stale-vault"        // Key Vault: reads show the version before the last
	Mangled           = "mangled"            // Key Vault: stores the value with a trailing newline
	TokenCache        = "token-cache"        // Entra: replays an earlier token for the same client
	ContentLate       = "content-late"       // Office 365 feed: the share Rate of the content is listed Delay later than it says it was made
	ContentTwice      = "content-twice"      // Office 365 feed: the records of the share Rate of the content stand in a second blob too
	ContentReordered  = "content-reordered"  // Office 365 feed: lists and blobs in the opposite order
	ContentMissing    = "content-missing"    // Office 365 feed: 404 AF20050 for content that is listed
	SubscriptionOff   = "subscription-off"   // Office 365 feed: the subscription is disabled, until it is started again
	EventTwice        = "event-twice"        // Event Grid: every event is delivered twice
	EventReordered    = "event-reordered"    // Event Grid: the newest event first
)

// Names lists every fault that can be switched on.
var Names = []string{
	LostRequest, LostAnswer, ErrorBefore, ErrorAfter, LateAnswer, LateEffect, Duplicate, Throttled, TruncatedBody, WrongBody, SkewedClock,
	StaleList, Concurrent, NoSecretText, SlotLimit, PolicyRefusal, DeltaExpired, ForeignLink,
	SecretLag, ConditionalAccess, SoftDeleted, Firewall, StaleVault, Mangled, TokenCache,
	ContentLate, ContentTwice, ContentReordered, ContentMissing, SubscriptionOff, EventTwice, EventReordered,
}

// Faults is the set of sicknesses that are switched on.
type Faults struct {
	mu   sync.Mutex
	rnd  *rand.Rand
	list []*active
}

type active struct {
	Fault
	seen, struck int
}

func newFaults(seed uint64) *Faults { return &Faults{rnd: rand.New(rand.NewPCG(seed, 2))} }

// Set switches a fault on, beside those already on.
func (f *Faults) Set(fault Fault) error {
	if err := fault.Check(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, &active{Fault: fault})
	return nil
}

// Clear switches every fault of that name off; "" means all faults.
func (f *Faults) Clear(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = slices.DeleteFunc(f.list, func(a *active) bool { return name == "" || a.Name == name })
}

// On lists the faults that are switched on.
func (f *Faults) On() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []Fault{}
	for _, a := range f.list {
		list = append(list, a.Fault)
	}
	return list
}

// Strike reports whether the named fault strikes this operation, and counts it.
func (f *Faults) Strike(name, operation string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.list {
		if a.Name != name || !matches(a.Match, operation) {
			continue
		}
		a.seen++
		if a.seen <= a.Skip || a.Times > 0 && a.struck >= a.Times {
			continue
		}
		if a.Rate > 0 && f.rnd.Float64() >= a.Rate {
			continue
		}
		a.struck++
		return a.Fault, true
	}
	return Fault{}, false
}

func matches(pattern, operation string) bool {
	if pattern == "" {
		return true
	}
	ok, _ := path.Match(pattern, operation)
	return ok
}
