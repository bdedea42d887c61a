package inventory

import (
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
)

// What a reading records. The first reading of a feed is one event, however much
// it finds; what differs later is one event each.
const (
	evBaseline      = "inventory.baseline"
	evAppAppeared   = "application.appeared"
	evAppChanged    = "application.changed"
	evAppGone       = "application.gone"
	evOwnersChanged = "application.owners"
	evKeyAppeared   = "credential.appeared"
	evKeyChanged    = "credential.changed"
	evKeyGone       = "credential.gone"
)

// Who made a credential that appeared.
const (
	madeByRotation = "rotation"
	madeElsewhere  = "not by rekey"
)

// longestInEvent is how much of a foreign text an event carries, in bytes.
const longestInEvent = 200

// tell records an event about an object, unless everything is new.
func (w *writer) tell(action string, o *Object, detail map[string]string) {
	if w.baseline == 0 {
		return
	}
	w.events = append(w.events, event(w.reading.tenant, action, &o.Application, detail))
}

func event(tenant, action string, a *Application, detail map[string]string) audit.Event {
	e := audit.By(access.Rekey(tenant), access.Action(action), string(a.ObjectID), audit.Seen)
	e.Title = short(a.Name)
	for k, v := range detail {
		if v == "" {
			delete(detail, k)
		}
	}
	e.Detail = detail
	return e
}

// short keeps the beginning of a foreign text for an event.
func short(s string) string {
	if len(s) <= longestInEvent {
		return s
	}
	return strings.ToValidUTF8(s[:longestInEvent], "") + "..."
}

// appeared records a credential that was not there before. It returns since when
// it is unmanaged: 0 if a rotation made it, or if nobody knows what was before.
func (w *writer) appeared(o *Object, c *Credential) (unmanaged int64, err error) {
	if w.baseline == 0 {
		w.counts.Appeared++
		return 0, nil
	}
	ours := false
	if w.Ours != nil {
		if ours, err = w.Ours(w.tx, w.reading.tenant, o.ObjectID, c.KeyID, c.Label); err != nil {
			return 0, err
		}
	}
	w.counts.Appeared++
	detail := keyDetail(c)
	if ours {
		detail["made"] = madeByRotation
		w.tell(evKeyAppeared, o, detail)
		return 0, nil
	}
	detail["made"] = madeElsewhere
	w.tell(evKeyAppeared, o, detail)
	return time.Now().UnixMilli(), nil
}

// keyDetail is what an event says of a credential; never a value.
func keyDetail(c *Credential) map[string]string {
	d := map[string]string{"keyId": c.KeyID, "kind": string(c.Kind), "label": short(c.Label)}
	if !c.Expires.IsZero() {
		d["expires"] = c.Expires.UTC().Format(time.RFC3339)
	}
	return d
}
