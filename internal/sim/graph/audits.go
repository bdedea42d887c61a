package graph

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// secretsActivity is the name of the record of a changed credential: with an EN
// DASH, and with a space at its end.
const secretsActivity = "Update application \u2013 Certificates and secrets management "

// record notes an effect for tests. The caller holds Change.
func (c *call) record(what string, t target, key, label string) {
	c.w.Record(world.Fact{What: what, Object: t.h.ID, Key: key, Label: label, By: c.claims.AppID, Request: c.sentID})
}

// changed is one modified property of text; the log keeps values as JSON in texts.
func changed(name, before, after string) world.AuditProperty {
	return world.AuditProperty{Name: name, Old: listText(before), New: listText(after)}
}

func listText(s string) string {
	if s == "" {
		return "[]"
	}
	return string(append(appendText([]byte{'['}, s), ']'))
}

// audit writes a directoryAudits record. The caller holds Change.
func (c *call) audit(activity, operation string, t target, list ...world.AuditProperty) {
	if len(list) > 0 {
		var names []string
		for _, p := range list {
			names = append(names, p.Name)
		}
		list = append(list, world.AuditProperty{Name: "Included Updated Properties", New: string(appendText(nil, strings.Join(names, ", ")))})
	}
	at := now()
	correlation := strings.ToLower(c.clientID)
	if !isGUID(correlation) {
		correlation = c.requestID
	}
	caller := c.w.Directory.ServicePrincipals[c.claims.ObjectID]
	name := c.claims.Name
	if caller != nil {
		name = caller.Name
	}
	rnd := c.w.Rand()
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	var five [5]byte
	for i := range five {
		five[i] = letters[rnd.IntN(len(letters))]
	}
	c.w.Directory.Audits = append(c.w.Directory.Audits, world.Audit{
		ID:       "Directory_" + correlation + "_" + string(five[:]) + "_" + strconv.Itoa(10_000_000+rnd.IntN(90_000_000)),
		Activity: activity, Category: "ApplicationManagement", Time: at, CorrelationID: correlation, Operation: operation,
		ByAppID: c.claims.AppID, BySPID: c.claims.ObjectID, ByApp: name,
		TargetID: t.h.ID, TargetType: t.resource(), TargetName: t.h.Name, Properties: list,
		Details: []world.AuditProperty{{Name: "User-Agent", New: c.r.UserAgent()}, {Name: "AppId", New: t.h.AppID}},
	})
}

// auditKeys writes the record of changed credentials: the whole set before and the
// whole set after. Which were added or removed is for the reader to work out.
func (c *call) auditKeys(t target, before *world.Holder) {
	p := world.AuditProperty{Name: "KeyDescription", Old: keyDescription(before), New: keyDescription(t.h)}
	if t.app != nil {
		c.audit(secretsActivity, "Update", t, p)
		return
	}
	activity := "Add service principal credentials"
	if added, _ := difference(before, t.h); added == "" {
		activity = "Remove service principal credentials"
	}
	c.audit(activity, "Update", t, p)
}

// keyDescription lists credentials as the log does.
func keyDescription(h *world.Holder) string {
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
		return "[]"
	}
	return string(text)
}

// difference lists the key ids that came and went.
func difference(before, after *world.Holder) (added, removed string) {
	old, now := keyIDs(before), keyIDs(after)
	var plus, minus []string
	for _, id := range now {
		if !slices.Contains(old, id) {
			plus = append(plus, id)
		}
	}
	for _, id := range old {
		if !slices.Contains(now, id) {
			minus = append(minus, id)
		}
	}
	return strings.Join(plus, ","), strings.Join(minus, ",")
}

func keyIDs(h *world.Holder) []string {
	var list []string
	for _, k := range h.Keys {
		if k.Removed.IsZero() {
			list = append(list, k.KeyID)
		}
	}
	for _, p := range h.Passwords {
		if p.Removed.IsZero() {
			list = append(list, p.KeyID)
		}
	}
	return list
}
