package schedule

import "time"

// Occasion is a time when a window is open, or a freeze.
type Occasion struct {
	Name     string
	From, To time.Time
	Freeze   bool
	Index    int  // of the window or freeze in the configuration
	All      bool // for all applications
}

// Occasions lists what lies in a time, windows first. Each opening of a window is
// one; not more than so many of each.
func (c *Calendar) Occasions(from, to time.Time, most int) (list []Occasion) {
	if c == nil {
		return nil
	}
	for i := range c.windows {
		w := &c.windows[i]
		open, began, found := w.open(from), from, 0
		for at := from; at.Before(to) && found < most; {
			if at = w.change(at); w.open(at) == open {
				continue
			}
			if open {
				list = append(list, Occasion{Name: w.name, From: began, To: at, Index: i, All: w.scope.all()})
				found++
			}
			open, began = !open, at
		}
	}
	for i := range c.freezes {
		if f := &c.freezes[i]; f.to.After(from) && f.from.Before(to) {
			list = append(list, Occasion{Name: f.name, From: f.from, To: f.to, Freeze: true, Index: i, All: f.scope.all()})
		}
	}
	return list
}
