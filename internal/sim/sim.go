// Package sim is the pretended clouds: Microsoft Entra, Microsoft Graph, Azure
// Key Vault and Azure Resource Manager, answering under their real names to any
// client that does not look at the padlock's issuer.
//
// A Cloud is one world with a seeded tenant and one front door. The door can be
// a listening server (Listen: an HTTP CONNECT proxy with its own CA, which also
// answers plain requests) or a RoundTripper in memory, for tests that let weeks
// pass in a bubble of testing/synctest. Behind either the same handlers answer,
// and the same faults of the wire strike. The truth is kept aside: a test asks
// the Cloud what really happened, whatever the answers said.
//
// Nothing here imports anything of rekey outside of sim.
package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/eventgrid"
	"rekey.example/rekey/internal/sim/issuer"
	"rekey.example/rekey/internal/sim/office"
	"rekey.example/rekey/internal/sim/rooms"
	"rekey.example/rekey/internal/sim/world"
)

// Config says which clouds to pretend. The zero value is the small hand-written
// tenant without lag, limits or faults.
type Config struct {
	World  world.Config  // an empty Tenant is filled in: Contoso, with ids from the seed
	Apps   int           // how many applications; the hand-written ones are always there
	Faults []world.Fault // on from the start

	FaultFile string // JSON list of further faults, read again whenever it changes

	// For Listen.
	CADir    string      // where the CA is kept, so that a restart keeps the clients' trust; empty means in memory
	Anywhere bool        // listen on addresses that others can reach
	Seen     func(Visit) // told of every request that was answered

	Outside http.RoundTripper // how notifications reach webhooks; nil means the network
}

// Visit is a request that came to the front door and what became of it.
type Visit struct {
	Operation string // METHOD host/path
	Status    int    // 0 when the connection was cut
	Fault     string // the fault that struck, if any
	Took      time.Duration
}

// Cloud is the pretended clouds.
type Cloud struct {
	config  Config
	world   *world.World
	tenant  contoso.Tenant
	systems []system
	rooms   *rooms.Rooms
	office  *office.Service
	events  *eventgrid.Service
	issuers map[string]*issuer.Issuer // by host
	file    *faultFile
	late    lateEffects
}

// New seeds a world and opens its surfaces.
func New(c Config) (*Cloud, error) {
	c.World.Tenant = named(c.World.Tenant, c.World.Seed)
	w, err := world.New(c.World)
	if err != nil {
		return nil, err
	}
	if c.Outside == nil {
		c.Outside = &http.Transport{Proxy: nil, TLSHandshakeTimeout: 10 * time.Second, DisableKeepAlives: true}
	}
	cloud := &Cloud{config: c, world: w, tenant: contoso.Seed(w, c.Apps), rooms: rooms.New(w), office: office.New(w, c.Outside), events: eventgrid.New(w, c.Outside), issuers: map[string]*issuer.Issuer{}}
	for _, host := range []string{issuer.GitHub, issuer.DevOps} {
		cloud.issuers[host] = issuer.New(host)
	}
	cloud.systems = systems(w, cloud.rooms, cloud.office, cloud.issuers)
	if c.FaultFile != "" {
		cloud.file = &faultFile{path: c.FaultFile, always: c.Faults, faults: w.Faults}
	}
	if err := w.Faults.Replace(c.Faults); err != nil {
		return nil, err
	}
	if cloud.file != nil {
		if err := cloud.file.read(); err != nil {
			return nil, err
		}
	}
	return cloud, nil
}

// named fills in what a tenant's name leaves open, the same for the same seed.
func named(t world.Tenant, seed uint64) world.Tenant {
	rnd := rand.New(rand.NewPCG(seed, 3))
	guid := func() string {
		a, b := rnd.Uint64(), rnd.Uint64()
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffff_ffff_ffff)
	}
	t.ID = cmp.Or(t.ID, guid())
	t.SubscriptionID = cmp.Or(t.SubscriptionID, guid())
	t.Domain = cmp.Or(t.Domain, "contoso.com")
	t.Name = cmp.Or(t.Name, "Contoso")
	return t
}

// World is the truth behind the surfaces.
func (c *Cloud) World() *world.World { return c.world }

// Rooms are what alerts are sent to, and what they took.
func (c *Cloud) Rooms() *rooms.Rooms { return c.rooms }

// Tenant names the seeded tenant and the identities that can sign in to it.
func (c *Cloud) Tenant() contoso.Tenant { return c.tenant }

// Issue signs what a job of GitHub Actions or Azure DevOps says, see package issuer.
func (c *Cloud) Issue(host string, claims map[string]any) (string, error) {
	i := c.issuers[host]
	if i == nil {
		return "", fmt.Errorf("%s issues no tokens", host)
	}
	return i.Sign(claims)
}

// Close forgets effects that are still on their way and waits for those that
// have begun.
func (c *Cloud) Close() { c.late.stop() }

// lateEffects are requests that were cut off and will be applied later.
type lateEffects struct {
	mu      sync.Mutex
	closed  bool
	pending map[*time.Timer]bool
	running sync.WaitGroup
}

func (l *lateEffects) after(d time.Duration, apply func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if l.pending == nil {
		l.pending = map[*time.Timer]bool{}
	}
	l.running.Add(1)
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		defer l.running.Done()
		l.mu.Lock()
		delete(l.pending, timer)
		l.mu.Unlock()
		apply()
	})
	l.pending[timer] = true
}

func (l *lateEffects) stop() {
	l.mu.Lock()
	l.closed = true
	for timer := range l.pending {
		if timer.Stop() {
			l.running.Done()
		}
		delete(l.pending, timer)
	}
	l.mu.Unlock()
	l.running.Wait()
}
