package alert

import (
	"context"
	"fmt"

	"rekey.example/rekey/internal/store"
)

// atOnce is how many alerts are changed in one transaction.
const atOnce = 250

// lookWith compares what a source finds with the alerts there are, and writes the
// difference. Stopped halfway, it has written what it has written; the next look
// finds the rest.
func (k *Keeper) lookWith(ctx context.Context, tenant string, s *Source, known sight) error {
	l := &looking{Keeper: k, ctx: ctx, tenant: tenant, source: s.Name}
	began := now()
	err := k.Store.View(ctx, func(tx *store.Tx) (err error) {
		l.known, err = loadKnown(tx, tenant, s.Name)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.Look(ctx, tenant, l.found); err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	var gone []string
	for id, known := range l.known {
		if !known.seen && known.state != Settled {
			gone = append(gone, id)
		}
	}
	for len(gone) > 0 {
		n := min(atOnce, len(gone))
		if err := l.settle(gone[:n]); err != nil {
			return err
		}
		gone = gone[n:]
	}
	return k.Store.Do(ctx, func(tx *store.Tx) error { return setSeen(tx, tenant, s.Name, known.heard, began) })
}

type looking struct {
	*Keeper
	ctx     context.Context // of the look; it ends with it
	tenant  string
	source  string
	known   map[string]*known
	pending []Matter
}

// found takes one matter. Most are known from the look before and cost nothing.
func (l *looking) found(m Matter) error {
	id := id(l.tenant, m.Kind, m.Subject)
	k := l.known[id]
	if k != nil {
		if k.seen {
			return nil
		}
		k.seen = true
		if k.state != Settled && k.hash == m.text() {
			return nil
		}
	} else {
		l.known[id] = &known{seen: true}
	}
	if l.pending = append(l.pending, m); len(l.pending) < atOnce {
		return nil
	}
	return l.flush()
}

func (l *looking) flush() error {
	if len(l.pending) == 0 {
		return nil
	}
	err := l.Store.Do(l.ctx, func(tx *store.Tx) error {
		for i := range l.pending {
			if err := l.raise(tx, l.tenant, l.source, &l.pending[i]); err != nil {
				return err
			}
		}
		return nil
	})
	l.pending = l.pending[:0]
	return err
}

// raise writes down what a matter is now, and who has to hear of it: if it is new,
// is back, or has come a step closer.
func (k *Keeper) raise(tx *store.Tx, tenant, source string, m *Matter) error {
	at := now()
	id := id(tenant, m.Kind, m.Subject)
	a, err := byID(tx, tenant, id, true)
	fresh := notFound(err)
	if err != nil && !fresh {
		return err
	}
	before := a
	a.ID, a.Tenant, a.source, a.Matter, a.hash, a.Changed = id, tenant, source, *m, m.text(), at
	closer := !fresh && m.Rung < before.Rung || !fresh && m.Severity.rank() < before.Severity.rank()
	switch {
	case fresh, before.State == Settled:
		a.State, a.Level, a.Opened, a.Settled, a.Judge, a.Why, a.Until, a.Told = Open, 0, at, moment(0), "", "", moment(0), moment(0)
	case before.State == Snoozed, !closer:
		return put(tx, &a)
	default:
		if before.State == Acknowledged { // seen, but it is worse now
			a.State, a.Opened, a.Judge, a.Why, a.Level = Open, at, "", "", 0
		}
	}
	a.round++
	a.Due = k.nextEscalation(&a, at)
	if err := put(tx, &a); err != nil {
		return err
	}
	return k.tell(tx, &a, fmt.Sprintf("%d.%d", a.round, min(m.Rung, NoRung)), raised, false)
}

func (l *looking) settle(ids []string) error {
	return l.Store.Do(l.ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			a, err := byID(tx, l.tenant, id, true)
			if err != nil {
				return err
			}
			if a.State == Settled {
				continue
			}
			a.State, a.Settled, a.Changed, a.Due, a.Until = Settled, now(), now(), moment(0), moment(0)
			if err := put(tx, &a); err != nil {
				return err
			}
			if err := l.end(tx, &a, settled); err != nil {
				return err
			}
		}
		return nil
	})
}
