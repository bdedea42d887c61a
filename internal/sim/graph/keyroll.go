package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// addKey adds a certificate for a caller who proves that he has one already.
func (c *call) addKey(keys []string) (a *answer, f *failure) {
	var q struct {
		Credential *keyRequest     `json:"keyCredential"`
		Password   json.RawMessage `json:"passwordCredential"`
		Proof      string          `json:"proof"`
	}
	if f := c.decode(&q); f != nil {
		return nil, f
	}
	if q.Credential == nil {
		return nil, required("keyCredential", "addKey")
	}
	c.w.Change(func() {
		t, refused := c.target(keys[0])
		if refused == nil {
			refused = c.mayRoll(t.h)
		}
		if refused == nil {
			refused = c.checkProof(t.h, q.Proof)
		}
		if refused == nil {
			refused = c.policy()
		}
		if refused != nil {
			f = refused
			return
		}
		made, wrong := c.newKey(q.Credential, now())
		if wrong != nil {
			f = wrong
			return
		}
		before := *t.h
		t.h.Keys = append(slices.Clip(t.h.Keys), made)
		c.touch(t, "keyCredentials")
		c.record("addKey", t, made.KeyID, made.Name)
		c.auditKeys(t, &before)
		b := appendText([]byte(`{"@odata.context":`), c.context("microsoft.graph.keyCredential"))
		a = &answer{status: http.StatusOK, body: append(appendKey(append(b, ','), made, false), '}')}
	})
	return a, f
}

func (c *call) removeKey(keys []string) (a *answer, f *failure) {
	var q struct {
		KeyID string `json:"keyId"`
		Proof string `json:"proof"`
	}
	if f := c.decode(&q); f != nil {
		return nil, f
	}
	c.w.Change(func() {
		t, refused := c.target(keys[0])
		if refused == nil {
			refused = c.mayRoll(t.h)
		}
		if refused == nil {
			refused = c.checkProof(t.h, q.Proof)
		}
		if refused != nil {
			f = refused
			return
		}
		i := slices.IndexFunc(t.h.Keys, func(k *world.Key) bool { return k.KeyID == strings.ToLower(q.KeyID) && k.Removed.IsZero() })
		if i < 0 {
			f = badRequest("No key credential found with keyId '%s'.", q.KeyID)
			return
		}
		before := *t.h
		t.h.Keys = slices.Clone(t.h.Keys)
		gone := *t.h.Keys[i]
		gone.Removed = now()
		t.h.Keys[i] = &gone
		c.touch(t, "keyCredentials")
		c.record("removeKey", t, gone.KeyID, gone.Name)
		c.auditKeys(t, &before)
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}

// mayRoll lets an application roll its own keys without any permission, and others
// if they might write the object anyway.
func (c *call) mayRoll(h *world.Holder) *failure {
	if strings.EqualFold(c.claims.AppID, h.AppID) {
		return nil
	}
	if !c.has(writeApps...) {
		return denied()
	}
	return c.mayWrite(h)
}

// longestProof is how long a proof may be valid.
const longestProof = 10 * time.Minute

// checkProof wants a token signed with a certificate that is valid now, from the
// object itself to the directory, see
// https://learn.microsoft.com/graph/application-rollkey-prooftoken
func (c *call) checkProof(h *world.Holder, proof string) *failure {
	refused := func(why string) *failure {
		return &failure{status: http.StatusForbidden, code: "Authentication_MissingOrMalformed", message: "Access Token missing or malformed. " + why}
	}
	j, err := world.ParseJWS(proof)
	if err != nil {
		return refused("The proof is not a signed token.")
	}
	at := time.Now()
	signed := slices.ContainsFunc(h.Keys, func(k *world.Key) bool {
		return k.Removed.IsZero() && k.Usage == "Verify" && !at.Before(k.Starts) && at.Before(k.Ends) && j.Verify(k.DER) == nil
	})
	from, until := time.Unix(int64(j.Claims.NotBefore), 0), time.Unix(int64(j.Claims.Expires), 0)
	switch {
	case !signed:
		return refused("The proof is not signed with a valid certificate of the object.")
	case !slices.Contains(j.Claims.Audience, world.LegacyGraph):
		return refused("The audience of the proof must be " + world.LegacyGraph + ".")
	case !strings.EqualFold(j.Claims.Issuer, h.ID):
		return refused("The issuer of the proof must be the object id.")
	case until.Sub(from) > longestProof || at.Before(from.Add(-time.Minute)) || !at.Before(until):
		return refused("The proof is outside its valid time range.")
	}
	return nil
}
