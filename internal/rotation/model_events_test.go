package rotation

// events are what the clouds, time and people may do next.
func events(w world, m mutation) (list []outcome) {
	add := func(name string, good bool, do func(*world)) {
		n := w
		do(&n)
		if n == w {
			return
		}
		wrong := ""
		if n.zombie != "" && n.zombie == w.zombie {
			if n.journal() != w.journal() {
				n.zombieStale = true
			}
		}
		list = append(list, outcome{name, n, good, wrong})
	}
	if w.end != 0 {
		return nil
	}
	clouds(&w, add)
	consumers(&w, add)
	people(&w, add)
	if w.edits > 0 {
		mischief(&w, add)
	}
	mending(&w, add)
	return append(list, sleepers(w, m)...)
}

type adder func(name string, good bool, do func(*world))

func clouds(w *world, add adder) {
	for _, view := range []set{shown, repA, repB} {
		if w.behind(view) {
			add("a view catches up", true, func(w *world) { w.catchUp(view) })
		}
	}
	for i, t := range w.tried {
		c := try1 + i
		if w.cred[c]&coming != 0 {
			add("a late request is applied", true, func(w *world) { w.cred[c] = w.cred[c]&^coming | there })
			add("a late request never is", true, func(w *world) { w.cred[c] &^= coming })
		}
		if t == abandoned && w.cred[c]&(coming|aged) == 0 && !w.behind(shown) && (w.out == 0) {
			add("a day passes since an attempt", true, func(w *world) { w.cred[c] |= aged })
		}
	}
	if w.twin > 0 {
		add("a second delivery changes the key", true, func(w *world) { w.twin--; w.version++ })
		add("a second delivery never does", true, func(w *world) { w.twin-- })
	}
	if w.out > 0 {
		add("a late request changes the key", true, func(w *world) { w.out--; w.version++; w.dead = w.vault == try1 })
		add("a late request never does", true, func(w *world) { w.out-- })
	}
	if w.pause && !w.behind(shown) {
		add("the last attempt was looked for", true, func(w *world) { w.pause = false })
	}
	if w.late != 0 {
		add("a late deposit arrives", true, func(w *world) {
			if w.vault == foreign || w.vault == nothing {
				w.excused = true
			}
			w.vault, w.kept, w.late = w.late, w.wanted, 0
		})
		add("a late deposit never arrives", true, func(w *world) { w.late = 0 })
	}
	if w.put && !w.putOld && w.late == 0 {
		add("a day passes since the deposit", true, func(w *world) { w.putOld = true })
	}
	if (w.pivot || planNames[w.plan] == "rollback") && !w.watched && w.late == 0 && w.twin+w.out == 0 {
		coming_ := set(0)
		for _, c := range w.cred {
			coming_ |= c & coming
		}
		if coming_ == 0 {
			add("the watch is over", true, func(w *world) { w.watched = true })
		}
	}
	if w.clean > 0 && !w.rested && !w.behind(shown) {
		add("a while passes", true, func(w *world) { w.rested = true })
	}
	if w.wrongClock > 0 {
		add("the clock goes wrong", false, func(w *world) { w.wrongClock--; w.skew = true })
	}
	if w.skew {
		add("the clock is set", true, func(w *world) { w.skew = false })
	}
}

func consumers(w *world, add adder) {
	ours := w.issued != 0 && w.vault == w.issued
	if w.taken || w.put {
		add("a cache is refreshed", true, func(w *world) { w.cache = ours })
	}
	if w.taken && w.cache && !w.caches && ours {
		add("longer than any cache passes", true, func(w *world) { w.caches = true })
	}
	if w.taken && ours {
		add("a person moves a consumer", true, func(w *world) { w.manual = true })
		add("an unknown consumer follows", true, func(w *world) { w.hidden = true })
	}
	if w.manual && !w.told {
		add("and says so", true, func(w *world) { w.told = true })
	}
}

func people(w *world, add adder) {
	if w.stepName() == "approve" {
		if !w.lapsed {
			add("somebody approves", true, func(w *world) { w.consent = true; w.next() })
		}
		add("nobody approves", true, func(w *world) { w.lapsed = true })
		add("cancelled before the approval", false, func(w *world) { w.lost(2) })
		return
	}
	if w.consent && !w.used && !w.ended {
		add("the approval ends", true, func(w *world) { w.ended = true })
	}
}

