package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Token is what is known of an API token. Its secret is not: only a hash is kept.
//
// The secret is text that a scanner can find and check by itself:
//
//	rk_ + 32 random characters + 6 of checksum, all of 0-9A-Za-z
//	\brk_[0-9A-Za-z]{38}\b
//
// The checksum is the CRC-32 (IEEE) of the 35 characters before it, in base 62
// with the digits 0-9A-Za-z, most significant first, filled up with zeros.
type Token struct {
	ID        string         `json:"id"`
	Tenant    string         `json:"tenant"`
	Name      string         `json:"name"`
	Person    string         `json:"person"` // who stands behind it
	Role      Role           `json:"role"`
	Actions   []Action       `json:"actions,omitempty"` // narrower than the role; empty: all that it permits
	Owner     string         `json:"owner,omitempty"`   // object id in the directory whose applications a user sees
	Sources   []netip.Prefix `json:"sources,omitempty"` // from where it is taken; empty: from anywhere
	Created   time.Time      `json:"created"`
	CreatedBy string         `json:"createdBy"` // Actor.ID
	Issuer    string         `json:"issuer"`    // Actor.Person of the same
	Expires   time.Time      `json:"expires"`
	LastUsed  time.Time      `json:"lastUsed,omitzero"` // to the minute
	Revoked   time.Time      `json:"revoked,omitzero"`
	RevokedBy string         `json:"revokedBy,omitempty"`
}

// TokenRequest asks for a token.
type TokenRequest struct {
	Name    string
	Person  string // empty: the actor's own
	Role    Role
	Actions []Action  // narrower than the role; empty: all that it permits
	Owner   string    // object id in the directory whose applications a user sees; empty: the person's own, if it is one of the directory
	Expires time.Time // required, at most MaxTokenLife ahead
	Sources []netip.Prefix
}

// MaxTokenLife is how long a token can live.
const MaxTokenLife = 366 * 24 * time.Hour

var (
	// ErrUnauthenticated means that a token is not one that is taken here and
	// now. The error around it says why to a caller who holds a real one.
	ErrUnauthenticated = errors.New("the token is not valid")
	// ErrNoToken means that there is no token with this id.
	ErrNoToken = errors.New("there is no such token")
)

