package rotation_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim/world"
)

// truth is what really happened, and who did it.
type truth struct {
	two                   bool // processes
	didApprove, didCancel bool
	old                   world.Password
	values                map[string]string    // every secret that ever was: its key id
	dropped               map[string]time.Time // key ids that the foreign administrator removed
	added                 time.Time            // when the foreign administrator first added a secret
	first                 string               // version of the vault entry at the beginning
	read                  map[string]bool      // versions of the vault entry that we have read
	late                  bool                 // effects come more than a day after their request
	judged                map[string]bool      // versions of the vault entry that written has looked at
	put                   map[string]bool      // vault versions that the foreign administrator wrote
	meddled               time.Time            // when the foreign administrator last did something
	deleted, everGone     bool                 // the application
	lastVisit             time.Time            // when the visit began that ended the rotation
	seenVersion           string               // of the vault entry, when it was last read
	seenAt                time.Time
	withdrawn             bool // the old secret, by us
}

func (c *truth) begin(w *town) {
	c.old = w.cloud.Passwords(w.tenant.Demo.ClientID)[0]
	c.values, c.dropped = map[string]string{}, map[string]time.Time{}
	c.put, c.read, c.judged = map[string]bool{}, map[string]bool{}, map[string]bool{}
	v, _ := w.cloud.CurrentVersion(w.tenant.Demo.Vault, w.tenant.Demo.Secret)
	c.first = v.ID
}

func (c *chaos) application() *world.Application {
	d := &c.cloud.World().Directory
	if a := d.Applications[c.tenant.Demo.ApplicationID]; a != nil {
		return a
	}
	return d.Deleted[c.tenant.Demo.ApplicationID]
}

func (c *chaos) disturbed() { c.meddled = time.Now() }

func (c *chaos) foreignDrop(keyID string) {
	c.cloud.World().Change(func() {
		a := c.application()
		for i, p := range a.Passwords {
			if p.KeyID == keyID && p.Removed.IsZero() {
				gone := *p
				gone.Removed = time.Now()
				a.Passwords = slices.Clone(a.Passwords)
				a.Passwords[i] = &gone
				c.dropped[keyID] = time.Now()
			}
		}
	})
	c.disturbed()
}

func (c *chaos) foreignAdd(label string) {
	if !c.deleted {
		c.foreignSecret(label)
		c.disturbed()
		if c.added.IsZero() {
			c.added = time.Now()
		}
	}
}

func (c *chaos) foreignPut(value string) {
	c.deploy(value)
	v, _ := c.cloud.CurrentVersion(c.tenant.Demo.Vault, c.tenant.Demo.Secret)
	c.put[v.ID] = true
	c.disturbed()
}

func (c *chaos) deleteApplication() {
	w := c.cloud.World()
	w.Change(func() {
		if a := w.Directory.Applications[c.tenant.Demo.ApplicationID]; a != nil {
			w.Directory.DeleteApplication(a)
		}
	})
	c.deleted, c.everGone = true, true
	c.disturbed()
}

func (c *chaos) restoreApplication() {
	w := c.cloud.World()
	w.Change(func() {
		if a := w.Directory.Deleted[c.tenant.Demo.ApplicationID]; a != nil {
			w.Directory.RestoreApplication(a)
		}
		for _, s := range w.Directory.DeletedPrincipals {
			w.Directory.RestoreServicePrincipal(s)
		}
	})
	c.deleted = false
	c.disturbed()
}

func (c *chaos) enable(on bool) {
	w := c.cloud.World()
	w.Change(func() {
		if s := w.Directory.ServicePrincipalByClient(c.tenant.Demo.ClientID); s != nil && s.Enabled != on {
			s.Enabled, s.EnabledAt = on, time.Now()
		}
	})
	c.disturbed()
}

func (c *chaos) own(yes bool) {
	w := c.cloud.World()
	w.Change(func() {
		a, id := c.application(), c.tenant.Writer.PrincipalID
		a.Owners = slices.DeleteFunc(slices.Clone(a.Owners), func(o string) bool { return o == id })
		if yes {
			a.Owners = append(a.Owners, id)
		}
		w.Directory.Touch(world.KindApplication, &a.Holder, "owners")
	})
	c.disturbed()
}

// made is what our writer made and what is there still.
func (c *chaos) made() (list []world.Password) {
	ours := map[string]bool{}
	for _, f := range c.cloud.World().Facts("addPassword") {
		ours[f.Key] = f.By == c.tenant.Writer.ClientID
	}
	c.cloud.World().Read(func() {
		for _, p := range c.application().Passwords {
			if p.Removed.IsZero() && ours[p.KeyID] {
				list = append(list, *p)
			}
		}
	})
	return list
}

