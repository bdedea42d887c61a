package inventory

import (
	"context"
	"errors"
	"fmt"

	"rekey.example/rekey/internal/store"
)

// complete reads those objects whole of which a delta tells too little: new ones,
// ones that came back, and ones whose change is in something that deltas leave
// out. It is done before the transaction begins, so that nothing else waits for
// the network.
func (r *reading) complete(ctx context.Context, p *Page) error {
	source, ok := r.feed.(Whole)
	if !ok {
		return nil
	}
	var lacking []*Record
	err := r.Store.View(ctx, func(tx *store.Tx) error {
		var o Object
		for i := range p.Records {
			rec := &p.Records[i]
			if rec.Removed {
				continue
			}
			if err := r.feed.Read(rec.Raw, &o); err != nil {
				return err
			}
			k, err := findKnown(tx, r.at.tenant, rec.ObjectID)
			if err != nil {
				return err
			}
			if k.num == 0 || k.gone != 0 || tooLittle(&o) {
				lacking = append(lacking, rec)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot read changes of %s: %w", r.at.feed, err)
	}
	for _, rec := range lacking {
		raw, err := source.Object(ctx, rec.ObjectID)
		if errors.Is(err, ErrNotFound) {
			rec.Removed = true
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot read a changed object: %w", err)
		}
		rec.Raw, rec.Partial = raw, false
	}
	return nil
}

// tooLittle reports whether a part cannot be understood by itself: it says that
// something changed and not what, or tells one half of the keys of an object
// whose secrets and keys belong together.
func tooLittle(o *Object) bool {
	keys := o.Has & (HasPasswords | HasKeys)
	return o.Has == 0 || o.Holder == InServicePrincipals && keys != 0 && keys != HasPasswords|HasKeys
}

// changes takes in a page of a delta.
func (w *writer) changes(p *Page) error {
	w.counts.Pages++
	w.counts.Bytes += int64(p.Bytes)
	w.counts.Read += len(p.Records)
	for i := range p.Records {
		if err := w.change(&p.Records[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) change(rec *Record) error {
	k, err := w.lookUp(rec.ObjectID)
	if err != nil {
		return err
	}
	if rec.Removed {
		if k.num == 0 {
			return nil
		}
		a, err := loadApplication(w.tx, w.reading.tenant, w.position.tenant, k.num)
		if err != nil {
			return err
		}
		return w.lose(&a)
	}
	if err := w.reading.feed.Read(rec.Raw, &w.object); err != nil {
		return err
	}
	if k.num != 0 {
		return w.replace(k.num, "", rec.Partial)
	}
	if w.object.Hidden {
		return nil
	}
	first, err := reserve(w.tx, w.position.tenant, 1)
	if err != nil {
		return err
	}
	return w.insert(first, "")
}