const (
	tokenPrefix = "rk_"
	tokenRandom = 32
	tokenLength = len(tokenPrefix) + tokenRandom + 6
	digits      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// CreateToken makes a token inside tx, so that the caller's audit event commits
// with it. The secret is returned this once.
func CreateToken(tx *store.Tx, by Actor, q TokenRequest) (Token, secret.Value, error) {
	if err := by.Check(ManageTokens); err != nil {
		return Token{}, secret.Value{}, err
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	t := Token{
		ID: "t-" + strings.ToLower(rand.Text()[:10]), Tenant: by.Tenant, Name: strings.TrimSpace(q.Name), Person: personOf(q.Person, by), Role: q.Role,
		Actions: q.Actions, Owner: ownerOf(q, by), Sources: q.Sources, Created: now, CreatedBy: by.ID, Issuer: by.Person, Expires: q.Expires.UTC().Truncate(time.Millisecond),
	}
	if err := t.check(now); err != nil {
		return Token{}, secret.Value{}, fmt.Errorf("cannot make a token: %w", err)
	}
	value := newTokenSecret()
	if err := insertToken(tx, t, tokenHash(value)); err != nil {
		return Token{}, secret.Value{}, err
	}
	return t, value, nil
}

// personOf spells a person in one way: two tokens of one person count as one.
func personOf(asked string, by Actor) string {
	if asked = strings.ToLower(strings.TrimSpace(asked)); asked != "" {
		return asked
	}
	return by.Person
}

// ownerOf is whose applications a token sees: what was asked for, or the object of
// the directory that its person is.
func ownerOf(q TokenRequest, by Actor) string {
	if q.Owner != "" {
		return strings.ToLower(q.Owner)
	}
	person := personOf(q.Person, by)
	if object, ok := strings.CutPrefix(person, "entra:"+strings.ToLower(by.Tenant)+":"); ok {
		return object
	}
	if person == by.Person {
		return by.Owner
	}
	return ""
}

func (t Token) check(now time.Time) error {
	switch {
	case !isName(t.Name):
		return errors.New("it needs a name of 1 to 128 printable characters")
	case !isName(t.Person):
		return errors.New("it needs a person of 1 to 128 printable characters who stands behind it")
	case t.Person == Rekey("").Person:
		return fmt.Errorf("%q is rekey itself, not a person", t.Person)
	case !slices.Contains(Roles, t.Role):
		return fmt.Errorf("role %q is not user, administrator or auditor", t.Role)
	case !t.Expires.After(now):
		return errors.New("it needs an end in the future")
	case t.Expires.Sub(now) > MaxTokenLife:
		return errors.New("it may live for a year at most")
	case t.Owner != "" && !isGUID(t.Owner):
		return errors.New("an owner is the object id of somebody in the directory")
	case len(t.Sources) > 64:
		return errors.New("it may have 64 sources at most")
	}
	for _, a := range t.Actions {
		if !slices.Contains(permitted[t.Role], a) {
			return fmt.Errorf("the role %s does not permit %q", t.Role, a)
		}
	}
	for _, p := range t.Sources {
		if !p.IsValid() {
			return errors.New("a source is no network such as 10.1.0.0/16")
		}
	}
	return nil
}

func isName(s string) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= 128 &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Authenticate returns the actor behind a token. Remote is where the request
// comes from; it may be the zero Addr, which no list of sources contains. The
// error is ErrUnauthenticated if the token is not taken.
func Authenticate(ctx context.Context, db *store.DB, token secret.Value, remote netip.Addr) (Actor, error) {
	if !wellFormed(token) {
		return Actor{}, ErrUnauthenticated
	}
	now, hash := time.Now(), tokenHash(token)
	var t Token
	err := db.View(ctx, func(tx *store.Tx) error {
		var found string
		var err error
		if t, found, err = tokenByHash(tx, hash); err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(found), []byte(hash)) != 1 {
			return ErrUnauthenticated // an index that compares loosely, by a collation for instance
		}
		return nil
	})
	if err != nil {
		return Actor{}, err
	}
	if err := t.usable(now, remote); err != nil {
		return Actor{}, err
	}
	if now.Sub(t.LastUsed) >= time.Minute {
		err := db.Do(ctx, func(tx *store.Tx) error { return setUsed(tx, t.ID, now) })
		if err != nil && !errors.Is(err, store.ErrFull) && !errors.Is(err, store.ErrBusy) {
			return Actor{}, err
		} // a full disk must not lock out those who come to make room
	}
	return Actor{ID: "token:" + t.ID, Name: t.Name, Person: t.Person, Role: t.Role, Tenant: t.Tenant, Issuer: t.Issuer, Owner: t.Owner, Only: joinActions(t.Actions)}, nil
}

func (t Token) usable(now time.Time, remote netip.Addr) error {
	switch {
	case !t.Revoked.IsZero():
		return fmt.Errorf("%w: token %s was revoked on %s", ErrUnauthenticated, t.ID, t.Revoked.Format(time.DateTime))
	case !now.Before(t.Expires):
		return fmt.Errorf("%w: token %s has expired on %s", ErrUnauthenticated, t.ID, t.Expires.Format(time.DateTime))
	case !slices.Contains(Roles, t.Role):
		return fmt.Errorf("%w: token %s has a role that cannot be given", ErrUnauthenticated, t.ID)
	}
	if len(t.Sources) == 0 {
		return nil
	}
	remote = remote.Unmap().WithZone("")
	if slices.ContainsFunc(t.Sources, func(p netip.Prefix) bool { return p.Contains(remote) }) {
		return nil
	}
	return fmt.Errorf("%w: token %s is not taken from this address", ErrUnauthenticated, t.ID)
}

// RevokeToken ends a token of the actor's tenant inside tx, so that the caller's
// audit event commits with it. One that has ended already is no error.
func RevokeToken(tx *store.Tx, by Actor, id string) (Token, error) {
	if err := by.Check(ManageTokens); err != nil {
		return Token{}, err
	}
	t, err := tokenByID(tx, by.Tenant, id)
	if err != nil || !t.Revoked.IsZero() {
		return t, err
	}
	t.Revoked, t.RevokedBy = time.Now().UTC().Truncate(time.Millisecond), by.ID
	return t, setRevoked(tx, id, t.Revoked, by.ID)
}

// ListTokens returns the tokens of the actor's tenant, the oldest first, also
// those that have ended.
func ListTokens(ctx context.Context, db *store.DB, by Actor) (list []Token, err error) {
	if err := by.Check(ReadPeople); err != nil {
		return nil, err
	}
	err = db.View(ctx, func(tx *store.Tx) error {
		list, err = selectTokens(tx, by.Tenant)
		return err
	})
	return list, err
}

func newTokenSecret() secret.Value {
	b := append(make([]byte, 0, tokenLength), tokenPrefix...)
	for len(b) < len(tokenPrefix)+tokenRandom {
		var r [1]byte
		rand.Read(r[:])
		if int(r[0]) < 4*len(digits) { // the rest would make the first digits likelier
			b = append(b, digits[int(r[0])%len(digits)])
		}
	}
	return secret.New(append(b, checksum(b)...))
}

func checksum(b []byte) []byte {
	sum, text := crc32.ChecksumIEEE(b), []byte("000000")
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = digits[sum%uint32(len(digits))]
		sum /= uint32(len(digits))
	}
	return text
}

// wellFormed reports whether a text can be a token at all, without looking
// anything up.
func wellFormed(token secret.Value) bool {
	if token.Len() != tokenLength {
		return false
	}
	b := []byte(token.Reveal())
	if string(b[:len(tokenPrefix)]) != tokenPrefix {
		return false
	}
	for _, c := range b[len(tokenPrefix):] {
		if strings.IndexByte(digits, c) < 0 {
			return false
		}
	}
	end := tokenLength - 6
	return string(checksum(b[:end])) == string(b[end:])
}

// tokenHash needs no salt and no stretching: the secret is random, with 190 bits.
func tokenHash(token secret.Value) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}
