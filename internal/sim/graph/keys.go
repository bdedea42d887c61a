package graph

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
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
