package graph

import (
	"strconv"
	"sync"

	"rekey.example/rekey/internal/sim/world"
)

// collection is a set of objects that can be listed.
type collection[T comparable] struct {
	entity *entity[T]
	schema *schema
	slots  func(c *call) []T // all objects in their order, the zero value where one is gone
	news   func(c *call) int // grows with every change of the set
	source func(c *call, o T) source
	holder func(o T) *world.Holder // nil for objects without credentials
	print  func(o T) uint64
	byID   func(c *call, id string) T
	byApp  func(c *call, appID string) T
}

// pageBuffers are bodies of lists, to be used again.
var pageBuffers = sync.Pool{New: func() any { return new([]byte) }}

// list answers a page.
func (l *collection[T]) list(c *call) (*answer, *failure) {
	o, f := readOptions(c, l.entity, l.schema)
	if f != nil {
		return nil, f
	}
	v := c.view()
	page := pageBuffers.Get().(*[]byte)
	b := (*page)[:0]
	c.w.Read(func() {
		items, next := l.page(c, o, v)
		b = append(b, `{"@odata.context":`...)
		b = appendText(b, c.context(l.entity.set+c.shape(o)))
		if o.count {
			b = append(b, `,"@odata.count":`...)
			b = strconv.AppendInt(b, int64(l.count(c, o, v)), 10)
		}
		if next != nil {
			b = append(b, `,"@odata.nextLink":`...)
			b = appendText(b, c.link("$skiptoken", next.String()))
		}
		b = append(b, `,"value":[`...)
		for i, item := range items {
			if i > 0 {
				b = append(b, ',')
			}
			b = l.append(c, b, item, o, v)
		}
		b = append(b, "]}"...)
	})
	*page = b
	return &answer{status: 200, body: b, page: page}, nil
}

// append appends one object with what was selected and expanded.
func (l *collection[T]) append(c *call, b []byte, item T, o *options, v *view) []byte {
	start := len(b)
	if o.selected == nil && l.holder != nil {
		b = whole(c, l.entity, b, item, l.holder(item), l.print, v)
	} else {
		b = l.entity.fields(b, item, v, o.selected)
	}
	if o.owners {
		b = append(b, `,"owners":[`...)
		b = append(c.appendObjects(b, l.holder(item).Owners, expandedOwners, v), ']')
	}
	return object(b, start)
}

// expandedOwners is how many owners $expand shows at most.
const expandedOwners = 20

// page picks the objects of the page and where the next one begins, nil if this is
// the last. It looks at as many objects as it has to, never from the start.
func (l *collection[T]) page(c *call, o *options, v *view) (items []T, next *pageToken) {
	var none T
	if o.filter != nil && (o.filter.eqID != "" || o.filter.eqAppID != "") {
		item := l.direct(c, o.filter)
		if item != none && l.wanted(c, item, o, v) {
			items = append(items, item)
		}
		return items, nil
	}
	if o.orderBy != "" {
		return l.sortedPage(c, o, v)
	}
	slots := l.slots(c)
	at := 0
	if o.from != nil {
		at = min(o.from.at, len(slots))
	}
	items = make([]T, 0, min(o.top, len(slots)-at))
	for ; at < len(slots); at++ {
		if slots[at] == none || !l.wanted(c, slots[at], o, v) {
			continue
		}
		if len(items) == o.top {
			return items, &pageToken{set: l.entity.set, at: at}
		}
		items = append(items, slots[at])
	}
	return items, nil
}

func (l *collection[T]) direct(c *call, f *filter) (item T) {
	if f.eqID != "" {
		return l.byID(c, f.eqID)
	}
	if l.byApp != nil {
		item = l.byApp(c, f.eqAppID)
	}
	return item
}

// wanted reports whether an object passes the filter and is there for this replica.
func (l *collection[T]) wanted(c *call, item T, o *options, v *view) bool {
	if l.holder != nil && !v.shows(l.holder(item)) {
		return false
	}
	if o.filter == nil && o.search == nil {
		return true
	}
	src := l.source(c, item)
	return (o.filter == nil || o.filter.match(src)) && (o.search == nil || o.search(src))
}

// count is how many objects there are to list in all pages together.
func (l *collection[T]) count(c *call, o *options, v *view) int {
	var none T
	n := 0
	for _, item := range l.slots(c) {
		if item != none && l.wanted(c, item, o, v) {
			n++
		}
	}
	return n
}

// countAlone answers the $count segment.
func (l *collection[T]) countAlone(c *call) (*answer, *failure) {
	if !c.eventual() {
		return nil, badRequest("$count is not currently supported.")
	}
	c.query.Set("$count", "true")
	o, f := readOptions(c, l.entity, l.schema)
	if f != nil {
		return nil, f
	}
	var n int
	c.w.Read(func() { n = l.count(c, o, c.view()) })
	return ok([]byte(strconv.Itoa(n)))
}
