package entra

import (
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// proof is which credential opened the door.
type proof struct {
	kind   string // appidacr: "1" secret, "2" certificate or federated
	holder string // object id of the application or service principal it sits on
	keyID  string
	what   string          // clientSecret, certificate, federatedIdentityCredential
	thumb  string          // of a certificate
	used   func(time.Time) // notes the use; called under Change
}

// clockSkew is how far a client's clock may be off before dates are held against it.
const clockSkew = 5 * time.Minute

// prove checks the credential that was sent.
func (c *call) prove(q *request, who client, replica int) (proof, *failure) {
	lag := c.w.Lag.Secret
	if fault, struck := c.w.Faults.Strike(world.SecretLag, c.operation()); struck {
		lag = fault.Delay
	}
	if q.assertion != "" {
		return c.proveAssertion(q, who, replica, lag)
	}
	return c.proveSecret(q, who, replica, lag)
}

// holders are the objects whose credentials count: the application, if it is at
// home here, and its service principal. The caller holds Read.
func (who client) holders() []*world.Holder {
	list := make([]*world.Holder, 0, 2)
	if who.app != nil {
		list = append(list, &who.app.Holder)
	}
	return append(list, &who.principal.Holder)
}

// knows reports whether a replica counts a credential as existing: it has heard
// that it was added and not yet heard that it was removed.
func (c *call) knows(replica int, keyID string, added, removed time.Time, lag time.Duration) bool {
	if !added.IsZero() && !c.w.Heard(replica, "added "+keyID, added, lag) {
		return false
	}
	return removed.IsZero() || !c.w.Heard(replica, "removed "+keyID, removed, lag)
}

func (c *call) proveSecret(q *request, who client, replica int, lag time.Duration) (p proof, f *failure) {
	f = invalidClient(7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", q.clientID)
	c.w.Read(func() {
		now := time.Now()
		for _, h := range who.holders() {
			for _, s := range h.Passwords {
				if s.Text == "" || s.Text != q.secret || !c.knows(replica, s.KeyID, s.Added, s.Removed, lag) {
					continue
				}
				switch {
				case now.Add(clockSkew).Before(s.Starts):
				case !now.Before(s.Ends):
					p = proof{keyID: s.KeyID, what: "clientSecret"} // for the log, which knows whose it was
					f = invalidClient(7000222, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", q.clientID)
				default:
					p, f = proof{kind: "1", holder: h.ID, keyID: s.KeyID, what: "clientSecret", used: func(at time.Time) {
						c.w.Directory.Use(s.KeyID, s.LastUsed, at)
						s.LastUsed = at
					}}, nil
					return
				}
			}
		}
	})
	return p, f
}
