package graph

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const (
	deltaPage = 100                // without Prefer: odata.maxpagesize
	deltaLife = 7 * 24 * time.Hour // of a token for directory objects
)

func (c *call) applicationsDelta([]string) (*answer, *failure) {
	return delta(c, applicationSet, world.KindApplication)
}

func (c *call) principalsDelta([]string) (*answer, *failure) {
	return delta(c, principalSet, world.KindPrincipal)
}

// delta answers a round of a delta query. The first round walks through all
// objects, later ones through the log of changes from where the last one ended.
// A change that this replica has not heard of ends the round, and begins the next.
func delta[T comparable](c *call, l *collection[T], kind string) (*answer, *failure) {
	for _, option := range []string{"$expand", "$top", "$orderby", "$search", "$skip"} {
		if c.query.Has(option) {
			return nil, badRequest("The query option '%s' is not supported for delta queries.", option)
		}
	}
	size, f := c.pageSize()
	if f != nil {
		return nil, f
	}
	t, latest, f := c.deltaToken(l.entity.set)
	if f != nil {
		return nil, f
	}
	c.query.Set("$select", t.selected)
	chosen, f := readSelect(c, l.entity)
	if f != nil {
		return nil, f
	}
	v := &view{w: c.w, truth: true}
	page := pageBuffers.Get().(*[]byte)
	b := (*page)[:0]
	c.w.Read(func() {
		changes := c.w.Directory.Changes
		if latest {
			t = deltaToken{set: l.entity.set, at: len(changes), issued: time.Now(), selected: t.selected}
			b = c.deltaHead(b, l.entity.set, t, true)
			b = append(b, "]}"...)
			return
		}
		if t.issued.IsZero() { // the very first request
			t.first, t.since = true, len(changes)
		}
		t.issued = time.Now()
		if t.first {
			b = firstRound(c, b, l, t, size, chosen, v)
		} else {
			b = laterRound(c, b, l, kind, t, size, chosen, v)
		}
	})
	*page = b
	return &answer{status: http.StatusOK, body: b, page: page}, nil
}

// deltaToken reads where the client stands; the zero issued time means nowhere yet.
func (c *call) deltaToken(set string) (t deltaToken, latest bool, f *failure) {
	t = deltaToken{set: set, selected: c.query.Get("$select")}
	text := c.query.Get("$skiptoken")
	if text == "" {
		text = c.query.Get("$deltatoken")
	}
	if text == "" {
		text = c.query.Get("$deltaToken")
	}
	switch text {
	case "":
		return t, false, nil
	case "latest":
		return t, true, nil
	}
	t, err := parseDeltaToken(text)
	if err != nil || t.set != set {
		return t, false, badRequest("Badly formed token.")
	}
	_, struck := c.strikes(world.DeltaExpired)
	if struck || time.Since(t.issued) >= deltaLife {
		return t, false, &failure{
			status: http.StatusGone, code: "resyncRequired", message: "Resync required. Any items with the same id have changed; please start a full synchronization.",
			header: http.Header{"Location": {"https://" + host + c.r.URL.EscapedPath() + "?$deltatoken="}},
		}
	}
	return t, false, nil
}

// pageSize honours Prefer: odata.maxpagesize.
func (c *call) pageSize() (int, *failure) {
	for prefer := range strings.SplitSeq(c.r.Header.Get("Prefer"), ",") {
		name, text, _ := strings.Cut(strings.TrimSpace(prefer), "=")
		if !strings.EqualFold(name, "odata.maxpagesize") {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, badRequest("Invalid page size specified: '%s'. Must be between 1 and 999 inclusive.", text)
		}
		c.header.Set("Preference-Applied", "odata.maxpagesize="+strconv.Itoa(min(n, largestTop)))
		return min(n, largestTop), nil
	}
	return deltaPage, nil
}

