package keyvault

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// shelf is where the objects of one kind stand in a vault: the living ones and
// the soft-deleted ones. Deletion, recovery and purge answer at once and are
// finished only after the lag; until then the name belongs to nobody and
// neither side shows it. All methods want the world's lock.
type shelf[T any] struct {
	kind       string // Secret, Certificate, Key
	live, gone map[string]T
	life       func(T) life
	now        time.Time
	lag, keep  time.Duration
}

// life is the part of an object that soft delete is about.
type life struct {
	name                       string
	deleted, recovered, purged *time.Time
}

func (c *call) secrets() shelf[*world.Secret] {
	return shelf[*world.Secret]{
		kind: "Secret", live: c.seen.Secrets, gone: c.seen.DeletedSecrets, now: now(), lag: c.w.Lag.Vault, keep: c.retention(),
		life: func(s *world.Secret) life { return life{s.Name, &s.Deleted, &s.Recovered, &s.Purged} },
	}
}

func (c *call) certificates() shelf[*world.Certificate] {
	return shelf[*world.Certificate]{
		kind: "Certificate", live: c.seen.Certificates, gone: c.seen.DeletedCertificates, now: now(), lag: c.w.Lag.Vault, keep: c.retention(),
		life: func(s *world.Certificate) life { return life{s.Name, &s.Deleted, &s.Recovered, &s.Purged} },
	}
}

func (c *call) keys() shelf[*world.VaultKey] {
	return shelf[*world.VaultKey]{
		kind: "Key", live: c.seen.Keys, gone: c.seen.DeletedKeys, now: now(), lag: c.w.Lag.Vault, keep: c.retention(),
		life: func(s *world.VaultKey) life { return life{s.Name, &s.Deleted, &s.Recovered, &s.Purged} },
	}
}

func (c *call) retention() time.Duration { return time.Duration(c.seen.RetentionDays) * 24 * time.Hour }

// shown reports whether the living side shows the object.
func (s shelf[T]) shown(o T) bool {
	at := *s.life(o).recovered
	return at.IsZero() || !s.now.Before(at.Add(s.lag))
}

// shownDeleted reports whether the deleted side shows the object.
func (s shelf[T]) shownDeleted(o T) bool {
	l := s.life(o)
	return l.purged.IsZero() && !s.now.Before(l.deleted.Add(s.lag)) && s.now.Before(l.deleted.Add(s.keep))
}

// find returns a living object.
func (s shelf[T]) find(name string) (T, error) {
	o, has := s.live[strings.ToLower(name)]
	if !has || !s.shown(o) {
		var none T
		return none, notFound(s.kind, name)
	}
	return o, nil
}

// findDeleted returns a soft-deleted object.
func (s shelf[T]) findDeleted(name string) (T, error) {
	o, has := s.gone[strings.ToLower(name)]
	if !has || !s.shownDeleted(o) {
		var none T
		return none, deletedNotFound(s.kind, name)
	}
	return o, nil
}

// writable refuses a write to a name that is held by a deleted object, or by
// one that is on its way back. Objects whose time is over leave here.
func (s shelf[T]) writable(name string) error {
	key := strings.ToLower(name)
	if o, has := s.live[key]; has && !s.shown(o) {
		return conflict("ObjectIsBeingRecovered", fmt.Sprintf("%s %s is currently being recovered.", s.kind, name))
	}
	o, has := s.gone[key]
	if !has {
		return nil
	}
	l := s.life(o)
	switch {
	case !l.purged.IsZero() && s.now.Before(l.purged.Add(s.lag)):
		return conflict("ObjectIsBeingDeleted", fmt.Sprintf("%s %s is currently being deleted and cannot be re-created; retry later.", s.kind, name))
	case !l.purged.IsZero(), !s.now.Before(l.deleted.Add(s.keep)):
		delete(s.gone, key)
		return nil
	}
	return s.deletedButRecoverable(name)
}

func (s shelf[T]) deletedButRecoverable(name string) error {
	return conflict("ObjectIsDeletedButRecoverable", fmt.Sprintf("%s %s is currently in a deleted but recoverable state, and its name cannot be reused; "+
		"in this state, the %s can only be recovered or purged.", s.kind, name, lower(s.kind)))
}

// remove moves a living object to the deleted side.
func (s shelf[T]) remove(name string) (T, error) {
	key := strings.ToLower(name)
	if o, has := s.live[key]; has && !s.shown(o) {
		return o, conflict("ObjectIsBeingRecovered", fmt.Sprintf("%s %s is currently being recovered.", s.kind, name))
	}
	o, err := s.find(name)
	if err != nil {
		return o, err
	}
	l := s.life(o)
	*l.deleted, *l.recovered, *l.purged = s.now, time.Time{}, time.Time{}
	delete(s.live, key)
	s.gone[key] = o
	return o, nil
}

// bring moves a soft-deleted object back.
func (s shelf[T]) bring(name string) (T, error) {
	o, err := s.settledDeleted(name, "recover")
	if err != nil {
		return o, err
	}
	l := s.life(o)
	*l.recovered, *l.deleted = s.now, time.Time{}
	delete(s.gone, strings.ToLower(name))
	s.live[strings.ToLower(name)] = o
	return o, nil
}

// purge ends a soft-deleted object; its name stays taken until the lag has passed.
func (s shelf[T]) purge(name string) (T, error) {
	o, err := s.settledDeleted(name, "purge")
	if err == nil {
		*s.life(o).purged = s.now
	}
	return o, err
}

func (s shelf[T]) settledDeleted(name, verb string) (T, error) {
	var none T
	if _, has := s.live[strings.ToLower(name)]; has {
		return none, &failure{
			status: http.StatusBadRequest, code: "MethodNotAllowed", inner: "RequestNotAllowedOnNonDeletedObject",
			message: fmt.Sprintf("Operation %q is not allowed on a %s that is not deleted.", verb, lower(s.kind)),
		}
	}
	if o, has := s.gone[strings.ToLower(name)]; has && s.now.Before(s.life(o).deleted.Add(s.lag)) {
		return none, conflict("ObjectIsBeingDeleted", fmt.Sprintf("%s %s is currently being deleted.", s.kind, name))
	}
	return s.findDeleted(name)
}

// names are all names of the shelf, shown or not, in the order of lists.
func (s shelf[T]) names() []string {
	list := make([]string, 0, len(s.live)+len(s.gone))
	for name := range s.live {
		list = append(list, name)
	}
	for name := range s.gone {
		if _, also := s.live[name]; !also {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func lower(kind string) string { return strings.ToLower(kind) }
