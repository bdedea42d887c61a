package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// personalSlots is how many secrets an application may have that also serves
// personal accounts. Expired ones count.
const personalSlots = 2

// passwordRequest is the body of addPassword; every field may be missing.
type passwordRequest struct {
	Credential struct {
		Name   *string    `json:"displayName"`
		Starts *time.Time `json:"startDateTime"`
		Ends   *time.Time `json:"endDateTime"`
	} `json:"passwordCredential"`
}

// addPassword makes a secret and tells its text, this once. Called twice it makes two.
func (c *call) addPassword(keys []string) (a *answer, f *failure) {
	var q passwordRequest
	if f := c.decode(&q); f != nil {
		return nil, f
	}
	_, mute := c.strikes(world.NoSecretText)
	c.w.Change(func() {
		t, refused := c.writable(keys[0])
		if refused == nil {
			refused = c.policy()
		}
		if refused == nil {
			refused = c.slot(t.h)
		}
		if refused != nil {
			f = refused
			return
		}
		made, wrong := c.newPassword(q)
		if wrong != nil {
			f = wrong
			return
		}
		before := *t.h
		t.h.Passwords = append(slices.Clip(t.h.Passwords), made)
		c.touch(t, "passwordCredentials")
		c.record("addPassword", t, made.KeyID, made.Name)
		c.auditKeys(t, &before)

		text := made.Text
		if mute {
			text = ""
		}
		b := append([]byte(`{"@odata.context":`), '"')
		b = append(b, c.context("microsoft.graph.passwordCredential")...)
		b = append(b, '"', ',')
		a = &answer{status: http.StatusOK, body: append(appendPassword(b, made, text), '}'), location: "https://" + host}
	})
	return a, f
}

// newPassword draws the secret. The caller holds Change.
func (c *call) newPassword(q passwordRequest) (*world.Password, *failure) {
	at := now()
	p := &world.Password{KeyID: c.w.GUID(), Text: c.w.SecretText(), Starts: at, Added: at}
	p.Hint = p.Text[:3]
	if q.Credential.Name != nil {
		p.Name = *q.Credential.Name
	}
	if q.Credential.Starts != nil {
		p.Starts = q.Credential.Starts.UTC()
	}
	p.Ends = p.Starts.AddDate(2, 0, 0)
	if q.Credential.Ends != nil {
		p.Ends = q.Credential.Ends.UTC()
	}
	if !p.Ends.After(p.Starts) {
		f := badRequest("Password credential end date is invalid.")
		f.details = []detail{{Target: "passwordCredentials", Code: "InvalidEndDate"}}
		return nil, f
	}
	return p, nil
}

// policy is an application management policy that refuses new credentials.
func (c *call) policy() *failure {
	fault, struck := c.strikes(world.PolicyRefusal)
	if !struck {
		return nil
	}
	f := &failure{status: http.StatusBadRequest, code: fault.Value}
	switch f.code {
	case "", "CredentialInvalidLifetimeAsPerAppPolicy":
		f.code = "CredentialInvalidLifetimeAsPerAppPolicy"
		f.message = "Credential lifetime exceeds the max value allowed as per assigned policy 'default'."
		f.details = []detail{{Target: "EndDate", Code: "InvalidKeyEndDate", Message: f.message}}
	default:
		f.message = "Credential type not allowed as per assigned policy 'default'."
	}
	return f
}

// slot checks that there is room for one more secret.
func (c *call) slot(h *world.Holder) *failure {
	n := 0
	for _, p := range h.Passwords {
		if p.Removed.IsZero() {
			n++
		}
	}
	_, struck := c.strikes(world.SlotLimit)
	if !struck && (!personal(h) || n < personalSlots) {
		return nil
	}
	most := personalSlots
	if struck {
		most = max(n, 1)
	}
	f := &failure{status: http.StatusBadRequest, code: "TooManyAppPasswords"}
	f.message = "Not allowed to add " + strconv.Itoa(most+1) + " passwords. You can only add a maximum of " + strconv.Itoa(most) + " passwords."
	f.details = []detail{{Target: "passwordCredentials", Code: "TooManyAppPasswords"}}
	return f
}

func personal(h *world.Holder) bool { return strings.Contains(audience(h), "PersonalMicrosoftAccount") }

