package rotation

// outcome is one thing that can come of an event.
type outcome struct {
	name  string
	world world
	good  bool   // neither a fault nor somebody's mischief
	wrong string // what it breaks
}

// mutation is what the model leaves out.
type mutation struct {
	rule   string // promise of the rules
	fence  bool   // an intention is committed first, if nobody moved the row on
	intent bool   // the intention to issue is written down before the request
	brief  bool   // who slept since the look does not act
}

// visits are what one process may do next.
func visits(w world, m mutation) (list []outcome) {
	if w.end != 0 {
		return nil
	}
	for _, replica := range []set{repA, repB} {
		now := w
		e := &modelEyes{w: &now, replica: replica}
		r := decide(now.stepName(), e, m.rule)
		for _, o := range perform(now, r.then, e, m) {
			if o.world != w {
				if w.zombie != "" && o.world.journal() != w.journal() {
					o.world.zombieStale = true
				}
				list = append(list, o)
			}
		}
	}
	return list
}

// journal is the part of a world that is the rotation's row.
func (w world) journal() world {
	return world{
		tried: w.tried, plan: w.plan, step: w.step, end: w.end, sealed: w.sealed, put: w.put, taken: w.taken, used: w.used, issued: w.issued,
		row: w.row, pivot: w.pivot, told: w.told, clean: w.clean, wanted: w.wanted,
	}
}

// perform does an act and lists how it can end. Each ends once more by a crash
// before the result is written down.
func perform(w world, a act, e *modelEyes, m mutation) []outcome {
	switch a {
	case pass:
		if w.stepName() == "withdraw" || w.stepName() == "revoke" {
			w.pivot, w.watched, w.clean = true, false, 0
		}
		w.row = 0
		w.next()
		return []outcome{{"passes", w, true, w.finished()}}
	case hold, again, tell:
		return []outcome{{"waits", w, true, ""}}
	case refuse:
		w.lost(3)
		return []outcome{{"ends: nobody approved", w, true, ""}}
	case void:
		w.giveUp()
		return []outcome{{"the plan is void", w, true, ""}}
	case abandon:
		for i, t := range w.tried {
			if t == intended {
				w.tried[i] = abandoned
			}
		}
		w.pause = true
		return []outcome{{"abandons", w, true, ""}}
	case clear:
		return clearing(w, e.stray())
	case order:
		return ordering(w, e, m)
	case put:
		return putting(w, e)
	case take:
		wrong := ""
		if w.vault != w.issued || w.kind == 1 && w.kept != w.wanted {
			wrong = "the sealed copy is erased, and the vault does not have the value"
		}
		w.taken, w.sealed = true, false
		w.next()
		return []outcome{{"takes", w, true, wrong}}
	case heal:
		w.wanted, w.row = w.version, 0
		if !w.sealed {
			w.vault, w.kept = try1, w.version
		}
		return []outcome{{"heals", w, true, ""}}
	case remove:
		return removing(w, e)
	case repeat:
		w.cred[oldCred] &^= there
		return []outcome{{"withdraws again", w, true, ""}}
	case retract:
		return retracting(w)
	}
	panic("the model knows no act " + string(a))
}

// giveUp is a void plan or a cancel.
func (w *world) giveUp() {
	if w.tried == [3]uint8{} {
		w.lost(2)
		return
	}
	for i, t := range w.tried {
		if t == intended {
			w.tried[i] = abandoned
		}
	}
	w.plan, w.step, w.sealed, w.watched, w.clean = 4, stepNumber("retract"), false, false, 0
}

func clearing(w world, i int) []outcome {
	lost := w
	w.cred[try1+i] &^= there
	crashed := w
	if w.tried[i] != adopted {
		w.tried[i] = retracted
	}
	list := []outcome{{"withdraws a stray", w, true, ""}, {"withdraws a stray and dies", crashed, true, ""}}
	if lost.faults > 0 {
		lost.faults--
		list = append(list, outcome{"the withdrawal of a stray is lost", lost, false, ""})
	}
	return list
}

func ordering(w world, e *modelEyes, m mutation) (list []outcome) {
	wrong := ""
	switch {
	case !w.consent || w.ended && !w.used:
		wrong = "a request without an approval (I5)"
	case e.Drifted():
		wrong = "a request although the world is not as approved (I5)"
	case e.Stray():
		wrong = "a request although a stray is shown (I6)"
	}
	i := 0
	for i < 2 && w.tried[i] != none && w.tried[i] != declined {
		i++
	}
	w.used = true
	if m.intent {
		w.cred[try1+i] |= there
		return []outcome{{"asks without a record, and dies", w, true, "a credential that the journal does not know (I2)"}}
	}
	w.tried[i] = intended
	if w.unresolved() > unresolved {
		wrong = "more than two attempts unresolved (I6)"
	}
	list = append(list, outcome{"intends and dies", w, true, wrong})
	declines := w
	declines.tried[i] = declined
	list = append(list, outcome{"is declined", declines, true, wrong})
	made := w
	made.make(i)
	list = append(list, outcome{"asks and dies", made, true, wrong})
	answered := made
	answered.tried[i], answered.issued, answered.sealed, answered.row, answered.wanted = adopted, uint8(try1+i), true, 0, made.version
	if w.kind == 1 {
		answered.issued = try1
	}
	answered.next()
	list = append(list, outcome{"is answered", answered, true, wrong})
	if w.faults == 0 {
		return list
	}
	for _, o := range []struct {
		name string
		do   func(*world)
	}{
		{"the answer is lost", func(w *world) { w.make(i); w.tried[i], w.pause = abandoned, true }},
		{"the request is lost", func(w *world) { w.tried[i], w.pause = abandoned, true }},
		{"the request comes late", func(w *world) { w.cred[try1+i] |= coming; w.out++; w.tried[i], w.pause = abandoned, true }},
		{"the request comes twice", func(w *world) { *w = answered; w.twin++ }},
	} {
		n := w
		o.do(&n)
		n.faults--
		if n.kind == 0 { // the twin of a secret is one more stray with its marker
			n.twin, n.out = 0, 0
		} else {
			n.cred[try1+i] &^= coming
		}
		if n.unresolved() > unresolved {
			wrong = "more than two attempts unresolved (I6)"
		}
		list = append(list, outcome{o.name, n, false, wrong})
	}
	return list
}

