package sim

import (
	"bytes"
	"iter"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Accepts is how many token replicas would let an application, by its client id,
// sign in with a value now: a client secret, or a key pair as PEM or PFX, which
// may be in base64. All of them: w.Replicas().
func (c *Cloud) Accepts(clientID, value string) (replicas int) {
	certificate, _ := leafOf(value)
	for replica := range c.world.Replicas() {
		if c.acceptedBy(replica, clientID, value, certificate) {
			replicas++
		}
	}
	return replicas
}

func (c *Cloud) acceptedBy(replica int, clientID, value string, certificate []byte) (yes bool) {
	c.world.Read(func() {
		for _, h := range c.holders(clientID) {
			for _, p := range h.Passwords {
				yes = yes || p.Text != "" && p.Text == value && c.opens(replica, p.KeyID, p.Added, p.Removed, p.Starts, p.Ends)
			}
			for _, k := range h.Keys {
				yes = yes || certificate != nil && k.Usage == "Verify" && bytes.Equal(k.DER, certificate) && c.opens(replica, k.KeyID, k.Added, k.Removed, k.Starts, k.Ends)
			}
		}
	})
	return yes
}

// opens reports whether a replica takes a credential now. The caller holds Read.
func (c *Cloud) opens(replica int, keyID string, added, removed, starts, ends time.Time) bool {
	now := time.Now()
	return c.knows(replica, keyID, added, removed) && !now.Before(starts.Add(-5*time.Minute)) && now.Before(ends)
}

// knows asks the world with the words of package entra; a test compares the two.
func (c *Cloud) knows(replica int, keyID string, added, removed time.Time) bool {
	lag := c.world.Lag.Secret
	for _, fault := range c.world.Faults.On() {
		if fault.Name == world.SecretLag {
			lag = fault.Delay
		}
	}
	if !added.IsZero() && !c.world.Heard(replica, "added "+keyID, added, lag) {
		return false
	}
	return removed.IsZero() || !c.world.Heard(replica, "removed "+keyID, removed, lag)
}

// holders are the application and the service principal of a client id, with
// what they are. The caller holds Read.
func (c *Cloud) holders(clientID string) iter.Seq2[string, *world.Holder] {
	return func(yield func(string, *world.Holder) bool) {
		if a := c.world.Directory.ApplicationByClient(clientID); a != nil && !yield(world.KindApplication, &a.Holder) {
			return
		}
		if sp := c.world.Directory.ServicePrincipalByClient(clientID); sp != nil {
			yield(world.KindPrincipal, &sp.Holder)
		}
	}
}

// Passwords are the client secrets that really exist on an application and its
// service principal, by client id, whatever lists show; expired ones are there too.
func (c *Cloud) Passwords(clientID string) (list []world.Password) {
	c.world.Read(func() {
		for _, h := range c.holders(clientID) {
			for _, p := range h.Passwords {
				if p.Removed.IsZero() {
					list = append(list, *p)
				}
			}
		}
	})
	return list
}

// Keys are the certificates that really exist, in the same way.
func (c *Cloud) Keys(clientID string) (list []world.Key) {
	c.world.Read(func() {
		for _, h := range c.holders(clientID) {
			for _, k := range h.Keys {
				if k.Removed.IsZero() {
					list = append(list, *k)
				}
			}
		}
	})
	return list
}

// Current is the value that a consumer reads from a vault's secret now; not ok
// when there is no such secret or its newest version is switched off.
func (c *Cloud) Current(vault, secret string) (value string, ok bool) {
	v, ok := c.CurrentVersion(vault, secret)
	return v.Value, ok && v.Enabled
}

// CurrentVersion is the newest version of a vault's secret, with dates and tags.
func (c *Cloud) CurrentVersion(vault, secret string) (version world.SecretVersion, ok bool) {
	list := c.Versions(vault, secret)
	if len(list) == 0 {
		return world.SecretVersion{}, false
	}
	return list[len(list)-1], true
}

// Versions are all versions of a vault's secret that is not deleted, oldest first.
func (c *Cloud) Versions(vault, secret string) (list []world.SecretVersion) {
	c.world.Read(func() {
		v := c.world.Azure.Vaults[strings.ToLower(vault)]
		if v == nil || v.Secrets[strings.ToLower(secret)] == nil {
			return
		}
		for _, version := range v.Secrets[strings.ToLower(secret)].Versions {
			list = append(list, *version)
		}
	})
	return list
}

// ResourceKeys are the keys that a resource really has now, by their names and
// its ARM id; none if there is no such resource.
func (c *Cloud) ResourceKeys(id string) map[string]string {
	keys := map[string]string{}
	c.world.Read(func() {
		if r := c.world.Azure.Resources[strings.ToLower(id)]; r != nil {
			for _, k := range r.Keys {
				keys[k.Name] = k.At(time.Now())
			}
		}
	})
	return keys
}

// Application finds an application by its client id, object id or exact name.
func (c *Cloud) Application(key string) (found world.Application, ok bool) {
	c.world.Read(func() {
		d := &c.world.Directory
		a := d.ApplicationByClient(key)
		if a == nil {
			a = d.Applications[key]
		}
		if a == nil {
			for _, named := range d.ApplicationsInOrder() {
				if named != nil && named.Name == key {
					a = named
					break
				}
			}
		}
		if a != nil {
			found, ok = *a, true
		}
	})
	return found, ok
}
