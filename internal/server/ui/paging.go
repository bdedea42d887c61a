package ui

import (
	"net/http"
	"net/url"
	"strings"
)

// Lists are read by key: a page knows where the next one begins and not where the one
// before it did. So the way that was taken is kept in the address, as far as it is short.
const (
	longestTrail = 12 // pages back
	pageSize     = 50 // rows
)

// pager leads from one page of a list to its neighbours.
func pager(r *http.Request, shown int, noun, next string) Pager {
	q := r.URL.Query()
	here := q.Get("after")
	trail := split(q.Get("trail"))
	to := func(after string, trail []string) string {
		c := url.Values{}
		for k, v := range q {
			c[k] = v
		}
		c.Del("after")
		c.Del("trail")
		if after != "" {
			c.Set("after", after)
		}
		if len(trail) > 0 {
			c.Set("trail", strings.Join(trail, "~"))
		}
		if len(c) == 0 {
			return r.URL.Path
		}
		return r.URL.Path + "?" + c.Encode()
	}
	p := Pager{Note: count(shown, noun) + " on this page"}
	if next != "" {
		way := trail
		if here != "" {
			way = append(way, here)
		}
		p.Next = to(next, way[max(0, len(way)-longestTrail):])
	}
	if here == "" {
		if next == "" {
			p.Note = count(shown, noun)
		}
		return p
	}
	p.First = to("", nil)
	if len(trail) > 0 {
		p.Previous = to(trail[len(trail)-1], trail[:len(trail)-1])
	} else {
		p.Previous = p.First
	}
	return p
}

func split(trail string) []string {
	if trail == "" || len(trail) > longestTrail*2048 {
		return nil
	}
	return strings.Split(trail, "~")
}
