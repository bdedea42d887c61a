package rotation

// modelEyes answer the rules' questions out of a world. replica is the token
// replica that this visit happens to meet.
type modelEyes struct {
	w       *world
	replica set
}

var _ eyes = (*modelEyes)(nil)

func (e *modelEyes) failed() bool { return false }

func (e *modelEyes) Lapsed() bool     { return e.w.lapsed && !e.w.consent }
func (e *modelEyes) Unapproved() bool { return !e.w.consent || e.w.ended && !e.w.used }

func (e *modelEyes) Drifted() bool {
	return e.w.cred[foreign]&shown != 0 || e.w.cred[oldCred]&shown == 0
}

func (e *modelEyes) Unanswered() bool {
	for _, t := range e.w.tried {
		if t == intended {
			return true
		}
	}
	return false
}

func (e *modelEyes) Stray() bool { return e.stray() >= 0 }

func (e *modelEyes) stray() int {
	if e.w.kind == 1 {
		return -1
	}
	for i, t := range e.w.tried {
		if t != none && uint8(try1+i) != e.w.issued && e.w.cred[try1+i]&shown != 0 {
			return i
		}
	}
	return -1
}

func (e *modelEyes) Outdated() bool { return false } // a visit sees one instant here; the second process stands for sleepers

func (e *modelEyes) TooSoon() bool {
	n := 0
	for i, t := range e.w.tried {
		if t == abandoned && e.w.cred[try1+i]&aged == 0 {
			n++
		}
	}
	return e.w.pause || n >= unresolved || e.w.tried[2] != none && e.w.tried[2] != declined
}

func (e *modelEyes) Closed() bool { return false } // only later, and time passes by itself here

func (e *modelEyes) LateAnswer() bool {
	if e.w.kind == 0 {
		return false
	}
	for i, t := range e.w.tried {
		if t == abandoned && e.w.cred[try1+i]&aged == 0 {
			return true
		}
	}
	return false
}

func (e *modelEyes) accepts(c uint8) bool {
	if e.w.kind == 1 && c == try1 {
		return e.w.wanted == e.w.version
	}
	return e.w.cred[c]&e.replica != 0
}

func (e *modelEyes) Refused() bool {
	if !e.accepts(e.w.issued) {
		e.w.row &^= 3
		return true
	}
	e.w.row |= uint8(e.replica / repA)
	return false
}

func (e *modelEyes) Unproved() bool { return e.w.row&3 != 3 }
func (e *modelEyes) Dead() bool     { return !e.accepts(e.w.issued) }

func (e *modelEyes) EntryDeleted() bool { return e.w.vault == nothing && e.w.before != nothing }
func (e *modelEyes) EntryForeign() bool {
	return e.w.vault == foreign && e.w.before != foreign
}

func (e *modelEyes) EntryOurs() bool {
	if e.w.issued == 0 || planNames[e.w.plan] == "rollback" && !e.w.put {
		return false
	}
	ours := e.w.vault == e.w.issued && (e.w.kind == 0 || e.w.kept == e.w.wanted)
	if ours && e.w.stood {
		e.w.caches, e.w.stood = false, false
	}
	return ours
}

func (e *modelEyes) EntryServes() bool {
	if e.w.issued == 0 {
		return true
	}
	if e.w.vault >= creds {
		return false
	}
	if e.w.kind == 1 && e.w.vault == try1 {
		return e.w.kept == e.w.version
	}
	return e.w.cred[e.w.vault]&e.replica != 0
}

func (e *modelEyes) ValueMoved() bool {
	return e.w.kind == 1 && e.w.issued != 0 && e.w.version != e.w.wanted && (e.w.sealed || e.w.vault == try1)
}

func (e *modelEyes) Untold() bool     { return false } // telling twice is as good as once
func (e *modelEyes) Unmoved() bool    { return !e.w.told }
func (e *modelEyes) ClockWrong() bool { return e.w.skew }

func (e *modelEyes) Overlapping() bool { return !e.w.caches && !e.w.skew } // a wrong clock says that it is over
func (e *modelEyes) NewShown() bool {
	return e.w.issued == 0 || e.w.kind == 1 || e.w.cred[e.w.issued]&shown != 0
}
func (e *modelEyes) OldShown() bool { return e.w.cred[oldCred]&shown != 0 }
func (e *modelEyes) OldUsed() bool  { return !e.w.hidden && planNames[e.w.plan] == "planned" }
func (e *modelEyes) Pivoted() bool  { return e.w.pivot }

func (e *modelEyes) OldAccepted() bool {
	if e.w.cred[oldCred]&e.replica != 0 {
		e.w.row &^= 12
		return true
	}
	e.w.row |= uint8(e.replica/repA) << 2
	return e.w.row&12 != 12
}

func (e *modelEyes) Watching() bool { return !e.w.watched }

func (e *modelEyes) Unsettled() bool {
	if e.w.kind == 1 {
		return false
	}
	if e.w.clean == 0 || e.w.rested {
		e.w.clean++
		e.w.rested = false
	}
	return e.w.clean < 2
}

func (e *modelEyes) Deposited() bool { return e.w.taken || e.w.pivot }
func (e *modelEyes) WriteOut() bool  { return e.w.put && !e.w.putOld }
