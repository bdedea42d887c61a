package api

import (
	"context"
	"fmt"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/trail"
	"rekey.example/rekey/internal/usage"
)

// usualSince is how far back the users of a credential are told.
const usualSince = 30 * 24 * time.Hour

// GetCredentialUse tells how a credential is used, and by whom.
func (s *service) GetCredentialUse(ctx context.Context, in GetCredentialUseRequestObject) (GetCredentialUseResponseObject, error) {
	by := actorOf(ctx)
	if s.Usage == nil {
		return nil, &describedError{errNotPossible, "no records of uses are kept here", ""}
	}
	back, err := span("since", in.Params.Since)
	if err != nil {
		return nil, err
	}
	since := time.Now().UTC().Add(-back)
	if back == 0 {
		since = time.Now().UTC().Add(-usualSince)
	}
	e, err := s.Usage.Evidence(ctx, by, in.KeyID, since)
	if err != nil {
		return nil, err
	}
	r, err := s.ends(ctx, by, e)
	if err != nil {
		return nil, err
	}
	if r != nil && back == 0 && !r.Switched.IsZero() {
		if e, err = s.Usage.Evidence(ctx, by, in.KeyID, r.Switched); err != nil {
			return nil, err
		}
	}
	out := wireUse(e, r, time.Now().UTC())
	for _, src := range e.Sources {
		if src.Name != trail.OwnLog {
			out.Sources = append(out.Sources, wireSource(src))
		}
	}
	return GetCredentialUse200JSONResponse(out), nil
}

// ends finds the newest rotation that is to end a credential, or has ended it.
func (s *service) ends(ctx context.Context, by access.Actor, e usage.Evidence) (*rotation.Rotation, error) {
	if e.Application.ObjectID == "" {
		return nil, nil
	}
	list, _, err := s.Rotations.List(ctx, by, rotation.Filter{Application: e.Application.ObjectID, Limit: 50})
	if err != nil {
		return nil, err
	}
	for i := range list {
		if r := list[i]; r.Terms.Old.KeyID == e.KeyID && (r.Ended.IsZero() || !r.Removed.IsZero()) {
			return r, nil
		}
	}
	return nil, nil
}

func wireUse(e usage.Evidence, r *rotation.Rotation, now time.Time) wire.CredentialUse {
	out := wire.CredentialUse{
		KeyID: e.KeyID, Label: e.Credential.Label, State: stateOf(e, now), LastUsed: e.Reported, Since: e.Since, Count: e.Count, Whole: e.Whole,
		Users: each(e.Users, wireUser), Normal: e.Sketch.Normal(), Learning: e.Sketch.Learning(now), Alarms: []wire.UseAlarm{}, Sources: []wire.TrailSource{},
	}
	if a := e.Application; a.ObjectID != "" {
		out.Application = wireRef(a)
	}
	if !e.Last.Time.IsZero() {
		out.LastUse = wire.UseRecord{
			Time: e.Last.Time, Address: e.Last.Address, Network: usage.Network(e.Last.Address), Country: e.Last.Country, City: e.Last.City, Resource: e.Last.Resource, Error: e.Last.Error,
		}
	}
	if !e.Reported.IsZero() {
		out.UnusedDays = new(max(int(now.Sub(e.Reported).Hours()/24), 0))
	}
	for _, a := range e.Sketch.Standing() {
		out.Alarms = append(out.Alarms, wire.UseAlarm{Kind: string(a.Kind), Since: a.Since, Last: a.Last, Count: a.Count, What: a.What, Normal: a.Normal})
	}
	if r != nil {
		out.Rotation, out.Switched = r.ID, r.Switched
	}
	out.Verdict = verdictOf(e, r)
	return out
}

func wireRef(a inventory.Application) wire.ApplicationRef {
	return wire.ApplicationRef{ObjectID: string(a.ObjectID), ClientID: string(a.ClientID), Holder: wire.HolderKind(a.Holder), Name: a.Name}
}

func stateOf(e usage.Evidence, now time.Time) string {
	switch {
	case !e.Gone.IsZero():
		return "withdrawn"
	case e.Credential.KeyID == "":
		return "unknown to the inventory"
	case !e.Credential.Expires.IsZero() && e.Credential.Expires.Before(now):
		return "expired"
	}
	return "there"
}

func wireUser(u usage.User) wire.UseUser {
	return wire.UseUser{
		Network: u.Network, Addresses: u.Addresses, Country: u.Country, City: u.City, Resource: u.Resource, Count: u.Count, Refused: u.Refused, First: u.First, Last: u.Last,
	}
}

// verdictOf says in a sentence what the evidence comes to.
func verdictOf(e usage.Evidence, r *rotation.Rotation) string {
	switched := r != nil && !r.Switched.IsZero()
	var last string
	if len(e.Users) > 0 {
		u := e.Users[0]
		last = fmt.Sprintf(", the last time on %s", u.Last.Format("2006-01-02 15:04 UTC"))
		if u.Network != "" {
			last += " from " + u.Network
		}
		if u.Country != "" {
			last += " (" + u.Country + ")"
		}
		if u.Resource != "" {
			last += " for " + u.Resource
		}
	}
	text := sentence(e, r, switched, last)
	if e.Count > 0 {
		return text
	}
	return text + seenUpTo(e)
}

// seenUpTo says what silence is worth: up to when the sign-in log was read.
func seenUpTo(e usage.Evidence) string {
	for _, s := range e.Sources {
		if s.Name != entra.SignInLog {
			continue
		}
		if s.State == trail.Unrecorded {
			return "; the tenant keeps no sign-in log that rekey may read"
		}
		return "; the sign-in log is complete up to " + s.Through.Format("2006-01-02 15:04 UTC")
	}
	return "; the sign-in log is not read (trail.signIns)"
}

func sentence(e usage.Evidence, r *rotation.Rotation, switched bool, last string) string {
	switch {
	case switched && e.Count > 0:
		return fmt.Sprintf("still used %d times after the switch on %s%s", e.Count, r.Switched.UTC().Format("2006-01-02 15:04 UTC"), last)
	case switched:
		return fmt.Sprintf("no use is recorded after the switch on %s", r.Switched.UTC().Format("2006-01-02 15:04 UTC"))
	case e.Count > 0:
		return fmt.Sprintf("used %d times since %s%s", e.Count, e.Since.Format("2006-01-02"), last)
	case e.Reported.IsZero():
		return "no use is recorded at all, which is not the same as unused"
	}
	return fmt.Sprintf("no use is recorded since %s; the last one that is known was on %s", e.Since.Format("2006-01-02"), e.Reported.UTC().Format("2006-01-02 15:04 UTC"))
}