// see keeps what can be known only while it happens.
func (c *chaos) see(s spot) {
	c.cloud.World().Read(func() {
		for _, p := range c.application().Passwords {
			c.mu.Lock()
			c.values[p.Text] = p.KeyID
			c.mu.Unlock()
		}
	})
	if !s.after || s.request == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now, _ := c.cloud.CurrentVersion(c.tenant.Demo.Vault, c.tenant.Demo.Secret)
	if strings.Contains(s.request.URL.Host, "vault") {
		c.written()
	}
	if s.request.Method == http.MethodGet && strings.Contains(s.request.URL.Host, "vault") {
		c.seenVersion, c.seenAt = now.ID, time.Now()
		c.read[now.ID] = true
	}
	if strings.HasSuffix(s.request.URL.Path, "/removePassword") && !c.withdrawn && c.removedByUs(c.old.KeyID) {
		c.withdrawn = true
		// The point of no return rests on what was seen at most two minutes ago.
		if c.values[now.Value] == c.old.KeyID && c.seenVersion == now.ID && !c.suffers(world.StaleVault) {
			c.t.Errorf("the old secret was withdrawn while the vault was seen to hold it")
		}
		if since := time.Since(c.seenAt); since > 3*time.Minute && !c.suffers(world.LateEffect, world.LateAnswer) {
			c.t.Errorf("the old secret was withdrawn %s after the last look at the vault", since)
		}
	}
}

// written looks at what we wrote into the vault: never over what we have seen
// somebody else put there, and never a secret that was long removed (SAFETY F19).
func (c *chaos) written() {
	list := c.cloud.Versions(c.tenant.Demo.Vault, c.tenant.Demo.Secret)
	for i, v := range list {
		if c.put[v.ID] || v.ID == c.first || c.judged[v.ID] || i == 0 {
			continue
		}
		c.judged[v.ID] = true
		if before := list[i-1].ID; c.put[before] && c.read[before] && !c.suffers(world.StaleVault, world.LateEffect, world.Mangled, world.Duplicate) {
			c.t.Errorf("version %s overwrote %s, which was read and is foreign", v.ID, before)
		}
		gone := c.dropped[c.values[v.Value]]
		if since := time.Since(gone); !gone.IsZero() && since > c.cloud.World().Lag.Secret+3*time.Minute && !c.suffers(world.LateEffect, world.Duplicate, world.LateAnswer) {
			c.t.Errorf("version %s has a secret that was removed %s before", v.ID, since)
		}
	}
}

func (c *chaos) removedByUs(keyID string) bool {
	return slices.ContainsFunc(c.cloud.World().Facts("removePassword"), func(f world.Fact) bool {
		return f.Key == keyID && f.By == c.tenant.Writer.ClientID
	})
}

// suffers reports whether any of the faults was ever on.
func (c *chaos) suffers(names ...string) bool {
	return slices.ContainsFunc(c.story, func(line string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(line, "fault "+name) })
	})
}

// always is what holds at every instant (SAFETY I1b, I6).
func (c *chaos) always(s spot) {
	now, ok := c.cloud.CurrentVersion(c.tenant.Demo.Vault, c.tenant.Demo.Secret)
	if !ok {
		c.t.Errorf("%s: the vault holds nothing", s)
	}
	if why := c.refused(now); why != "" {
		c.t.Errorf("%s at %s: %s", time.Since(c.began), s, why)
	}
	attempts := map[string]bool{} // twins that the wire made of one request count once
	for _, p := range c.made() {
		attempts[p.Name] = true
	}
	if len(attempts) > 3 && !c.late && !c.restored { // three a day are allowed, and these can pile up
		c.t.Errorf("%s: secrets of %d attempts at once", s, len(attempts))
	}
}

// refused says what is wrong with what consumers read now, unless it is the
// foreign administrator's or the vault's doing.
func (c *chaos) refused(now world.SecretVersion) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := c.values[now.Value]
	switch n := c.cloud.Accepts(c.tenant.Demo.ClientID, now.Value); {
	case n == c.cloud.World().Replicas():
	case c.deleted, c.put[now.ID], !c.dropped[key].IsZero(): // foreign
	case strings.HasSuffix(now.Value, "\n"): // mangled by the vault
	case key == c.old.KeyID && time.Now().After(c.old.Ends): // nobody replaced it in time
	default:
		return fmt.Sprintf("version %s of the vault, with secret %s, is accepted by %d replicas", now.ID, key, n)
	}
	return ""
}