// make is what the issuer does with attempt i.
func (w *world) make(i int) {
	if w.kind == 1 {
		w.version++
		return
	}
	w.cred[try1+i] |= there
}

func putting(w world, e *modelEyes) []outcome {
	wrong := ""
	switch {
	case w.vault == foreign && w.before != foreign:
		wrong = "overwrites what somebody else wrote"
	case w.vault == nothing && w.before != nothing:
		wrong = "makes an entry again that somebody deleted"
	case w.kind == 0 && w.cred[w.issued]&there == 0 && !e.accepts(w.issued):
		wrong = "deposits a value that is refused"
	case w.kind == 0 && w.cred[w.issued]&there == 0:
		w.excused = true // removed by others a moment ago, and nobody has heard
	}
	w.put, w.putOld = true, false
	intends := w
	w.vault, w.kept = w.issued, w.wanted
	list := []outcome{{"intends to deposit and dies", intends, true, wrong}, {"deposits", w, true, wrong}}
	if w.faults == 0 {
		return list
	}
	late, broken := intends, w
	late.late, late.faults = w.issued, w.faults-1
	broken.vault, broken.faults = garbled, w.faults-1
	return append(list, outcome{"the deposit comes late", late, false, wrong}, outcome{"the vault stores something else", broken, false, wrong})
}

func removing(w world, e *modelEyes) []outcome {
	wrong := w.ending(e)
	if wrong == "excused" {
		w.excused, wrong = true, ""
	}
	w.pivot, w.watched, w.clean, w.row = true, false, 0, 0
	intends := w
	w.cred[oldCred] &^= there
	lost := w
	w.used = true
	w.next()
	list := []outcome{{"intends to withdraw and dies", intends, true, wrong}, {"withdraws and dies", lost, true, wrong}, {"withdraws", w, true, wrong}}
	if w.faults > 0 {
		silent := intends
		silent.used = true
		silent.next()
		silent.faults--
		list = append(list, outcome{"the withdrawal is lost", silent, false, wrong})
	}
	return list
}

// ending is what would break if the old credential went now.
func (w *world) ending(e *modelEyes) string {
	if planNames[w.plan] == "revoke" {
		if !w.consent || w.ended && !w.used {
			return "a revocation without an approval (I5)"
		}
		return ""
	}
	switch {
	case w.vault != w.issued:
		return "the old credential goes, and the vault does not hold the new value (I1b)"
	case w.kind == 1 && w.kept != w.version:
		return "the old key goes, and the vault holds a dead one (I1b)"
	case w.kind == 0 && w.cred[w.issued]&shown == 0:
		return "the old credential goes, and the directory does not show the new one (I1)"
	case w.kind == 0 && !e.accepts(w.issued):
		return "the old credential goes, and the new one is refused (I1)"
	case !w.manual:
		return "a consumer that a person has to move holds the old value (I7)"
	case planNames[w.plan] == "planned" && !w.cache:
		return "a consumer has the old value in its cache (I7)"
	case planNames[w.plan] == "planned" && !w.hidden:
		return "a consumer that nobody knows of uses the old value"
	case w.kind == 0 && w.cred[w.issued]&there == 0:
		return "excused" // removed by others a moment ago, and nobody has heard
	}
	return ""
}

func retracting(w world) []outcome {
	wrong := ""
	if w.vault == w.issued && w.issued != 0 && !w.excused && w.kind == 0 {
		wrong = "withdraws what consumers read"
	}
	if w.kind == 0 && w.issued != 0 {
		w.cred[w.issued] &^= there
	}
	crashed := w
	w.issued = 0
	w.next()
	return []outcome{{"retracts", w, true, wrong}, {"retracts and dies", crashed, true, wrong}}
}

// finished is what is wrong at a good end.
func (w *world) finished() string {
	if w.end == 0 || w.excused || w.newGone || planNames[w.plan] == "next" {
		return ""
	}
	for i := try1; i <= try3 && w.kind == 0; i++ {
		if w.cred[i]&(there|coming) != 0 && uint8(i) != w.issued {
			return "a stray is left behind (I3)"
		}
	}
	if w.end == 1 && w.cred[oldCred]&(there|repA|repB) != 0 {
		return "removed is said of a credential that is still accepted (T10)"
	}
	return ""
}
