package entra

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

type keyCredential struct {
	KeyID               string    `json:"keyId"`
	DisplayName         string    `json:"displayName"`
	Type                string    `json:"type"`
	Usage               string    `json:"usage"`
	CustomKeyIdentifier string    `json:"customKeyIdentifier"`
	Key                 string    `json:"key"` // base64 of the public part; only of one object that is asked for it
	StartDateTime       time.Time `json:"startDateTime"`
	EndDateTime         time.Time `json:"endDateTime"`
}

func (k keyCredential) credential(a inventory.Application, kind inventory.Kind) inventory.Credential {
	return inventory.Credential{
		Tenant: a.Tenant, Holder: a.ObjectID, KeyID: k.KeyID, Kind: kind, Label: k.DisplayName,
		Thumbprint: thumbprint(k.CustomKeyIdentifier), Starts: k.StartDateTime.UTC(), Expires: k.EndDateTime.UTC(),
	}
}

// holds reports whether it is this certificate, by its bytes if they are there.
// customKeyIdentifier alone would do, but anybody can write what he likes into it.
func (k keyCredential) holds(der []byte, print string) bool {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(k.Key), ""))
	if err == nil && len(raw) > 0 {
		return bytes.Equal(raw, der)
	}
	return thumbprint(k.CustomKeyIdentifier) == print
}

// entry is one of an object's keyCredentials with all that Graph wrote of it. A
// write takes the whole list, and what is not ours goes back as it came.
type entry struct {
	keyCredential
	members map[string]json.RawMessage
}

func (e *entry) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &e.members); err != nil {
		return err
	}
	if err := json.Unmarshal(b, &e.keyCredential); err != nil {
		return err
	}
	if e.KeyID == "" {
		return errJSON
	}
	return nil
}

func (e entry) MarshalJSON() ([]byte, error) { return json.Marshal(e.members) }

// known is the entry for a list that is to keep it. Without its bytes it can only
// mean one that is there: had somebody removed it a moment ago, which a reading may
// not show yet, it would come back with them, and is refused without.
func (e entry) known() entry {
	e.members = maps.Clone(e.members)
	e.members["key"] = json.RawMessage("null")
	return e
}

// entries is the whole list.
type entries []entry

// ids are the key ids, in an order of their own.
func (l entries) ids() []string {
	var ids []string
	for _, e := range l {
		ids = append(ids, e.KeyID)
	}
	slices.Sort(ids)
	return ids
}

func (l entries) has(keyID string) bool {
	return slices.ContainsFunc(l, func(e entry) bool { return e.KeyID == keyID })
}

// without is the list without one entry.
func (l entries) without(keyID string) entries {
	return slices.DeleteFunc(slices.Clone(l), func(e entry) bool { return e.KeyID == keyID })
}

// known is the list for a write that keeps all of it and adds what is new.
func (l entries) known(add ...entry) entries {
	list := entries{}
	for _, e := range l {
		list = append(list, e.known())
	}
	return append(list, add...)
}

// missing are those of l that are not in now.
func (l entries) missing(now entries) entries {
	return slices.DeleteFunc(slices.Clone(l), func(e entry) bool { return now.has(e.KeyID) })
}

// find is the entry of a certificate.
func (l entries) find(der []byte, print string) (keyCredential, bool) {
	for _, e := range l {
		if e.Usage == "Verify" && e.holds(der, print) {
			return e.keyCredential, true
		}
	}
	return keyCredential{}, false
}

// read reads an object's certificates with their public parts, which Graph shows
// only if one object is asked for nothing else.
func (d *Directory) read(ctx context.Context, a inventory.Application) (entries, error) {
	var o struct {
		Keys entries `json:"keyCredentials"`
	}
	if err := d.Graph.Get(ctx, object(a)+"?$select=keyCredentials", &o); err != nil {
		return nil, fmt.Errorf("cannot read the certificates of %q: %w", a.Name, err)
	}
	return o.Keys, nil
}

// How many readings in a row have to agree. Before a write it is enough of them to
// have asked every replica, most likely: what none of them shows is overwritten.
const (
	alikeBefore = 8
	alikeAfter  = 3
	readAtMost  = 32 // readings, in well over half a minute
)

// settled reads the list until several readings in a row, which different
// replicas may have answered, agree and are accepted. It waits no longer than the
// context allows. If that is not enough, it returns the last reading with an
// error that wraps connector.ErrLagging. Whatever any reading showed is in all.
func (d *Directory) settled(ctx context.Context, a inventory.Application, alike int, accept func(entries) bool) (last, all entries, err error) {
	agreed, pause := 0, 100*time.Millisecond
	for n := range readAtMost {
		if n > 0 && !waited(ctx, pause) {
			break
		}
		now, err := d.read(ctx, a)
		if err != nil {
			return last, all, err
		}
		all = append(all, now.missing(all)...)
		switch {
		case !accept(now):
			agreed = 0
		case agreed > 0 && slices.Equal(now.ids(), last.ids()):
			agreed++
		default:
			agreed = 1
		}
		if last = now; agreed == alike {
			return now, all, nil
		}
		if n > 0 && agreed <= 1 {
			pause = min(2*pause, 2*time.Second)
		}
	}
	return last, all, fmt.Errorf("the certificates of %q differ from one reading to the next: %w", a.Name, connector.ErrLagging)
}

// waited reports whether there was time to wait so long, and for an answer after that.
func waited(ctx context.Context, pause time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause+time.Second {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