// judge is what holds in the end. It returns how it ended.
func (c *chaos) judge() string {
	c.spot = func(spot) {}
	r, err := c.keeper.Get(c.t.Context(), omar, c.id)
	if err != nil {
		c.t.Fatal(err)
	}
	c.didApprove, c.didCancel = r.Consent != nil, r.State == rotation.Cancelled || r.Ending == rotation.Cancelled
	c.canaries(r)
	if c.restored { // the journal lacks a time, and so cannot tell of it
		return c.judgeRestored(r)
	}
	c.removals(r)
	c.requests(r)
	c.times(r)
	switch r.State {
	case rotation.Open:
		c.open(r)
	case rotation.Done:
		c.done(r)
	default:
		c.undone(r)
	}
	if r.State != rotation.Open {
		c.later51(r)
	}
	if _, err := c.log.Verify(c.t.Context(), c.db); err != nil {
		c.t.Error(err)
	}
	if r.State == rotation.Open {
		return "open at " + r.Current().Name
	}
	return string(r.State)
}

// removals: nothing but the approved one and our own goes (SAFETY I4).
func (c *chaos) removals(r *rotation.Rotation) {
	ours := map[string]bool{c.old.KeyID: true}
	for _, f := range c.cloud.World().Facts("addPassword") {
		ours[f.Key] = f.By == c.tenant.Writer.ClientID
	}
	for _, f := range c.cloud.World().Facts("removePassword") {
		if f.By == c.tenant.Writer.ClientID && !ours[f.Key] {
			c.t.Errorf("secret %s was removed, which is neither the old one nor ours", f.Key)
		}
		if f.Key == c.old.KeyID && !c.didApprove {
			c.t.Error("the old secret was removed without an approval")
		}
	}
	if len(ours) > 1 && !c.didApprove {
		c.t.Error("a secret was made without an approval")
	}
	if r.State != rotation.Done && r.State != rotation.Open && c.withdrawn && !c.everGone {
		c.t.Errorf("the old secret was removed by a rotation that ended %s", where(r))
	}
}

// requests: each is sent once, for one attempt, under a live approval, not oftener
// than three times a day, and every effect is in the audit log (I5, I6, I9, T12).
func (c *chaos) requests(r *rotation.Rotation) {
	for id, n := range c.sent {
		if n > 1 {
			c.t.Errorf("request %s was on the wire %d times", id, n)
		}
	}
	log, made := c.audited(), map[string]int{}
	for _, f := range c.cloud.World().Facts("addPassword") {
		if made[f.Label]++; made[f.Label] > 1 && !c.suffers(world.Duplicate) {
			c.t.Errorf("two requests were applied for one attempt, %s", f.Label)
		}
		if _, marker, _ := strings.Cut(f.Label, "rk-"); f.By == c.tenant.Writer.ClientID && !strings.Contains(log, marker) {
			c.t.Errorf("the audit log does not know %s", f.Label)
		}
	}
	for _, f := range c.cloud.World().Facts("removePassword") {
		if f.By == c.tenant.Writer.ClientID && !strings.Contains(log, f.Key) {
			c.t.Errorf("the audit log does not know that %s was removed", f.Key)
		}
	}
	var sent []time.Time
	for _, a := range r.Attempts {
		if a.Sent.After(r.Consent.Expires) {
			c.t.Errorf("attempt %s was sent after the approval had ended", a.Marker)
		}
		if !c.added.IsZero() && a.Sent.Sub(c.added) > c.cloud.World().Lag.List+4*time.Minute {
			c.t.Errorf("attempt %s was sent %s after a foreign secret had come", a.Marker, a.Sent.Sub(c.added))
		}
		if a.State != rotation.Declined {
			sent = append(sent, a.Sent)
		}
	}
	for i := 3; i < len(sent); i++ {
		if sent[i].Sub(sent[i-3]) < 24*time.Hour {
			c.t.Errorf("four attempts within %s", sent[i].Sub(sent[i-3]))
		}
	}
}

// times: both secrets work for a day, and nothing ends before a day was watched.
func (c *chaos) times(r *rotation.Rotation) {
	const day = 24*time.Hour - 15*time.Minute // two clocks may differ by a little
	for _, f := range c.cloud.World().Facts("removePassword") {
		if f.Key != c.old.KeyID || f.By != c.tenant.Writer.ClientID {
			continue
		}
		for _, v := range c.cloud.Versions(c.tenant.Demo.Vault, c.tenant.Demo.Secret) {
			if v.ID != c.first && !c.put[v.ID] && v.Created.After(c.began) {
				if both := f.Time.Sub(v.Created); both < day {
					c.t.Errorf("both secrets worked for %s only", both)
				}
				break
			}
		}
		if watched := r.Ended.Sub(f.Time); r.State == rotation.Done && watched < day {
			c.t.Errorf("watched for %s only", watched)
		}
	}
}

