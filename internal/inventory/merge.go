package inventory

import (
	"slices"
	"strings"
	"time"
)

// replace brings a known object up to what was read of it. If that is only a
// part, as in a delta, the rest stays as it is; hash is then empty, so that the
// next full walk looks at the object again.
func (w *writer) replace(num int64, hash string, partial bool) error {
	was, err := loadApplication(w.tx, w.reading.tenant, w.position.tenant, num)
	if err != nil {
		return err
	}
	o := &w.object
	if o.Hidden {
		return w.lose(&was)
	}
	now := was
	now.hash, now.gone = hash, 0
	if partial {
		overlay(&now.Application, o)
	} else {
		now.Application = o.Application
		now.Owners = slices.Clone(o.Owners)
	}
	now.Tenant, now.Holder = was.Tenant, was.Holder
	o.Application = now.Application // for the events: a part may lack the name
	owners := writeOwners(now.Owners) != writeOwners(was.Owners)
	if owners || was.gone != 0 {
		if err := setOwners(w.tx, w.position.tenant, num, was.Owners, now.Owners); err != nil {
			return err
		}
	}
	if owners {
		w.tell(evOwnersChanged, o, map[string]string{"before": names(was.Owners), "now": names(now.Owners), "added": added(was.Owners, now.Owners)})
	}
	fields := differences(&was.Application, &now.Application)
	switch {
	case was.gone != 0:
		w.live++
		w.tell(evAppAppeared, o, nil)
	case len(fields) > 0:
		w.counts.Changed++
		w.tell(evAppChanged, o, map[string]string{"changed": strings.Join(fields, " ")})
	}
	if owners || len(fields) > 0 || was.gone != 0 || was.hash != hash {
		if err := now.update(w.tx, w.position.tenant); err != nil {
			return err
		}
	}
	w.seen.add(num)
	return w.credentials(num, o, partial)
}

// overlay puts the properties that a part holds over the known ones.
func overlay(a *Application, o *Object) {
	for _, p := range []struct {
		has Fields
		set func()
	}{
		{HasClientID, func() { a.ClientID = o.ClientID }},
		{HasName, func() { a.Name = o.Name }},
		{HasAudience, func() { a.Audience = o.Audience }},
		{HasHome, func() { a.Home = o.Home }},
		{HasKind, func() { a.Kind = o.Kind }},
		{HasSSO, func() { a.SSO = o.SSO }},
		{HasNotes, func() { a.Notes = o.Notes }},
		{HasEnabled, func() { a.Enabled = o.Enabled }},
		{HasCreated, func() { a.Created = o.Created }},
		{HasOwners, func() { a.Owners = slices.Clone(o.Owners) }},
	} {
		if o.Has&p.has != 0 {
			p.set()
		}
	}
}

// differences names the properties that differ, but for owners.
func differences(a, b *Application) (list []string) {
	for _, p := range []struct {
		name string
		same bool
	}{
		{"clientId", a.ClientID == b.ClientID},
		{"name", a.Name == b.Name},
		{"audience", a.Audience == b.Audience},
		{"home", a.Home == b.Home},
		{"kind", a.Kind == b.Kind},
		{"sso", a.SSO == b.SSO},
		{"notes", a.Notes == b.Notes},
		{"enabled", a.Enabled == b.Enabled},
		{"created", millis(a.Created) == millis(b.Created)},
	} {
		if !p.same {
			list = append(list, p.name)
		}
	}
	return list
}

func names(owners []Owner) string {
	var list []string
	for _, o := range owners {
		list = append(list, o.Name)
	}
	return short(strings.Join(list, ", "))
}

// credentials brings the credentials of an object up to date. A part may hold
// only secrets or only keys; the others stay.
func (w *writer) credentials(num int64, o *Object, partial bool) error {
	known, err := loadCredentials(w.tx, w.reading.tenant, w.position.tenant, num, o.ObjectID)
	if err != nil {
		return err
	}
	byID := map[string]*credential{}
	for i := range known {
		byID[known[i].KeyID] = &known[i]
	}
	listed := map[string]bool{}
	for i := range o.Credentials {
		c := &o.Credentials[i]
		listed[c.KeyID] = true
		was := byID[c.KeyID]
		print, learned := recognised(was, c, o.print(i))
		if was != nil && was.gone == 0 && sameCredential(&was.Credential, c) && was.fingerprint == print {
			continue
		}
		now := credential{Credential: *c, num: num, fingerprint: print}
		if was != nil {
			now.LastUsed, now.unmanaged = was.LastUsed, was.unmanaged
		}
		switch {
		case was == nil || was.gone != 0:
			if now.unmanaged, err = w.appeared(o, c); err != nil {
				return err
			}
		case !learned:
			w.counts.Changed++
			w.tell(evKeyChanged, o, keyDetail(c))
		}
		if err := now.put(w.tx, w.position.tenant); err != nil {
			return err
		}
	}
	for i := range known {
		c := &known[i]
		if c.gone != 0 || listed[c.KeyID] || partial && !told(o, c.Kind) {
			continue
		}
		if err := w.loseCredential(o, c); err != nil {
			return err
		}
	}
	return nil
}

// told reports whether a part says which credentials of a kind there are.
func told(o *Object, k Kind) bool {
	switch k {
	case ClientSecret:
		return o.Has&HasPasswords != 0
	case Certificate:
		return o.Has&HasKeys != 0
	}
	return o.Has&(HasPasswords|HasKeys) == HasPasswords|HasKeys
}

func sameCredential(a, b *Credential) bool {
	return a.Kind == b.Kind && a.Label == b.Label && a.Hint == b.Hint && a.Thumbprint == b.Thumbprint &&
		millis(a.Starts) == millis(b.Starts) && millis(a.Expires) == millis(b.Expires)
}

func (w *writer) loseCredential(o *Object, c *credential) error {
	c.gone = time.Now().UnixMilli()
	w.counts.Gone++
	w.tell(evKeyGone, o, keyDetail(&c.Credential))
	if err := c.put(w.tx, w.position.tenant); err != nil {
		return err
	}
	return dropDeposits(w.tx, w.position.tenant, c.num, c.KeyID)
}

// lose marks an object and what it held as gone.
func (w *writer) lose(a *application) error {
	if a.gone != 0 {
		return nil
	}
	o := &Object{Application: a.Application}
	held, err := loadCredentials(w.tx, w.reading.tenant, w.position.tenant, a.num, a.ObjectID)
	if err != nil {
		return err
	}
	for i := range held {
		if held[i].gone != 0 {
			continue
		}
		if err := w.loseCredential(o, &held[i]); err != nil {
			return err
		}
	}
	if err := setOwners(w.tx, w.position.tenant, a.num, a.Owners, nil); err != nil {
		return err
	}
	a.gone, a.hash = time.Now().UnixMilli(), ""
	w.counts.Gone++
	w.live--
	w.tell(evAppGone, o, nil)
	return a.update(w.tx, w.position.tenant)
}

// added are the ids of owners who were none before.
func added(was, now []Owner) string {
	var list []string
	for _, o := range now {
		if !slices.ContainsFunc(was, func(p Owner) bool { return p.ObjectID == o.ObjectID }) {
			list = append(list, string(o.ObjectID))
		}
	}
	return short(strings.Join(list, ","))
}
