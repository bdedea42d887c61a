package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/time/rate"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// LeastPassword is how many characters a password has at least. There is no rule
// of what kinds of characters: length is what counts.
const LeastPassword = 12

const (
	longestPassword = 1024 // bytes; long enough for any manager, short enough to hash
	argonTime       = 3
	argonMemory     = 32 << 10 // KiB: 32 MB for a tenth of a second
	argonLanes      = 1
	argonKey        = 32
	atOnce          = 2 // passwords hashed at once
	waiting         = 8 // more are told to come back
)

// ErrCredentials is the one answer to a wrong name, a wrong password, and a
// person who has none or is locked out.
var ErrCredentials = errors.New("the name or the password is not right")

// effort bounds what guesses cost this machine, and how many there can be. It
// lives in the process: local people are for one machine.
type effort struct {
	mu    sync.Mutex
	slots chan struct{}
	queue chan struct{}
	tries map[string]*rate.Limiter
	dummy string
}

// hash runs one Argon2id when there is room for it.
func (e *effort) hash(ctx context.Context, work func()) error {
	e.mu.Lock()
	if e.slots == nil {
		e.slots, e.queue = make(chan struct{}, atOnce), make(chan struct{}, waiting)
	}
	slots, queue := e.slots, e.queue
	e.mu.Unlock()
	select {
	case queue <- struct{}{}:
		defer func() { <-queue }()
	default:
		return ErrTooMany
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	work()
	return nil
}

const mostTries = 20_000 // kept at once; then all of them begin anew

// try counts a guess. There is a bound for a name from one place, and a wider one
// for the name from anywhere, so that nobody is locked out by a stranger's few
// guesses and nobody can guess from many places for long.
func (e *effort) try(name, from string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tries == nil || len(e.tries) > mostTries {
		e.tries = map[string]*rate.Limiter{}
	}
	return e.allow("name "+name, 20*time.Second, 50) && e.allow("both "+name+" "+from, 20*time.Second, 8) && e.allow("from "+from, 3*time.Second, 30)
}

func (e *effort) allow(key string, each time.Duration, burst int) bool {
	l := e.tries[key]
	if l == nil {
		l = rate.NewLimiter(rate.Every(each), burst)
		e.tries[key] = l
	}
	return l.Allow()
}

// CheckPassword says who a local person is. It takes as long for a name that
// nobody has as for a wrong password.
func (d *Door) CheckPassword(ctx context.Context, name string, password secret.Value, from string) (Person, error) {
	name = loginName(name)
	if !d.effort.try(name, from) {
		return Person{}, ErrTooMany
	}
	var p Person
	err := d.Store.View(ctx, func(tx *store.Tx) (err error) {
		p, err = personBySubject(tx, d.Tenant, FromHere, name)
		return err
	})
	if err != nil && !errors.Is(err, ErrNoPerson) {
		return Person{}, err
	}
	against := p.password
	if against == "" {
		if against, err = d.anybody(ctx); err != nil {
			return Person{}, err
		}
	}
	right := false
	if err := d.effort.hash(ctx, func() { right = matches(against, password) }); err != nil {
		return Person{}, err
	}
	if !right || p.password == "" || !p.Disabled.IsZero() {
		subject := "" // what was typed may be a password
		if p.ID != "" {
			subject = p.ID
		}
		err := d.Store.Do(ctx, func(tx *store.Tx) error {
			nobody := Actor{ID: "anonymous", Name: "somebody at the sign-in page", Tenant: d.Tenant}
			return d.record(tx, Deed{By: nobody, Action: SignIn, Subject: subject, Refused: true, Detail: map[string]string{"how": "password", "from": from}})
		})
		return Person{}, errors.Join(ErrCredentials, err)
	}
	return p, nil
}

// anybody is a hash that no password fits, of the same cost as all others.
func (d *Door) anybody(ctx context.Context) (string, error) {
	d.effort.mu.Lock()
	made := d.effort.dummy
	d.effort.mu.Unlock()
	if made != "" {
		return made, nil
	}
	made, err := d.encode(ctx, random())
	if err == nil {
		d.effort.mu.Lock()
		d.effort.dummy = made
		d.effort.mu.Unlock()
	}
	return made, err
}

// encode hashes a new password, in the usual form of Argon2 hashes.
func (d *Door) encode(ctx context.Context, password secret.Value) (encoded string, err error) {
	var salt [16]byte
	rand.Read(salt[:])
	err = d.effort.hash(ctx, func() {
		key := argon2.IDKey([]byte(password.Reveal()), salt[:], argonTime, argonMemory, argonLanes, argonKey)
		encoded = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes,
			base64.RawStdEncoding.EncodeToString(salt[:]), base64.RawStdEncoding.EncodeToString(key))
	})
	return encoded, err
}

// matches compares a password with a hash, whose costs stand in it.
func matches(encoded string, password secret.Value) bool {
	fits := !password.IsZero() && password.Len() <= longestPassword
	if !fits {
		password = secret.New("nothing that anybody has") // it costs the same all the same
	}
	var version int
	var memory, rounds uint32
	var lanes uint8
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	if n, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &rounds, &lanes); err != nil || n != 4 || version != argon2.Version {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || memory > 1<<20 || rounds == 0 || rounds > 100 || lanes == 0 {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) != argonKey {
		return false
	}
	got := argon2.IDKey([]byte(password.Reveal()), salt, rounds, memory, lanes, argonKey)
	return subtle.ConstantTimeCompare(got, want) == 1 && fits
}

// goodPassword says what is wrong with a new password, in words for its owner.
func goodPassword(password secret.Value, name string) error {
	text := password.Reveal()
	distinct := map[rune]bool{}
	for _, r := range text {
		distinct[r] = true
	}
	switch {
	case !utf8.ValidString(text):
		return personProblem("the password is no text")
	case utf8.RuneCountInString(text) < LeastPassword:
		return personProblem("the password has fewer than %d characters", LeastPassword)
	case len(text) > longestPassword:
		return personProblem("the password has more than %d bytes", longestPassword)
	case len(distinct) < 5:
		return personProblem("the password repeats a few characters")
	case name != "" && strings.Contains(strings.ToLower(text), strings.ToLower(name)) && utf8.RuneCountInString(text) < LeastPassword+len(name):
		return personProblem("the password is mostly the name")
	}
	return nil
}

func loginName(text string) string { return strings.ToLower(strings.TrimSpace(clip(text, 256))) }
