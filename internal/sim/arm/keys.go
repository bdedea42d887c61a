package arm

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const keyTime = "2006-01-02T15:04:05.0000000Z"

// keySet is what keys a resource type has.
type keySet struct {
	names []string
	size  int    // bytes
	mark  string // what stands in the base64 of keys made since 2023, so that scanners know them; empty: nothing
}

// keysOf are the keys of a type; no names mean that it has none.
func keysOf(kind string) keySet {
	switch {
	case kind == topicType:
		return keySet{[]string{"key1", "key2"}, 32, ""}
	case kind == storageType:
		return keySet{[]string{"key1", "key2"}, 64, "+ASt"}
	case kind == cosmosType:
		return keySet{[]string{"primary", "secondary", "primaryReadonly", "secondaryReadonly"}, 64, "ACDb"}
	case strings.HasPrefix(kind, "Microsoft.ServiceBus/") && isRule(kind):
		return keySet{[]string{"primary", "secondary"}, 32, "+ASb"}
	case strings.HasPrefix(kind, "Microsoft.EventHub/") && isRule(kind):
		return keySet{[]string{"primary", "secondary"}, 32, "+AEh"}
	}
	return keySet{}
}

// draw makes a key. The caller holds Change.
func (c *call) draw(k keySet) string {
	b := make([]byte, k.size)
	for i := range b {
		b[i] = byte(c.w.Rand().Uint32())
	}
	text := []byte(base64.StdEncoding.EncodeToString(b))
	if k.mark != "" {
		copy(text[len(text)-12:], k.mark) // a whole group of four characters, so that it stays base64
	}
	return string(text)
}

// newKeys gives a resource its keys when it is made. The caller holds Change.
func (c *call) newKeys(r *world.Resource) {
	set := keysOf(r.Type)
	for _, name := range set.names {
		r.Keys = append(r.Keys, &world.ResourceKey{Name: name, Value: c.draw(set), Created: time.Now()})
	}
}

// wireKeys is the answer of both operations on topics and storage accounts. Only
// storage tells the age of its keys.
func wireKeys(r *world.Resource) map[string]any {
	now := time.Now()
	if r.Type != storageType {
		keys := map[string]any{}
		for _, k := range r.Keys {
			keys[k.Name] = k.At(now)
		}
		return keys
	}
	keys := []map[string]any{}
	for _, k := range r.Keys {
		keys = append(keys, map[string]any{"creationTime": k.Born(now).UTC().Format(keyTime), "keyName": k.Name, "value": k.At(now), "permissions": "FULL"})
	}
	return map[string]any{"keys": keys}
}

// told answers an operation that tells keys, in the words of wire.
func (c *call) told(kind, what string, wire func(*world.Resource) map[string]any) (a *answer, err error) {
	c.w.Change(func() {
		var r *world.Resource
		if r, err = c.resource(kind); err == nil {
			c.record(what, r.ID, "")
			a, err = ok(wire(r))
		}
	})
	return a, err
}

func (c *call) listKeys(kind string) (*answer, error) { return c.told(kind, "listKeys", wireKeys) }

// regenerateKey makes a new value for one key of a topic or a storage account.
func (c *call) regenerateKey(kind string) (a *answer, err error) {
	var body struct {
		Name string `json:"keyName"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	return c.renew(kind, body.Name, "", wireKeys)
}

// renew gives a key a new value, or the one the caller chose; the old one is
// refused from now on, by each part of the data plane as soon as it has heard.
func (c *call) renew(kind, name, chosen string, wire func(*world.Resource) map[string]any) (a *answer, err error) {
	c.w.Change(func() {
		var r *world.Resource
		if r, err = c.resource(kind); err != nil {
			return
		}
		k := keyNamed(r, name)
		if k == nil {
			err = badRequest("InvalidRequest", "The key name '"+name+"' is not one of this resource's keys: "+strings.Join(keysOf(kind).names, ", ")+".")
			return
		}
		if chosen == "" {
			chosen = c.draw(keysOf(kind))
		}
		k.Renew(chosen, time.Now())
		c.record("regenerateKey", r.ID, k.Name)
		a = &answer{status: http.StatusOK, body: wire(r)}
	})
	return a, err
}

func keyNamed(r *world.Resource, name string) *world.ResourceKey {
	i := slices.IndexFunc(r.Keys, func(k *world.ResourceKey) bool { return strings.EqualFold(k.Name, name) })
	if i < 0 {
		return nil
	}
	return r.Keys[i]
}
