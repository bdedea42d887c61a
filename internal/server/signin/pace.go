package signin

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace bounds how often one address may begin to sign in.
type pace struct {
	mu   sync.Mutex
	from map[netip.Prefix]*rate.Limiter
}

const (
	beginsAMinute = 30
	mostAddresses = 10_000 // remembered at once
)

func (p *pace) begins(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		a = netip.IPv6Unspecified() // of a proxy on this machine: all of them together
	}
	bits := a.BitLen()
	if a.Is6() {
		bits = 64 // one customer's
	}
	network, _ := a.Prefix(bits) // of bits that fit
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.from == nil || len(p.from) >= mostAddresses {
		p.from = map[netip.Prefix]*rate.Limiter{}
	}
	l := p.from[network]
	if l == nil {
		l = rate.NewLimiter(rate.Every(time.Minute/beginsAMinute), beginsAMinute)
		p.from[network] = l
	}
	return l.Allow()
}
