// Package world is the truth of the pretended clouds: what exists, what every
// replica has heard of it so far, and which sicknesses are switched on.
//
// The surfaces (entra, graph, keyvault, arm) answer from here and write here.
// A test asks the world what really happened, whatever the surfaces said.
// Time is time.Now, so that testing/synctest can let weeks pass at once.
package world

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"
)

// Tenant names the pretended Entra tenant and its Azure subscription.
type Tenant struct {
	ID             string // GUID
	Domain         string // verified domain, such as contoso.com
	Name           string // display name
	SubscriptionID string // GUID
}

// Lag is how long news takes to reach each place. The zero value is none.
type Lag struct {
	Secret  time.Duration // a new or removed credential, until the last token replica knows (real: up to 2 min)
	List    time.Duration // a write, until the last Graph replica shows it (real: seconds)
	Vault   time.Duration // soft delete, recover and purge, until they are finished (real: about 10 s)
	Role    time.Duration // a role assignment, until it acts (real: minutes)
	Audit   time.Duration // a directory audit record, until it can be read (real: minutes to an hour)
	Account time.Duration // accountEnabled, until tokens are refused (real: minutes)
	Key     time.Duration // a resource's key made anew, until its last replica knows (real: seconds to minutes), and how long Cosmos DB takes to make one
	SignIn  time.Duration // a record of the sign-in log, until it can be read (real: minutes)
	Office  time.Duration // a directory event, until the Office 365 feed has it (real: 60 to 90 min, sometimes a day)
	Report  time.Duration // a use of a credential, until the report of last uses shows it (real: up to days)
}

// Config starts a world.
type Config struct {
	Tenant   Tenant
	Seed     uint64 // everything random follows from it
	Lag      Lag
	Replicas int     // token and Graph replicas; 0 means 3
	Limits   bool    // enforce the real request limits (429 with Retry-After)
	Records  Records // of sign-ins; the zero value has them all
	Signer   *Signer // nil means a new token signing key; tests of many worlds share one
}

// Records say what the tenant gives away of sign-ins.
type Records struct {
	Free     bool // no premium licence: the sign-in log cannot be read
	NoReport bool // nor is there a report of when credentials were last used, as in the national clouds
}

// World is everything that is true. Its lock guards all fields below it and all
// objects reachable from them; the methods of this package take it themselves.
type World struct {
	Tenant Tenant
	Lag    Lag
	Limits bool
	Faults *Faults
	Signer *Signer

	Records Records // may be changed under Change

	seed     uint64
	replicas int

	mu    sync.RWMutex
	rnd   *rand.Rand
	facts []Fact

	Directory Directory // guarded by mu
	Azure     Azure     // guarded by mu

	Finance map[string]*Finance   // environments of Finance and Operations by host; guarded by mu
	Office  []*OfficeSubscription // guarded by mu
	Events  []*EventSubscription  // guarded by mu
}

// New returns an empty world.
func New(c Config) (*World, error) {
	if c.Signer == nil {
		var err error
		if c.Signer, err = NewSigner(); err != nil {
			return nil, err
		}
	}
	if c.Replicas == 0 {
		c.Replicas = 3
	}
	w := &World{
		Tenant: c.Tenant, Lag: c.Lag, Limits: c.Limits,
		Faults: newFaults(c.Seed), Signer: c.Signer, Records: c.Records,
		seed: c.Seed, replicas: c.Replicas,
		rnd: rand.New(rand.NewPCG(c.Seed, 1)),
	}
	w.Directory.init()
	w.Azure.init(c.Tenant.SubscriptionID)
	return w, nil
}

// Read runs fn while nobody changes the world.
func (w *World) Read(fn func()) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	fn()
}

// Change runs fn while nobody else reads or changes the world.
func (w *World) Change(fn func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fn()
}

// Replica picks the replica that answers the next request.
func (w *World) Replica() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rnd.IntN(w.replicas)
}

// Replicas is how many replicas there are.
func (w *World) Replicas() int { return w.replicas }

// Heard reports whether a replica knows by now of what happened at a time.
// Each replica hears each piece of news after its own part of the lag; the same
// question always has the same answer, and a replica that knows never forgets.
func (w *World) Heard(replica int, news string, at time.Time, lag time.Duration) bool {
	if lag <= 0 {
		return true
	}
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], w.seed)
	binary.LittleEndian.PutUint64(b[8:], uint64(replica))
	sum := sha256.Sum256(append(b[:], news...))
	part := float64(binary.LittleEndian.Uint32(sum[:4])) / (1 << 32)
	return !time.Now().Before(at.Add(time.Duration(part * float64(lag))))
}

// GUID returns a new random (version 4) GUID. The caller holds Change.
func (w *World) GUID() string { return guid(w.rnd) }

// Rand is the world's source of chance. The caller holds Change.
func (w *World) Rand() *rand.Rand { return w.rnd }

// Fact is one effect that really happened, for tests and for the audit surfaces.
type Fact struct {
	Time    time.Time `json:"time"`
	What    string    `json:"what"`    // addPassword, removePassword, setSecret, token, ...
	Object  string    `json:"object"`  // object id, or vault/secret
	Key     string    `json:"key"`     // key id or version, if any
	Label   string    `json:"label"`   // displayName or so, if any
	By      string    `json:"by"`      // appid or user of the caller
	Request string    `json:"request"` // client-request-id of the caller
}

// Record notes an effect. The caller holds Change.
func (w *World) Record(f Fact) {
	if f.Time.IsZero() {
		f.Time = time.Now()
	}
	w.facts = append(w.facts, f)
}

// Facts returns the effects that really happened, oldest first; what = "" means all.
func (w *World) Facts(what string) []Fact {
	w.mu.RLock()
	defer w.mu.RUnlock()
	var list []Fact
	for _, f := range w.facts {
		if what == "" || f.What == what {
			list = append(list, f)
		}
	}
	return list
}
