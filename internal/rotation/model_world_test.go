package rotation

// The model's world: one application, two token replicas and a list that lag,
// a vault, three consumers, one administrator who works in the portal, and two
// processes of rekey. Everything that can happen next is an event; time passes
// only by events, and only as far as the assumptions of docs/safety.md let it.

// Credentials of the world: the old one, those of up to three attempts, and one
// that the foreign administrator adds.
const (
	oldCred = iota
	try1
	try2
	try3
	foreign
	creds
)

// What the vault holds besides a credential's number.
const (
	garbled = 14 + iota
	nothing
)

// set is a few yes-or-no facts of a credential.
type set uint8

const (
	there  set = 1 << iota // in the directory, in truth
	shown                  // in lists
	repA                   // accepted by one token replica
	repB                   // and by the other
	coming                 // a request to make it is still out
	aged                   // its request was lost more than a day ago
)

// what the journal says of an attempt.
const (
	none uint8 = iota
	intended
	adopted
	declined
	abandoned
	retracted
)

type world struct {
	cred  [creds]set
	tried [3]uint8 // the journal's word on each attempt
	kind  uint8    // 0: secrets, 1: a resource's two keys
	plan  uint8    // index into planNames
	step  uint8    // index into stepNames; last: ended
	end   uint8    // how it ended: 0 not, 1 done, 2 void or cancelled, 3 refused

	vault  uint8 // the number of the credential whose value it holds, or garbled, nothing, foreign
	before uint8 // what it held at the proposal
	late   uint8 // 1: a write of the adopted value is still out
	sealed bool  // the journal has the new value
	put    bool  // a write was meant to be sent
	putOld bool  // more than a day ago
	taken  bool  // consumers could read the new value

	lapsed, consent, ended bool // nobody approved in time; somebody did; that ended before it was used
	used                   bool // the approval was used

	issued uint8 // number of the adopted credential, 0: none
	row    uint8 // bits: replicas that accepted it in a row; 4, 8: that refused the old one in a row
	pivot  bool

	cache, manual, hidden bool // consumers that have the new value
	told                  bool // a person has said that the manual one moved
	caches                bool // longer ago than any cache
	stood                 bool // something else has stood in the vault since
	newGone               bool // others have removed the new credential after consumers could read it
	watched               bool // the watch is over
	clean                 uint8
	rested                bool // a while has passed since the last look of the watch
	skew                  bool // this machine's clock is wrong

	pause        bool  // a look at a lost attempt is still to come
	faults       uint8 // left
	edits        uint8 // left to the foreign administrator
	excused      bool  // the foreign administrator has caused what no protocol prevents
	wrongClock   uint8 // left
	zombie       act   // of the second process, about to be done
	zombieTarget uint8
	zombieStale  bool // the row was moved on since
	zombies      uint8

	version, wanted, kept uint8 // of a resource's spare key: in truth, as adopted, in the vault
	twin                  uint8 // second deliveries of the adopted request, which may still change it: no protocol prevents that
	out                   uint8 // lost requests that may still change it
	dead                  bool  // a lost request has changed it after consumers could read it
}

var (
	planNames = []string{"planned", "emergency", "revoke", "next", "rollback"}
	stepNames = []string{"approve", "issue", "verify", "deposit", "propagate", "overlap", "withdraw", "watch", "revoke", "retract", "settle", "over"}
)

const over = 11

func stepNumber(name string) uint8 {
	for i, n := range stepNames {
		if n == name {
			return uint8(i)
		}
	}
	return over
}

func (w *world) stepName() string { return stepNames[w.step] }

// next is the step after this one, or the end.
func (w *world) next() {
	names := plans[planNames[w.plan]]
	for i, n := range names {
		if n == w.stepName() && i+1 < len(names) {
			w.step = stepNumber(names[i+1])
			return
		}
	}
	w.step = over
	w.end = 1
	if planNames[w.plan] == "rollback" {
		w.end = 2
	}
}

func (w *world) lost(ends uint8) {
	w.step, w.end, w.sealed = over, ends, false
}

// unresolved are attempts whose answer is lost and whose credential lives or may
// still come.
func (w *world) unresolved() (n int) {
	for i, t := range w.tried {
		c := w.cred[try1+i]
		if (t == abandoned || t == intended) && c&(there|coming) != 0 {
			n++
		}
	}
	return n
}

// behind reports whether a list or a replica has not heard of the truth yet.
func (w *world) behind(view set) bool {
	for _, c := range w.cred {
		if c&there != 0 != (c&view != 0) {
			return true
		}
	}
	return false
}

func (w *world) catchUp(view set) {
	for i, c := range w.cred {
		w.cred[i] &^= view
		if c&there != 0 {
			w.cred[i] |= view
		}
	}
}

// accepted reports whether every replica takes what somebody holds. A resource
// has no replicas, and its new key is only as good as its version.
func (w *world) accepted(holds uint8) bool {
	if holds >= creds {
		return false
	}
	if w.kind == 1 && holds == try1 {
		return w.kept == w.version
	}
	return w.cred[holds]&(repA|repB) == repA|repB
}

// bounds are how much may go wrong in one history.
type bounds struct{ faults, edits, sleepers, clocks uint8 }

// begin are the worlds that exploration starts from.
func begin(b bounds) (list []world) {
	for kind := range uint8(2) {
		for plan := range uint8(4) {
			w := world{kind: kind, plan: plan, vault: oldCred, before: oldCred, faults: b.faults, edits: b.edits, wrongClock: b.clocks, zombies: b.sleepers}
			w.cred[oldCred] = there | shown | repA | repB
			if kind == 1 {
				w.cred[try1] = there | shown | repA | repB // the spare key is always there
				w.edits = 0                                // what others do to keys is not told apart from what we do
			}
			list = append(list, w)
		}
	}
	return list
}
