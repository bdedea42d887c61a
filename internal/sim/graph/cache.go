package graph

import (
	"encoding/binary"
	"sync"

	"rekey.example/rekey/internal/sim/world"
)

// cache keeps objects encoded in full. An entry counts as long as the print of its
// object is the same, so that nobody who changes an object has to tell us.
type cache struct {
	mu   sync.RWMutex
	kept map[*world.Holder]encoded
}

type encoded struct {
	print uint64
	json  []byte
}

func newCache() *cache { return &cache{kept: map[*world.Holder]encoded{}} }

func (c *cache) get(h *world.Holder, print uint64) ([]byte, bool) {
	c.mu.RLock()
	e, ok := c.kept[h]
	c.mu.RUnlock()
	return e.json, ok && e.print == print
}

func (c *cache) put(h *world.Holder, print uint64, json []byte) {
	c.mu.Lock()
	c.kept[h] = encoded{print, json}
	c.mu.Unlock()
}

func (c *cache) drop(h *world.Holder) {
	c.mu.Lock()
	delete(c.kept, h)
	c.mu.Unlock()
}

// printer mixes what an object is made of into one number.
type printer uint64

func (p *printer) number(n uint64) { *p = (*p ^ printer(n)) * 0x9e3779b97f4a7c15 }

// text takes a text's length and its two ends: an edit that keeps all three also
// moves Changed.
func (p *printer) text(s string) {
	p.number(uint64(len(s)))
	if len(s) >= 8 {
		p.number(binary.LittleEndian.Uint64([]byte(s[:8])))
		p.number(binary.LittleEndian.Uint64([]byte(s[len(s)-8:])))
		return
	}
	for _, c := range []byte(s) {
		p.number(uint64(c))
	}
}

func (p *printer) flag(v bool) {
	if v {
		p.number(1)
	} else {
		p.number(2)
	}
}

func (p *printer) holder(h *world.Holder) {
	p.number(uint64(h.Changed.UnixNano()))
	p.number(uint64(h.DeletedAt.Unix()))
	p.text(h.Name)
	p.text(h.Notes)
	p.number(uint64(len(h.Tags)))
	p.number(uint64(len(h.Extra)))
	p.text(h.Audience)
	for _, s := range h.Passwords {
		p.text(s.KeyID)
		p.text(s.Name)
		p.text(s.Hint)
		p.number(uint64(s.Starts.Unix()))
		p.number(uint64(s.Ends.Unix()))
		p.flag(s.Removed.IsZero())
	}
	for _, k := range h.Keys {
		p.text(k.KeyID)
		p.text(k.Name)
		p.number(uint64(k.Starts.Unix()))
		p.number(uint64(k.Ends.Unix()))
		p.flag(k.Removed.IsZero())
	}
}

func applicationPrint(a app) uint64 {
	var p printer
	p.holder(&a.Holder)
	p.text(a.Description)
	p.text(a.ServiceRef)
	p.text(a.PublisherDomain)
	p.number(uint64(len(a.IdentifierURIs)))
	p.number(uint64(len(a.Redirects)))
	p.number(uint64(len(a.Requires)))
	p.flag(a.Disabled)
	return uint64(p)
}

func principalPrint(s principal) uint64 {
	var p printer
	p.holder(&s.Holder)
	p.text(s.Type)
	p.text(s.OwnerOrg)
	p.text(s.SSOMode)
	p.number(uint64(len(s.Names)))
	p.number(uint64(len(s.Notify)))
	p.flag(s.Enabled)
	return uint64(p)
}

// whole appends an object in full, from the cache if every replica shows it alike.
// What is kept begins with a comma, as fields does.
func whole[T any](c *call, e *entity[T], b []byte, o T, h *world.Holder, print func(T) uint64, v *view) []byte {
	if v.truth || v.keys || !v.settled(h) {
		return e.fields(b, o, v, nil)
	}
	now := print(o)
	if json, ok := c.cache.get(h, now); ok {
		return append(b, json...)
	}
	start := len(b)
	b = e.fields(b, o, v, nil)
	c.cache.put(h, now, append([]byte(nil), b[start:]...))
	return b
}