// canaries: no value in anything that is kept or shown (SAFETY I8).
func (c *chaos) canaries(r *rotation.Rotation) {
	shown, err := json.Marshal(r)
	if err != nil {
		c.t.Fatal(err)
	}
	places := map[string][]byte{"the rotation": shown, "the audit log": []byte(c.audited())}
	for name, raw := range c.kept {
		places["the backup of "+name] = raw
	}
	for _, name := range []string{"rekey.db", "rekey.db-wal"} {
		if places[name], err = os.ReadFile(filepath.Join(c.folder, name)); err != nil && !os.IsNotExist(err) {
			c.t.Fatal(err)
		}
	}
	for value, key := range c.values {
		for place, text := range places {
			if bytes.Contains(text, []byte(value)) {
				c.t.Errorf("the value of %s is in %s", key, place)
			}
		}
	}
}

// open: it waits, and for a reason that can be named. Without a foreign hand and
// with all people done, nothing waits (SAFETY I10).
func (c *chaos) open(r *rotation.Rotation) {
	if r.Problem == "" || r.Needs == "" {
		c.t.Errorf("it waits without a reason: %s", where(r))
	}
	if c.meddled.IsZero() && r.Current().Name != "approve" && !c.suffers(world.Mangled) {
		c.t.Errorf("it does not end although nobody meddled: %s", where(r))
	}
}

// done: exactly the new secret, in the vault and accepted; the old one refused (I3).
func (c *chaos) done(r *rotation.Rotation) {
	if c.deleted {
		return
	}
	late := c.lastVisit.Add(-c.cloud.World().Lag.List - 2*time.Minute) // what came later could not be seen
	for _, p := range c.made() {
		if p.KeyID != r.Issued.KeyID && p.Added.Before(late) {
			c.t.Errorf("stray %s (%s), made %s, is left at the end", p.KeyID, p.Name, p.Added.Sub(c.began))
		}
	}
	if n := c.cloud.Accepts(c.tenant.Demo.ClientID, c.old.Text); n != 0 {
		c.t.Errorf("done, and the old value is accepted by %d replicas", n)
	}
	now, _ := c.cloud.CurrentVersion(c.tenant.Demo.Vault, c.tenant.Demo.Secret)
	// A vault that shows now this version and now the one before, for days, cannot
	// be asked what somebody has put there.
	if c.meddled.After(late) || c.put[now.ID] && c.suffers(world.StaleVault) {
		return
	}
	if n := c.cloud.Accepts(c.tenant.Demo.ClientID, now.Value); n != c.cloud.World().Replicas() {
		c.t.Errorf("done, and what the vault holds is accepted by %d replicas", n)
	}
}

// undone: nothing of ours is left, the vault is untouched, and the reason is told.
func (c *chaos) undone(r *rotation.Rotation) {
	if r.Problem == "" {
		c.t.Errorf("ended %s without a reason", r.State)
	}
	if c.meddled.IsZero() && !c.didCancel && c.didApprove && c.over.Sub(c.began) < 40*time.Hour && r.Consent != nil && r.Consent.At.Sub(c.began) < time.Minute {
		c.t.Errorf("ended %s although nobody meddled", where(r))
	}
	if c.everGone {
		return
	}
	late := c.lastVisit.Add(-c.cloud.World().Lag.List - 2*time.Minute)
	for _, p := range c.made() {
		if p.Added.Before(late) {
			c.t.Errorf("%s (%s), made %s, is left of a rotation that ended %s", p.KeyID, p.Name, p.Added.Sub(c.began), r.State)
		}
	}
	for _, v := range c.cloud.Versions(c.tenant.Demo.Vault, c.tenant.Demo.Secret) {
		if v.Tags["rekey-rotation"] == r.ID && r.Put.IsZero() {
			c.t.Errorf("version %s of the vault was written by a rotation that ended %s", v.ID, r.State)
		}
	}
}

// later51: what comes in within 51 hours after the end goes again (SAFETY I2).
func (c *chaos) later51(r *rotation.Rotation) {
	if c.deleted {
		return
	}
	c.afterwards()
	for _, p := range c.made() {
		if r.Issued == nil || p.KeyID != r.Issued.KeyID {
			c.t.Errorf("stray %s (%s), made %s, is left although the inventory saw it", p.KeyID, p.Name, p.Added.Sub(c.began))
		}
	}
}
