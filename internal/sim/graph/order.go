package graph

import (
	"slices"
	"sort"
	"strings"
	"sync"
)

// orders keeps, by set and property, the sorted order of a set until it changes.
type orders struct {
	mu   sync.Mutex
	kept map[string]order

	peopleMu sync.Mutex
	people   []user
}

type order struct {
	news int
	at   []int // indices into the slots
	keys []string
}

func newOrders() *orders { return &orders{kept: map[string]order{}} }

func (l *collection[T]) sorted(c *call, property string) order {
	c.orders.mu.Lock()
	defer c.orders.mu.Unlock()
	name := l.entity.set + " " + property
	if kept, ok := c.orders.kept[name]; ok && kept.news == l.news(c) {
		return kept
	}
	var none T
	slots := l.slots(c)
	keys := make([]string, len(slots))
	made := order{news: l.news(c)}
	for i, item := range slots {
		if item != none {
			made.at = append(made.at, i)
			keys[i] = sortKey(l.source(c, item), property)
		}
	}
	slices.SortFunc(made.at, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	for _, i := range made.at {
		made.keys = append(made.keys, keys[i])
	}
	c.orders.kept[name] = made
	return made
}

// sortKey sorts texts without regard to case; the id behind makes the order total.
func sortKey(src source, property string) string {
	v := src(property)
	key := strings.ToLower(v.text)
	if v.kind == timeValue {
		key = v.time.UTC().Format("2006-01-02T15:04:05.000000000")
	}
	return key + "\x00" + src("id").text
}

func (l *collection[T]) sortedPage(c *call, o *options, v *view) (items []T, next *pageToken) {
	order := l.sorted(c, o.orderBy)
	slots := l.slots(c)
	step, i := 1, 0
	if o.reverse {
		step, i = -1, len(order.at)-1
	}
	if o.from != nil && o.from.key != "" { // the key of the first object of this page
		i = sort.SearchStrings(order.keys, o.from.key)
		if o.reverse && (i == len(order.keys) || order.keys[i] != o.from.key) {
			i--
		}
	}
	for ; i >= 0 && i < len(order.at); i += step {
		item := slots[order.at[i]]
		if !l.wanted(c, item, o, v) {
			continue
		}
		if len(items) == o.top {
			return items, &pageToken{set: l.entity.set, key: order.keys[i]}
		}
		items = append(items, item)
	}
	return items, nil
}
