package rotation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Report is the difference between journal and world, and what accepting it will
// do. Its hash binds the acceptance to what was shown.
type Report struct {
	Held     string    `json:"held"` // why; empty: nothing is held, and the report is for information
	Since    time.Time `json:"since,omitzero"`
	Taken    time.Time `json:"taken"`
	Looked   int       `json:"looked"`   // applications that were looked at
	Agree    int       `json:"agree"`    // open rotations that find the world as the journal has it, and go on
	Findings []Finding `json:"findings"` // everything else
	Hash     string    `json:"hash"`
}

// Finding is one difference.
type Finding struct {
	Rotation    string             `json:"rotation,omitempty"` // empty: of a credential that no rotation of the journal explains
	Application string             `json:"application"`
	Holder      inventory.ObjectID `json:"objectId"`
	Credential  string             `json:"credential,omitempty"` // key id
	Label       string             `json:"label,omitempty"`
	Proved      bool               `json:"proved,omitempty"` // its marker was made with this installation's key
	Journal     string             `json:"journal"`          // says
	World       string             `json:"world"`            // says
	Then        Outcome            `json:"then"`
	Text        string             `json:"text"` // what accepting does, in words
}

// Outcome is what accepting the report does with a finding.
type Outcome string

// The outcomes. None of them withdraws or writes anything outside.
const (
	ThenVoid Outcome = "void" // the rotation ends; what it made stays
	ThenKeep Outcome = "keep" // nothing is done; a person may look
)

// Show looks at every application of the journal and says how the world differs
// from it. seen is what a fresh reading of the inventory shows of all applications.
func (g *Guard) Show(ctx context.Context, by access.Actor, seen []inventory.Credential) (*Report, error) {
	if err := g.check(by, access.ReadReconcile); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.show(ctx, by.Tenant, seen)
}

func (g *Guard) show(ctx context.Context, tenant string, seen []inventory.Credential) (*Report, error) {
	rep := &Report{Held: g.reason, Since: g.began, Taken: time.Now().UTC().Truncate(time.Second), Findings: []Finding{}}
	holders, err := g.Keeper.holders(ctx, tenant)
	if err != nil {
		return nil, err
	}
	rep.Looked = len(holders)
	if err := g.Keeper.lookAt(ctx, holders); err != nil {
		return nil, err
	}
	byID := map[inventory.ObjectID]*holding{}
	for _, h := range holders {
		byID[h.app.ObjectID] = h
		for _, r := range h.rotations {
			f := g.Keeper.compare(r, h)
			if f == nil && r.State == Open {
				rep.Agree++
			}
			if f != nil {
				rep.Findings = append(rep.Findings, *f)
			}
		}
		rep.Findings = append(rep.Findings, g.Keeper.unexplained(h, h.list)...)
	}
	for _, c := range seen {
		if h := byID[c.Holder]; h == nil && Marked(c) {
			stranger := &holding{app: inventory.Application{Tenant: tenant, ObjectID: c.Holder, Name: string(c.Holder)}}
			rep.Findings = append(rep.Findings, g.Keeper.unexplained(stranger, []inventory.Credential{c})...)
		}
	}
	slices.SortFunc(rep.Findings, func(a, b Finding) int {
		return strings.Compare(a.Application+"\x00"+a.Rotation+"\x00"+a.Credential, b.Application+"\x00"+b.Rotation+"\x00"+b.Credential)
	})
	rep.Hash = rep.hash()
	return rep, nil
}

// hash binds everything but the moment at which it was looked.
func (r *Report) hash() string {
	b, err := json.Marshal(struct {
		Held     string
		Since    time.Time
		Looked   int
		Agree    int
		Findings []Finding
	}{r.Held, r.Since, r.Looked, r.Agree, r.Findings})
	if err != nil {
		panic(fmt.Sprintf("a report does not encode: %v", err)) // plain data only; cannot happen
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// holding is an application of the journal: its rotations, and what the world has.
type holding struct {
	app       inventory.Application
	rotations []*Rotation // the oldest first
	list      []inventory.Credential
	gone      bool // the directory does not know the application
	entries   map[inventory.Place]entrySeen
}

// entrySeen is what a vault entry holds, without the value.
type entrySeen struct {
	version, print, keyID, rotation, attempt string
	trouble                                  string // why it could not be read; "missing" if there is none
}

// holders are the applications of the journal with their rotations.
func (k *Keeper) holders(ctx context.Context, tenant string) ([]*holding, error) {
	var ids []string
	err := k.Store.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = rotationIDs(tx, tenant)
		return err
	})
	if err != nil {
		return nil, err
	}
	byID := map[inventory.ObjectID]*holding{}
	var list []*holding
	for _, id := range ids {
		r, err := k.load(ctx, tenant, id)
		if err != nil {
			return nil, err
		}
		h := byID[r.Terms.Application.ObjectID]
		if h == nil {
			h = &holding{entries: map[inventory.Place]entrySeen{}}
			byID[r.Terms.Application.ObjectID] = h
			list = append(list, h)
		}
		h.app, h.rotations = r.Terms.Application, append(h.rotations, r)
	}
	return list, nil
}

// looksAtOnce is how many applications are looked at at the same time.
const looksAtOnce = 8

// lookAt reads directory and vaults. What cannot be read in the directory is an
// error: a report with a hole in it is none. A vault's trouble is a finding.
func (k *Keeper) lookAt(ctx context.Context, list []*holding) error {
	var all sync.WaitGroup
	errs, turn := make([]error, len(list)), make(chan struct{}, looksAtOnce)
	for i, h := range list {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			errs[i] = k.see(ctx, h)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (k *Keeper) see(ctx context.Context, h *holding) error {
	sys, err := k.systems(h.app)
	if err != nil {
		return err
	}
	h.list, err = sys.Issuer.Credentials(ctx, h.app)
	if errors.Is(err, connector.ErrNotFound) {
		h.gone, err = true, nil
	}
	if err != nil {
		return fmt.Errorf("cannot read the credentials of %q: %w", h.app.Name, err)
	}
	s := &sight{k: k, ctx: ctx, sys: sys}
	for _, r := range h.rotations {
		place := r.Terms.Place
		place.Version = ""
		if _, known := h.entries[place]; !known && place.Name != "" {
			h.entries[place] = s.seeEntry(ctx, place)
		}
	}
	return ctx.Err()
}

func (s *sight) seeEntry(ctx context.Context, place inventory.Place) (e entrySeen) {
	vault, err := s.sys.Vault(place.Vault)
	if err != nil {
		return entrySeen{trouble: "cannot be reached"}
	}
	d, err := vault.Get(ctx, place.Name)
	if errors.Is(err, connector.ErrNotFound) {
		return entrySeen{trouble: "is missing"}
	}
	if err != nil {
		return entrySeen{trouble: "cannot be read"} // the error's own text would differ from look to look
	}
	defer d.Value.Zero()
	return entrySeen{version: d.Version, print: s.print(d.Value), keyID: d.Tags[inventory.TagKeyID], rotation: d.Tags[inventory.TagRotation], attempt: d.Tags[inventory.TagAttempt]}
}

func (h *holding) entry(r *Rotation) entrySeen {
	place := r.Terms.Place
	place.Version = ""
	return h.entries[place]
}

// shows reports whether the directory shows a credential as it is known.
func (h *holding) shows(c inventory.Credential) bool {
	return slices.ContainsFunc(h.list, func(d inventory.Credential) bool { return same(c, d) })
}
