package world

import (
	"slices"
	"time"
)

// SignIn is one record of the sign-in log: a client asked for a token with a
// credential of its own, and got it or not.
type SignIn struct {
	ID            string
	Time          time.Time
	AppID, App    string // client id and name
	PrincipalID   string // object id of the service principal
	KeyID         string // of the credential that was recognised; empty if none was
	Thumbprint    string // of a certificate, upper-case hexadecimal
	Kind          string // clientSecret, certificate, federatedIdentityCredential
	IP            string
	City, Country string // empty: Amsterdam, NL
	ResourceID    string // client id of the API that the token is for
	Resource      string // its name
	Code          int    // AADSTS number; 0: a token was given
	Reason        string // what the error says
	CorrelationID string
	TokenID       string // uti of the token

	Seq int // number of the record, growing by one
}

// signInsKept is how long a paid licence keeps the log.
const signInsKept = 30 * 24 * time.Hour

// AddSignIn writes a record. The caller holds Change.
func (d *Directory) AddSignIn(s SignIn) {
	d.signIns++
	s.Seq = d.signIns
	d.SignIns = append(d.SignIns, s)
	old := s.Time.Add(-signInsKept)
	// Seldom, so that a record costs what it costs to append it.
	if len(d.SignIns) > 1000 && len(d.SignIns)%1000 == 0 && d.SignIns[0].Time.Before(old) {
		d.SignIns = slices.DeleteFunc(d.SignIns, func(s SignIn) bool { return s.Time.Before(old) })
	}
}

// Use notes that a credential opened the door, for the report of last uses. before
// is what was known of it until now, zero if nothing. The caller holds Change.
func (d *Directory) Use(keyID string, before, at time.Time) {
	list := d.uses[keyID]
	if len(list) == 0 && !before.IsZero() {
		list = append(list, before)
	}
	// Of uses in quick succession the first and the last are enough; the report
	// itself is not that exact.
	if n := len(list); n >= 2 && at.Sub(list[n-2]) < time.Minute {
		list[n-1] = at
	} else {
		list = append(list, at)
	}
	// The newest of those that every reader has heard of is kept, however old.
	for len(list) > 2 && at.Sub(list[1]) > signInsKept {
		list = list[1:]
	}
	d.uses[keyID] = list
}

// LastUse is the newest use of a credential that heard is true of; zero if there is
// none. known is the last one that its object knows of. The caller holds Read.
func (d *Directory) LastUse(keyID string, known time.Time, heard func(time.Time) bool) time.Time {
	list := d.uses[keyID]
	if len(list) == 0 && !known.IsZero() {
		list = []time.Time{known}
	}
	for _, at := range slices.Backward(list) {
		if heard(at) {
			return at
		}
	}
	return time.Time{}
}
