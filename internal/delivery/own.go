package delivery

import (
	"context"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// known refuses a task of an application that is not a user's own as one that is
// not there.
func (d *Desk) known(ctx context.Context, by access.Actor, t *Task) error {
	sees, err := d.sees(ctx, by, t.Rotation)
	if err != nil || !sees {
		*t = Task{}
	}
	if err == nil && !sees {
		err = ErrNotFound
	}
	return err
}

func (d *Desk) sees(ctx context.Context, by access.Actor, rotation string) (bool, error) {
	if !by.OnlyOwn() {
		return true, nil
	}
	if d.Sees == nil {
		return false, nil
	}
	return d.Sees(ctx, by, rotation)
}

// own lists the tasks of a user's own applications. It goes through all that the
// filter selects: tasks are few.
func (d *Desk) own(ctx context.Context, by access.Actor, f Filter, limit int) (list []Task, more bool, err error) {
	known := map[string]bool{}
	list = []Task{}
	for {
		var page []Task
		err := d.Store.View(ctx, func(tx *store.Tx) (err error) {
			page, err = selectTasks(tx, by.Tenant, f, 1000)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		for _, t := range page {
			sees, asked := known[t.Rotation]
			if !asked {
				if sees, err = d.sees(ctx, by, t.Rotation); err != nil {
					return nil, false, err
				}
				known[t.Rotation] = sees
			}
			if sees && len(list) == limit {
				return list, true, nil
			}
			if sees {
				list = append(list, t)
			}
		}
		if len(page) < 1000 {
			return list, false, nil
		}
		last := page[len(page)-1]
		f.Before = Cursor{last.Opened, last.ID}
	}
}