// cancelling is a person's command; it is good where rekey asks for it.
func cancelling(w world, m mutation) []outcome {
	if w.end != 0 || w.stepName() == "approve" || planNames[w.plan] == "rollback" {
		return nil
	}
	n := w
	if decide("cancel", &modelEyes{w: &n, replica: repA}, m.rule).then == deny {
		return nil
	}
	n.giveUp()
	if n.zombie != "" {
		n.zombieStale = true
	}
	return []outcome{{"somebody cancels", n, w.tried[2] != none || w.edits == 0 && w.kind == 0, ""}}
}

// mischief is the foreign administrator in the portal.
func mischief(w *world, add adder) {
	mine := func(do func(*world)) func(*world) { return func(w *world) { w.edits--; do(w) } }
	add("others add a credential", false, mine(func(w *world) { w.cred[foreign] |= there }))
	if w.cred[oldCred]&there != 0 {
		add("others remove the old one", false, mine(func(w *world) { w.cred[oldCred] &^= there; w.excused = true }))
	}
	if w.issued != 0 && w.cred[w.issued]&there != 0 {
		add("others remove the new one", false, mine(func(w *world) {
			w.cred[w.issued] &^= there
			w.newGone = w.vault == w.issued || w.late == w.issued
		}))
	}
	add("others write into the vault", false, mine(func(w *world) { w.vault, w.stood = foreign, w.taken }))
	if w.taken {
		add("others put the old value back", false, mine(func(w *world) {
			w.vault, w.stood = oldCred, true
			w.excused = w.excused || w.pivot
		}))
	}
	add("others delete the entry", false, mine(func(w *world) { w.vault, w.stood = nothing, w.taken }))
}

// mending is what people do when rekey asks them to.
func mending(w *world, add adder) {
	if w.cred[foreign]&there != 0 {
		add("the foreign credential is removed", true, func(w *world) { w.cred[foreign] &^= there })
	}
	if planNames[w.plan] == "rollback" && w.vault == w.issued {
		add("the former value is put back", true, func(w *world) { w.vault = w.before })
	}
	if w.vault != foreign && w.vault != nothing && (w.vault != oldCred || !w.taken) {
		return
	}
	if w.taken && w.issued != 0 {
		add("the new value is put back", true, func(w *world) { w.vault, w.kept = w.issued, w.wanted })
	} else if !w.taken {
		add("the former value is put back", true, func(w *world) { w.vault = w.before })
	}
}

// sleepers is the second process: it looks, decides, sleeps, and wakes when the
// world has moved on.
func sleepers(w world, m mutation) (list []outcome) {
	if w.zombie == "" {
		if w.zombies == 0 || w.stepName() == "approve" {
			return nil
		}
		n := w
		e := &modelEyes{w: &n, replica: repA}
		r := decide(n.stepName(), e, m.rule)
		switch r.then {
		case order, clear, put, remove:
			n = w
			n.zombies, n.zombie, n.zombieStale = 0, r.then, false
			if r.then == clear {
				n.zombieTarget = uint8(e.stray())
			}
			list = append(list, outcome{"a process falls asleep", n, false, ""})
		}
		return list
	}
	n := w
	n.zombie, n.zombieTarget, n.zombieStale = "", 0, false
	if w.zombieStale && !m.fence || !w.zombieStale && !m.brief {
		return append(list, outcome{"it wakes and does nothing", n, true, ""})
	}
	wrong := ""
	switch w.zombie {
	case order:
		wrong = "a sleeper sends a request of another time"
	case clear:
		c := try1 + int(w.zombieTarget)
		if uint8(c) == w.issued {
			wrong = "a sleeper withdraws what was adopted (I4)"
		}
		n.cred[c] &^= there
	case put:
		if w.issued == 0 || w.pivot && w.vault != w.issued {
			wrong = "a sleeper writes into the vault"
		}
	case remove:
		wrong = n.ending(&modelEyes{w: &n, replica: repA})
		if wrong == "excused" {
			wrong = ""
		}
		n.cred[oldCred] &^= there
	}
	return append(list, outcome{"it wakes and acts", n, true, wrong})
}
