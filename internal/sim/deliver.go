package sim

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Deliver sends what is due to the webhooks of the clouds: notifications of the
// Office 365 feed and events of Event Grid. A listening server calls it every
// second; a test whenever it wants.
func (c *Cloud) Deliver(ctx context.Context) error {
	return errors.Join(c.office.Deliver(ctx), c.events.Deliver(ctx))
}

// deliveries sends what is due every second. What could not be sent comes again.
func (c *Cloud) deliveries(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
			c.Deliver(ctx)
		}
	}
}

// Subscribe makes an Event Grid subscription to a vault's events.
func (c *Cloud) Subscribe(ctx context.Context, name, vault, address string, cloudEvents bool) error {
	return c.events.Subscribe(ctx, name, vault, address, cloudEvents)
}

// Intruder is a person who changes something in the portal, behind everybody's back.
type Intruder struct {
	Name, UPN, Address string
}

// AddSecret adds a client secret to an application, as the portal does for a person,
// and returns its key id and text.
func (c *Cloud) AddSecret(by Intruder, clientID, label string, life time.Duration) (keyID, text string) {
	c.world.Change(func() {
		a := c.world.Directory.ApplicationByClient(clientID)
		before := keyList(&a.Holder)
		now := time.Now().UTC()
		p := &world.Password{KeyID: c.world.GUID(), Name: label, Text: c.world.SecretText(), Starts: now, Added: now, Ends: now.Add(life)}
		p.Hint = p.Text[:3]
		a.Passwords = append(a.Passwords[:len(a.Passwords):len(a.Passwords)], p)
		c.world.Directory.Touch(world.KindApplication, &a.Holder, "passwordCredentials")
		c.audited(by, "Update application \u2013 Certificates and secrets management ", "Update", &a.Holder, world.AuditProperty{Name: "KeyDescription", Old: before, New: keyList(&a.Holder)})
		c.world.Record(world.Fact{What: "addPassword", Object: a.ID, Key: p.KeyID, Label: label, By: by.UPN})
		keyID, text = p.KeyID, p.Text
	})
	return keyID, text
}

// RemoveSecret takes one away again.
func (c *Cloud) RemoveSecret(by Intruder, clientID, keyID string) {
	c.world.Change(func() {
		a := c.world.Directory.ApplicationByClient(clientID)
		before := keyList(&a.Holder)
		for _, p := range a.Passwords {
			if p.KeyID == keyID {
				p.Removed = time.Now()
			}
		}
		c.world.Directory.Touch(world.KindApplication, &a.Holder, "passwordCredentials")
		c.audited(by, "Update application \u2013 Certificates and secrets management ", "Update", &a.Holder, world.AuditProperty{Name: "KeyDescription", Old: before, New: keyList(&a.Holder)})
	})
}

// AddOwner makes somebody an owner of an application.
func (c *Cloud) AddOwner(by Intruder, clientID, owner string) {
	c.world.Change(func() {
		a := c.world.Directory.ApplicationByClient(clientID)
		a.Owners = append(a.Owners[:len(a.Owners):len(a.Owners)], owner)
		c.world.Directory.Touch(world.KindApplication, &a.Holder, "owners")
		c.audited(by, "Add owner to application", "Assign", &a.Holder, world.AuditProperty{Name: "ObjectID", Old: "[]", New: `["` + owner + `"]`})
	})
}

// audited writes the directory's record of what a person did. The caller holds Change.
func (c *Cloud) audited(by Intruder, activity, operation string, h *world.Holder, p world.AuditProperty) {
	correlation := c.world.GUID()
	user := c.world.GUID()
	for _, u := range c.world.Directory.Users {
		if strings.EqualFold(u.UPN, by.UPN) {
			user = u.ID
		}
	}
	c.world.Directory.Audits = append(c.world.Directory.Audits, world.Audit{
		ID: "Directory_" + correlation + "_PORTL_10000001", Activity: activity, Category: "ApplicationManagement", Time: time.Now().UTC().Truncate(100 * time.Nanosecond),
		CorrelationID: correlation, Operation: operation, ByUserID: user, ByUser: by.UPN, ByUserIP: by.Address,
		TargetID: h.ID, TargetType: "Application", TargetName: h.Name, Properties: []world.AuditProperty{p, {Name: "Included Updated Properties", New: `"` + p.Name + `"`}},
		Details: []world.AuditProperty{{Name: "User-Agent", New: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"}, {Name: "AppId", New: h.AppID}},
	})
}

// keyList is an application's credentials as the audit log describes them.
func keyList(h *world.Holder) string {
	list := []string{}
	for _, k := range h.Keys {
		if k.Removed.IsZero() {
			list = append(list, "[KeyIdentifier="+k.KeyID+",KeyType="+k.Type+",KeyUsage="+k.Usage+",DisplayName="+k.Name+"]")
		}
	}
	for _, p := range h.Passwords {
		if p.Removed.IsZero() {
			list = append(list, "[KeyIdentifier="+p.KeyID+",KeyType=Password,KeyUsage=Verify,DisplayName="+p.Name+"]")
		}
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic("sim: " + err.Error()) // texts always marshal
	}
	return string(text)
}
