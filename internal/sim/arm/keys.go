package arm

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const keyTime = "2006-01-02T15:04:05.0000000Z"

// keySize is how many bytes the keys of a resource type have; none has no keys.
func keySize(kind string) int {
	switch kind {
	case topicType:
		return 32
	case storageType:
		return 64
	}
	return 0
}

// newKey draws a key. The caller holds Change.
func (c *call) newKey(size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(c.w.Rand().Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}

// wireKeys is the answer of both operations. Only storage tells the age of its keys.
func wireKeys(r *world.Resource) map[string]any {
	if r.Type != storageType {
		keys := map[string]any{}
		for _, k := range r.Keys {
			keys[k.Name] = k.Value
		}
		return keys
	}
	keys := []map[string]any{}
	for _, k := range r.Keys {
		keys = append(keys, map[string]any{"creationTime": k.Created.UTC().Format(keyTime), "keyName": k.Name, "value": k.Value, "permissions": "FULL"})
	}
	return map[string]any{"keys": keys}
}

func (c *call) listKeys(kind string) (a *answer, err error) {
	c.w.Change(func() {
		var r *world.Resource
		if r, err = c.resource(kind); err == nil {
			c.record("listKeys", r.ID, "")
			a, err = ok(wireKeys(r))
		}
	})
	return a, err
}

// regenerateKey makes a new value for one key; the old value is refused at once.
func (c *call) regenerateKey(kind string) (a *answer, err error) {
	var body struct {
		Name string `json:"keyName"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	c.w.Change(func() {
		var r *world.Resource
		if r, err = c.resource(kind); err != nil {
			return
		}
		for _, k := range r.Keys {
			if strings.EqualFold(k.Name, body.Name) {
				k.Value, k.Created = c.newKey(keySize(kind)), time.Now()
				c.record("regenerateKey", r.ID, k.Name)
				a = &answer{status: http.StatusOK, body: wireKeys(r)}
				return
			}
		}
		err = badRequest("InvalidRequest", "The key name '"+body.Name+"' is not one of this resource's keys: key1, key2.")
	})
	return a, err
}
