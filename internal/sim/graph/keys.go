package graph

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// keyRequest is a keyCredential as clients send it.
type keyRequest struct {
	KeyID  string     `json:"keyId"`
	Name   *string    `json:"displayName"`
	Type   string     `json:"type"`
	Usage  string     `json:"usage"`
	Key    *string    `json:"key"`
	Custom *string    `json:"customKeyIdentifier"`
	Starts *time.Time `json:"startDateTime"`
	Ends   *time.Time `json:"endDateTime"`
}

// setKeys is PATCH of keyCredentials: the list is the whole collection afterwards.
// Entries that exist must come back unchanged, though their bytes may be left out;
// those that do not come back are gone. Nothing protects a colleague's new entry.
func (c *call) setKeys(h *world.Holder, raw json.RawMessage) *failure {
	var list []keyRequest
	if f := setJSON(&list, "keyCredentials", raw); f != nil {
		return f
	}
	at := now()
	var after []*world.Key
	for _, l := range list {
		i := slices.IndexFunc(h.Keys, func(k *world.Key) bool {
			return l.KeyID != "" && k.KeyID == strings.ToLower(l.KeyID) && k.Removed.IsZero()
		})
		if i >= 0 {
			if edited(&l, h.Keys[i]) {
				return notUpdatable("keyCredentials", h.Keys[i].KeyID)
			}
			after = append(after, h.Keys[i])
			continue
		}
		if f := c.policy(); f != nil {
			return f
		}
		made, f := c.newKey(&l, at)
		if f != nil {
			return f
		}
		after = append(after, made)
	}
	for _, k := range h.Keys {
		if slices.Contains(after, k) {
			continue
		}
		gone := *k
		if gone.Removed.IsZero() {
			gone.Removed = at
		}
		after = append(after, &gone) // replicas that have not heard of it still need it
	}
	h.Keys = after
	return nil
}

func edited(l *keyRequest, k *world.Key) bool {
	if l.Key != nil && *l.Key != "" && len(k.DER) > 0 {
		der, ok := certificateBytes(*l.Key)
		if !ok || string(der) != string(k.DER) {
			return true
		}
	}
	return l.Type != "" && l.Type != k.Type || l.Usage != "" && l.Usage != k.Usage || moved(l.Starts, k.Starts) || moved(l.Ends, k.Ends)
}

// newKey makes a credential of the certificate in a request. The caller holds Change.
func (c *call) newKey(l *keyRequest, at time.Time) (*world.Key, *failure) {
	pair := l.Type + "/" + l.Usage
	if pair != "AsymmetricX509Cert/Verify" && pair != "X509CertAndPassword/Sign" {
		return nil, invalidKey("type", "Key credential type and usage '"+pair+"' do not go together.")
	}
	if l.Key == nil {
		return nil, invalidKey("key", "Key credential must have a key.")
	}
	der, ok := certificateBytes(*l.Key)
	if !ok {
		return nil, invalidKey("key", "Key value is invalid certificate.")
	}
	k := &world.Key{KeyID: strings.ToLower(l.KeyID), Type: l.Type, Usage: l.Usage, DER: der, Starts: at, Ends: at.AddDate(1, 0, 0), Added: at}
	if k.KeyID == "" {
		k.KeyID = c.w.GUID()
	} else if !isGUID(k.KeyID) {
		return nil, malformed("Cannot convert the literal '%s' to the expected type 'Edm.Guid'.", l.KeyID)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil && l.Usage == "Verify" {
		return nil, invalidKey("key", "Key value is invalid certificate.")
	}
	sum := sha1.Sum(der)
	k.Thumbprint = sum[:]
	if cert != nil {
		k.Starts, k.Ends, k.Name = cert.NotBefore.UTC(), cert.NotAfter.UTC(), cert.Subject.String()
	}
	if l.Name != nil {
		k.Name = *l.Name
	}
	if l.Custom != nil && *l.Custom != "" {
		if given, err := base64.StdEncoding.DecodeString(*l.Custom); err == nil {
			k.Thumbprint = given
		}
	}
	if f := keyDates(k, l, cert); f != nil {
		return nil, f
	}
	return k, nil
}

// keyDates takes the dates of a request, which must lie within the certificate's.
func keyDates(k *world.Key, l *keyRequest, cert *x509.Certificate) *failure {
	if l.Starts != nil {
		k.Starts = l.Starts.UTC()
	}
	if l.Ends != nil {
		k.Ends = l.Ends.UTC()
	}
	if cert != nil && k.Starts.Before(cert.NotBefore) {
		return invalidKey("startDateTime", "Key credential start date is invalid.")
	}
	if !k.Ends.After(k.Starts) || cert != nil && k.Ends.After(cert.NotAfter) {
		return invalidKey("endDateTime", "Key credential end date is invalid.")
	}
	return nil
}

func invalidKey(target, message string) *failure {
	f := badRequest("%s", message)
	f.details = []detail{{Target: "keyCredentials/" + target, Code: "InvalidKey"}}
	return f
}

// certificateBytes reads the key of a request: base64 of a DER certificate, with
// line breaks or without, or of its PEM text.
func certificateBytes(text string) ([]byte, bool) {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil || len(raw) == 0 {
		return nil, false
	}
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	return raw, true
}

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
