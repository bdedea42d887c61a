package diagnosis

import (
	"fmt"
	"time"
)

// LinkID names one link of the chain from a tenant to what finally takes the value.
type LinkID string

// The links, in the order in which one rests on the other. Entra itself looks in
// the order of the first half, so that what it complains of also proves what was
// right before.
const (
	Way         LinkID = "way"         // the network, the proxy and TLS, up to the login host
	Clock       LinkID = "clock"       // agrees with Entra's
	Tenant      LinkID = "tenant"      // exists
	Application LinkID = "application" // exists, here or elsewhere
	Principal   LinkID = "principal"   // present in the tenant, and switched on
	Credential  LinkID = "credential"  // known, valid, and the one that is sent
	Scope       LinkID = "scope"       // what a token is asked for is well-formed
	API         LinkID = "resource"    // and known in the tenant
	Policy      LinkID = "policy"      // Conditional Access, limits
	Permission  LinkID = "permission"  // app roles and consent
	VaultName   LinkID = "vault"       // the vault exists, under that name, in that tenant
	VaultWay    LinkID = "network"     // its firewall and private endpoint
	Rights      LinkID = "rights"      // get and list, by role or access policy
	Entry       LinkID = "entry"       // the secret exists and is enabled
	Current     LinkID = "current"     // its newest version is the newest credential
	Consumer    LinkID = "consumer"    // reads the newest version
	Target      LinkID = "target"      // the topic or queue behind takes the key
)

// chain is their order, with what a person calls each.
var chain = []struct {
	id   LinkID
	name string
}{
	{Way, "Network, proxy and TLS"}, {Clock, "Clock"}, {Tenant, "Tenant"}, {Application, "Application"}, {Principal, "Service principal"},
	{Credential, "Credential"}, {Scope, "Scope"}, {API, "Resource"}, {Policy, "Conditional Access and limits"}, {Permission, "Permission and consent"},
	{VaultName, "Vault"}, {VaultWay, "Vault network"}, {Rights, "Vault rights"}, {Entry, "Vault entry"}, {Current, "Newest version"},
	{Consumer, "Consumer"}, {Target, "Target"},
}

func (l LinkID) place() int {
	for i, c := range chain {
		if c.id == l {
			return i
		}
	}
	return -1
}

// Verdict is how the look at a link ended.
type Verdict string

// The verdicts.
const (
	Holds    Verdict = "holds"
	Broken   Verdict = "broken"
	Unclear  Verdict = "cannot_tell" // it was asked for, and the answer leaves it open
	NotAsked Verdict = "not_asked"   // nothing is known to ask with, or it has no part in this
)

// Evidence is one question that was asked, and its answer.
type Evidence struct {
	Asked    string
	Answered string
	At       time.Time
}

// Link is one link of the chain as it was found.
type Link struct {
	ID       LinkID
	Name     string
	Verdict  Verdict
	Found    string   // one sentence: what was seen
	Cause    string   // of a broken one: its key in the table of causes
	Between  []string // of an unclear one: the causes that fit what is known
	Question string   // whose answer decides between them
	Cure     string   // of a broken one
	Evidence []Evidence

	fill map[string]string // for the cure's words
}

// Answer is what a walk comes to.
type Answer struct {
	Kind     AnswerKind
	Link     LinkID
	Cause    string // its key; empty unless Kind is Found or ByText
	Title    string // one sentence
	Cure     string // steps, a command on a line of its own
	Between  []Option
	Question string   // of Undecided: what decides it
	Remarks  []string // what else a person should know
	Source   string   // public document
}

// Option is one of the causes that an undecided answer leaves.
type Option struct{ Cause, Title, Cure string }

// AnswerKind says how sure an answer is.
type AnswerKind string

// The kinds of answer.
const (
	Found     AnswerKind = "found"     // a link was seen to be broken
	ByText    AnswerKind = "by_text"   // the text says so, and nothing that was seen speaks against it; it could not be looked at itself
	Undecided AnswerKind = "undecided" // two or more causes fit
	Sound     AnswerKind = "sound"     // every link that could be looked at holds
	Unknown   AnswerKind = "unknown"   // there was too little to look with
)

// Walk is a whole diagnosis.
type Walk struct {
	Facts    Facts
	Symptoms []Symptom
	Links    []Link // all of the chain, in its order
	Answer   Answer
	Began    time.Time
}

// At is the link with an id.
func (w *Walk) At(id LinkID) *Link { return &w.Links[id.place()] }

func emptyWalk(f Facts) *Walk {
	w := &Walk{Facts: f, Began: time.Now().UTC().Truncate(time.Second)}
	for _, c := range chain {
		w.Links = append(w.Links, Link{ID: c.id, Name: c.name, Verdict: NotAsked})
	}
	return w
}

// asked notes a question and its answer.
func (l *Link) asked(question, format string, a ...any) {
	l.Evidence = append(l.Evidence, Evidence{question, clip(fmt.Sprintf(format, a...), 400), time.Now().UTC().Truncate(time.Second)})
}

func (l *Link) holds(format string, a ...any) {
	l.Verdict, l.Found = Holds, fmt.Sprintf(format, a...)
}

func (l *Link) unclear(format string, a ...any) {
	l.Verdict, l.Found = Unclear, fmt.Sprintf(format, a...)
}

// broken names the cause. The pairs of words fill the blanks of its cure.
func (l *Link) broken(cause string, words map[string]string, format string, a ...any) {
	l.Verdict, l.Cause, l.Found, l.fill = Broken, cause, fmt.Sprintf(format, a...), words
}

// between leaves it open between causes.
func (l *Link) between(question string, words map[string]string, causes []string, format string, a ...any) {
	l.Verdict, l.Between, l.Question, l.Found, l.fill = Unclear, causes, question, fmt.Sprintf(format, a...), words
}

func (l *Link) decided() bool { return l.Verdict == Broken || len(l.Between) > 0 }