// removePassword takes a secret away. A replica that has not heard of it yet says
// that there is none, as it does of one that is gone.
func (c *call) removePassword(keys []string) (a *answer, f *failure) {
	var q struct {
		KeyID string `json:"keyId"`
	}
	if f := c.decode(&q); f != nil {
		return nil, f
	}
	q.KeyID = strings.ToLower(q.KeyID)
	if !isGUID(q.KeyID) {
		return nil, malformed("Cannot convert the literal '%s' to the expected type 'Edm.Guid'.", q.KeyID)
	}
	c.w.Change(func() {
		t, refused := c.writable(keys[0])
		if refused != nil {
			f = refused
			return
		}
		i := slices.IndexFunc(t.h.Passwords, func(p *world.Password) bool {
			return p.KeyID == q.KeyID && p.Removed.IsZero() && (p.Added.IsZero() || c.w.Heard(c.replica, "listed "+p.KeyID, p.Added, c.w.Lag.List))
		})
		if i < 0 {
			f = badRequest("No password credential found with keyId '%s'.", q.KeyID)
			return
		}
		before := c.withdraw(t.h, i)
		c.touch(t, "passwordCredentials")
		c.record("removePassword", t, q.KeyID, t.h.Passwords[i].Name)
		c.auditKeys(t, &before)
		t.h.Forget(c.forgotten())
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}

// withdraw marks a secret as removed and returns what the object was before.
func (c *call) withdraw(h *world.Holder, i int) (before world.Holder) {
	before = *h
	h.Passwords = slices.Clone(h.Passwords)
	gone := *h.Passwords[i]
	gone.Removed = now()
	h.Passwords[i] = &gone
	return before
}

// forgotten is the time before which every replica has heard of every removal.
func (c *call) forgotten() time.Time {
	longest := max(c.w.Lag.Secret, c.w.Lag.List)
	for _, fault := range c.w.Faults.On() {
		if fault.Name == world.SecretLag || fault.Name == world.StaleList {
			longest = max(longest, fault.Delay)
		}
	}
	return now().Add(-longest - 24*time.Hour)
}

// setPasswords is PATCH of passwordCredentials: a shorter list removes, nothing can
// be edited, and only a creation may make new ones.
func (c *call) setPasswords(h *world.Holder, raw json.RawMessage, creation bool) *failure {
	var list []struct {
		KeyID string  `json:"keyId"`
		Name  *string `json:"displayName"`
		passwordDates
	}
	if f := setJSON(&list, "passwordCredentials", raw); f != nil {
		return f
	}
	kept := map[string]bool{}
	for _, l := range list {
		i := slices.IndexFunc(h.Passwords, func(p *world.Password) bool {
			return l.KeyID != "" && p.KeyID == strings.ToLower(l.KeyID) && p.Removed.IsZero()
		})
		if i < 0 && !creation {
			return badRequest("New password credentials must be generated using service actions.")
		}
		if i < 0 {
			var q passwordRequest
			q.Credential.Name, q.Credential.Starts, q.Credential.Ends = l.Name, l.Starts, l.Ends
			made, f := c.newPassword(q)
			if f != nil {
				return f
			}
			h.Passwords = append(h.Passwords, made)
			kept[made.KeyID] = true
			continue
		}
		p := h.Passwords[i]
		if l.Name != nil && *l.Name != p.Name || moved(l.Starts, p.Starts) || moved(l.Ends, p.Ends) {
			return notUpdatable("passwordCredentials", p.KeyID)
		}
		kept[p.KeyID] = true
	}
	for i, p := range h.Passwords {
		if p.Removed.IsZero() && !kept[p.KeyID] {
			c.withdraw(h, i)
		}
	}
	return nil
}

type passwordDates struct {
	Starts *time.Time `json:"startDateTime"`
	Ends   *time.Time `json:"endDateTime"`
}

// moved compares as whole seconds: what a client read back may have lost the rest.
func moved(given *time.Time, have time.Time) bool {
	return given != nil && given.Unix() != have.Unix()
}

func notUpdatable(property, keyID string) *failure {
	f := badRequest("Update to existing credential with KeyId '%s' is not allowed.", keyID)
	f.details = []detail{{Target: property, Code: "KeyNotUpdatable"}}
	return f
}