// deltaHead begins the body with the link to go on with: a delta link if the round
// is over.
func (c *call) deltaHead(b []byte, set string, t deltaToken, over bool) []byte {
	context := set
	if t.selected != "" {
		context += "(" + t.selected + ")"
	}
	b = append(b, `{"@odata.context":`...)
	b = appendText(b, c.context(context))
	name, option := "@odata.nextLink", "$skiptoken"
	if over {
		name, option = "@odata.deltaLink", "$deltatoken"
	}
	b = append(b, `,"`+name+`":`...)
	b = appendText(b, "https://"+c.linkHost()+"/"+c.version+"/"+set+"/delta?"+option+"="+t.String())
	return append(b, `,"value":[`...)
}

func firstRound[T comparable](c *call, b []byte, l *collection[T], t deltaToken, size int, chosen []int, v *view) []byte {
	var none T
	slots := l.slots(c)
	at := min(t.at, len(slots))
	items := make([]T, 0, size)
	for ; at < len(slots) && len(items) < size; at++ {
		if slots[at] != none {
			items = append(items, slots[at])
		}
	}
	over := !slices.ContainsFunc(slots[at:], func(o T) bool { return o != none })
	next := t
	next.at = at
	if over {
		next.first, next.at, next.since = false, t.since, 0
	}
	b = c.deltaHead(b, l.entity.set, next, over)
	o := &options{selected: withID(l.entity, chosen)}
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = l.append(c, b, item, o, v)
	}
	return append(b, "]}"...)
}

// withID makes sure that a selection has the id, without which nobody could use it.
func withID[T any](e *entity[T], chosen []int) []int {
	if id := e.find("id"); chosen != nil && !slices.Contains(chosen, id) {
		return append(slices.Clone(chosen), id)
	}
	return chosen
}

// laterRound walks through the log. Of an object only what changed is told; a page
// may tell of the same object as an earlier one.
func laterRound[T comparable](c *call, b []byte, l *collection[T], kind string, t deltaToken, size int, chosen []int, v *view) []byte {
	type news struct {
		id      string
		removed string
		names   []string
		all     bool
	}
	var list []*news
	byID := map[string]*news{}
	changes := c.w.Directory.Changes
	at := min(t.at, len(changes))
	over := true
	for ; at < len(changes); at++ {
		x := &changes[at]
		if !c.told(x) {
			break
		}
		if x.Kind != kind {
			continue
		}
		n := byID[x.ID]
		if n == nil {
			if len(list) == size {
				over = false
				break
			}
			n = &news{id: x.ID}
			byID[x.ID], list = n, append(list, n)
		}
		n.removed = x.Removed
		n.names = append(n.names, x.Properties...)
		n.all = n.all || x.Removed == "" && len(x.Properties) == 0
	}
	next := t
	next.at = at
	b = c.deltaHead(b, l.entity.set, next, over)
	first := true
	for _, n := range list {
		start := len(b)
		if !first {
			b = append(b, ',')
		}
		mark := len(b)
		item, there := l.byID(c, n.id), false
		var none T
		switch {
		case n.removed != "" || item == none:
			reason := n.removed
			if reason == "" {
				reason = "changed" // it went after this page's last change
			}
			b = append(b, `{"id":`...)
			b = appendText(b, n.id)
			b = append(b, `,"@removed":{"reason":"`+reason+`"}}`...)
			there = true
		default:
			var fields []int
			if fields, there = changedFields(l.entity, n.names, n.all, chosen); there {
				b = object(l.entity.fields(b, item, v, fields), mark)
			}
		}
		if !there {
			b = b[:start]
			continue
		}
		first = false
	}
	return append(b, "]}"...)
}

// told reports whether this replica has heard of a change.
func (c *call) told(x *world.Change) bool {
	if fault, struck := c.strikes(world.StaleList); struck && x.Time.After(time.Now().Add(-fault.Delay)) {
		return false
	}
	return c.w.Heard(c.replica, "changed "+x.ID+x.Time.String(), x.Time, c.w.Lag.List)
}

// changedFields are the id and what changed, as far as it was selected; false if
// nothing of it was.
func changedFields[T any](e *entity[T], names []string, all bool, chosen []int) ([]int, bool) {
	if all {
		return withID(e, chosen), true
	}
	fields := []int{e.find("id")}
	for i := range e.properties {
		if slices.Contains(names, e.properties[i].name) && (chosen == nil || slices.Contains(chosen, i)) {
			fields = append(fields, i)
		}
	}
	return fields, len(fields) > 1
}
