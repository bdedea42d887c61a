package rotation_test

import (
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

// scenes are the plans and kinds that every fault is tried on.
var scenes = []scene{
	{name: "planned, client secret", request: (*town).request, subject: secretOfDemo},
	{name: "emergency, client secret", request: emergency((*town).request), subject: secretOfDemo},
	{name: "revoke, client secret", request: revoke((*town).request), subject: secretOfDemo, revoked: true},
	{name: "next, client secret", request: next((*town).request), subject: secretOfDemo, both: true},
}

func emergency(of func(*town) rotation.Request) func(*town) rotation.Request {
	return func(w *town) rotation.Request {
		q := of(w)
		q.Plan, q.Keep = "emergency", []string{"*"}
		return q
	}
}

func revoke(of func(*town) rotation.Request) func(*town) rotation.Request {
	return func(w *town) rotation.Request {
		q := of(w)
		q.Plan = "revoke"
		return q
	}
}

func next(of func(*town) rotation.Request) func(*town) rotation.Request {
	return func(w *town) rotation.Request {
		q := of(w)
		q.Plan, q.Place.Name = "next", q.Place.Name+"-next"
		return q
	}
}

// secretOfDemo is the client secret that the demonstration rotates.
func secretOfDemo(w *town) subject {
	return &entraSubject{w, inventory.ClientID(w.tenant.Demo.ClientID), w.tenant.Demo.Vault, w.tenant.Demo.Secret}
}

type entraSubject struct {
	w             *town
	client        inventory.ClientID
	vault, secret string
}

func (s *entraSubject) current() string {
	v, ok := s.w.cloud.Current(s.vault, s.secret)
	if !ok {
		s.w.t.Fatal("consumers find no value in the vault")
	}
	return v
}

func (s *entraSubject) accepts(v string) bool {
	return s.w.cloud.Accepts(string(s.client), v) == s.w.cloud.World().Replicas()
}

func (s *entraSubject) refuses(v string) bool { return s.w.cloud.Accepts(string(s.client), v) == 0 }

func (s *entraSubject) left() int { return len(s.w.cloud.Passwords(string(s.client))) }
