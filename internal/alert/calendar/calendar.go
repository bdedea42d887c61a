// Package calendar gives people feeds of what ends, what is planned, and when
// changes are made, for the calendar that they use anyway.
//
// A feed is one owner's or everything. Its address holds a token, which is shown
// once and kept as a hash; whoever has it reads the feed until it is ended. What a
// feed has said is remembered, so that an event that changes has a higher sequence
// number, and one that is gone is there once more, as cancelled.
package calendar

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert/ical"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Feed is one address.
type Feed struct {
	ID      string
	Tenant  string
	Name    string
	Owner   string // address or name of the owner whose applications it is about; empty: all
	Bare    bool   // without names of applications and consumers
	Made    time.Time
	By      string
	Read    time.Time // last; zero: never
	Revoked time.Time
}

// Entry is what stands in a calendar, before a feed makes an event of it.
type Entry struct {
	ID      string // stays the same as long as it is the same matter
	Start   time.Time
	End     time.Time
	AllDay  bool
	Summary string
	Bare    string // what it says in a feed without names
	Text    string
	URL     string
	Free    bool
}

// Desk makes feeds and reads them.
type Desk struct {
	Store *store.DB
	Log   *audit.Log
	// Entries finds what a feed has to say, the next first. owner is empty for all.
	Entries func(ctx context.Context, tenant, owner string, limit int) ([]Entry, error)

	mu        sync.Mutex
	limits    map[string]*rate.Limiter
	strangers *rate.Limiter
}

// What a caller can branch on.
var (
	ErrNotFound = errors.New("there is no such calendar feed")
	ErrTooOften = errors.New("the feed is read too often")
)

// InvalidError means that something was asked for that cannot be.
type InvalidError struct{ Why string }

func (e *InvalidError) Error() string { return e.Why }

const (
	mostEvents = 2000
	mostFeeds  = 1000
	refresh    = time.Hour
	goneFor    = 30 * 24 * time.Hour // a cancelled event is shown for this long
)

// List returns the feeds of the actor's tenant.
func (d *Desk) List(ctx context.Context, by access.Actor) (list []Feed, err error) {
	if err := by.Check(access.ReadFeeds); err != nil {
		return nil, err
	}
	err = d.Store.View(ctx, func(tx *store.Tx) error {
		list, err = feeds(tx, by.Tenant)
		return err
	})
	return list, err
}

// Make makes a feed. The token is shown this once.
func (d *Desk) Make(ctx context.Context, by access.Actor, f Feed) (Feed, secret.Value, error) {
	if err := by.Check(access.ManageFeeds); err != nil {
		return f, secret.Value{}, err
	}
	f.Name, f.Owner = strings.TrimSpace(f.Name), strings.TrimSpace(f.Owner)
	if n := len([]rune(f.Name)); n < 1 || n > 100 {
		return f, secret.Value{}, &InvalidError{Why: "its name has to have 1 to 100 characters"}
	}
	if len([]rune(f.Owner)) > 200 {
		return f, secret.Value{}, &InvalidError{Why: "its owner has more than 200 characters"}
	}
	token := secret.New("cal_" + rand.Text() + rand.Text())
	f.ID, f.Tenant, f.Made, f.By = "c-"+strings.ToLower(rand.Text()[:12]), by.Tenant, now(), by.Name
	err := d.Store.Do(ctx, func(tx *store.Tx) error {
		list, err := feeds(tx, by.Tenant)
		if err != nil {
			return err
		}
		if len(list) >= mostFeeds {
			return &InvalidError{Why: fmt.Sprintf("there are %d feeds already; revoke one", mostFeeds)}
		}
		if err := insertFeed(tx, &f, hash(token.Reveal())); err != nil {
			return err
		}
		e := audit.By(by, access.ManageFeeds, f.ID, audit.Done)
		e.Title, e.Detail = f.Name, map[string]string{"change": "made", "owner": f.Owner}
		return d.Log.Record(tx, e)
	})
	if err != nil {
		return f, secret.Value{}, err
	}
	return f, token, nil
}

// Revoke ends a feed: its address is dead from now on.
func (d *Desk) Revoke(ctx context.Context, by access.Actor, id string) error {
	if err := by.Check(access.ManageFeeds); err != nil {
		return err
	}
	return d.Store.Do(ctx, func(tx *store.Tx) error {
		f, err := deleteFeed(tx, by.Tenant, id)
		if err != nil {
			return err
		}
		e := audit.By(by, access.ManageFeeds, f.ID, audit.Done)
		e.Title, e.Detail = f.Name, map[string]string{"change": "revoked", "owner": f.Owner}
		return d.Log.Record(tx, e)
	})
}

// Read is the calendar behind a token. Its error is ErrNotFound if no feed has it;
// the token is only ever compared as a hash, by an index.
func (d *Desk) Read(ctx context.Context, token secret.Value) ([]byte, error) {
	text := token.Reveal()
	if !strings.HasPrefix(text, "cal_") || len(text) != 4+2*len(rand.Text()) {
		return nil, ErrNotFound
	}
	var f Feed
	err := d.Store.View(ctx, func(tx *store.Tx) (err error) {
		f, err = feedByHash(tx, hash(text))
		return err
	})
	if errors.Is(err, ErrNotFound) && !d.allowed("") {
		return nil, ErrTooOften
	}
	if err != nil {
		return nil, err
	}
	if !d.allowed(f.ID) {
		return nil, ErrTooOften
	}
	entries, err := d.Entries(ctx, f.Tenant, f.Owner, mostEvents)
	if err != nil {
		return nil, fmt.Errorf("cannot make calendar %s: %w", f.ID, err)
	}
	c := ical.Calendar{Name: f.Name, Refresh: refresh}
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		c.Events, err = remember(tx, &f, entries)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make calendar %s: %w", f.ID, err)
	}
	return c.Encode(), nil
}

// allowed keeps each feed, and all strangers together, to a pace.
func (d *Desk) allowed(feed string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.limits == nil {
		d.limits = map[string]*rate.Limiter{}
		d.strangers = rate.NewLimiter(5, 50)
	}
	if feed == "" {
		return d.strangers.Allow()
	}
	l := d.limits[feed]
	if l == nil {
		l = rate.NewLimiter(rate.Every(10*time.Second), 20)
		d.limits[feed] = l
	}
	return l.Allow()
}

// hash is what is kept of a token. It is long and random, so one round is enough.
func hash(token string) string {
	sum := sha256.Sum256([]byte("rekey calendar feed\x00" + token))
	return hex.EncodeToString(sum[:])
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
