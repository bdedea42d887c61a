// Package detect holds the detectors: what a credential of each kind looks like,
// how sure a match is, and examples that must and must not match. A detector is
// a value; All lists them. Nothing here reads a file or knows an output.
//
// Every detector starts at a literal (an anchor), so that the engine asks it
// only where one stands. What happens then is linear in a short stretch of
// bytes: an RE2 expression that begins at a fixed distance from the anchor, or a
// hand-written finder.
package detect

import "fmt"

// Class says how sure a hit is.
type Class uint8

// Classes, from the least to the surest. Broken is a marked key whose checksum
// does not match: a fake, a typing error or a redaction, told but no reason to
// fail a build.
const (
	None Class = iota
	Broken
	Possible
	Likely
	Certain
)

var classNames = [...]string{"none", "broken", "possible", "likely", "certain"}

func (c Class) String() string { return classNames[c] }

// MarshalText writes the name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the name.
func (c *Class) UnmarshalText(b []byte) error {
	got, err := ParseClass(string(b))
	*c = got
	return err
}

// ParseClass reads a name of the four that a hit can have.
func ParseClass(name string) (Class, error) {
	for c, n := range classNames {
		if n == name && c > 0 {
			return Class(c), nil
		}
	}
	return None, fmt.Errorf("%q is no class: certain, likely, possible or broken", name)
}

// A Detector knows one kind of credential. Either Pattern, Find or Words is set.
type Detector struct {
	ID     string // stable, lower case with dashes: entra-client-secret
	Name   string // Entra client secret
	Issuer string // who accepts it: Microsoft Entra ID
	Class  Class  // of a match, unless Check or Find knows better
	Advice string // what to use instead; empty: the general advice

	Anchors []string // literals, one of which a match contains; under four bytes long, what follows must be of Next
	Next    string   // the alphabet of Expand that follows a short anchor; empty: w, with + / . ~
	Fold    bool     // the anchors match in any case

	Pattern string  // RE2; group 1 is the value if there is one, else the whole match
	Back    int     // bytes between the start of the match and the anchor
	Window  int     // bytes looked at from the start of the match; 0: 512
	Edge    Edge    // what may not stand beside the match
	Entropy float64 // bits a character below which a match is a placeholder; 0: 2.5, negative: not asked

	// Words are names (in any case) beside which a value of a Shape stands.
	Words []string
	Shape Shape

	Check func(m *Match)                             // may change the class, or clear it
	Find  func(in *Input, at int) (m Match, ok bool) // at is where an anchor begins

	Yes, No []string        // examples as templates, see Expand
	Make    func() []string // examples that need computing, for a checksum
}

// Edge is what may not stand directly beside a match.
type Edge uint8

// Edges.
const (
	EdgeWord   Edge = iota // letters, digits, _
	EdgeDash               // and -
	EdgeBase64             // and - + /
	EdgeNone
)

// An Input is what a finder may look at.
type Input struct {
	Data []byte
	Path string
	Text bool // false for binaries: only marked keys count
}

// A Fact is something a value tells about itself: its end, its issuer, its rights.
type Fact struct{ Name, Value string }

// A Match is a stretch of Data.
type Match struct {
	Start, End int // of the value
	Class      Class
	Facts      []Fact
	Value      []byte // Data[Start:End]
	Before     []byte // up to 64 bytes before it
	Detector   *Detector
}

// Add notes a fact.
func (m *Match) Add(name, value string) { m.Facts = append(m.Facts, Fact{name, value}) }

// All lists every built-in detector. The order matters where two see the same
// bytes with the same confidence: the earlier wins.
func All() []*Detector {
	var all []*Detector
	for _, family := range [][]Detector{
		microsoftKeys, microsoftStrings, microsoftUrls,
		clouds, code, chat, payment, ai, business, operations,
		keys, databases, files, generic,
	} {
		for i := range family {
			all = append(all, &family[i])
		}
	}
	return all
}
