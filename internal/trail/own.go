package trail

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// What the inventory records of what it saw.
const (
	seenKey     = "credential.appeared"
	seenNoKey   = "credential.gone"
	seenOwners  = "application.owners"
	seenEntry   = "entry.appeared"
	seenVersion = "entry.changed"
	notOurs     = "not by rekey"
)

const ownBatch = 500

// Follow takes over what our own log has recorded since the last time, at most so
// many batches of 500 events; 0 means all. It returns whether it came to the end.
func (t *Trail) Follow(ctx context.Context, tenant string, batches int) (end bool, err error) {
	for n := 0; batches == 0 || n < batches; n++ {
		took := 0
		err := t.act(ctx, tenant, func(tx *store.Tx, num int64) (err error) {
			took, err = t.follow(tx, tenant)
			return err
		})
		if err != nil {
			return false, fmt.Errorf("cannot follow our own log: %w", err)
		}
		if took < ownBatch {
			return true, nil
		}
	}
	return false, nil
}

func (t *Trail) follow(tx *store.Tx, tenant string) (int, error) {
	var from int64
	if err := tx.QueryRow(`SELECT seq FROM trail_tenant WHERE tenant = $1`, tenant).Scan(&from); err != nil {
		return 0, err
	}
	list, err := audit.After(tx, tenant, from, ownBatch)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	k, err := t.keeper(tx, tenant)
	if err != nil {
		return 0, err
	}
	defer k.close()
	p, err := loadPosition(tx, k.num, OwnLog)
	if err != nil {
		return 0, err
	}
	for i := range list {
		rows, err := k.own(&list[i])
		if err != nil {
			return 0, err
		}
		if err := k.keep(rows); err != nil {
			return 0, err
		}
	}
	last := list[len(list)-1]
	p.done, p.looked, p.newest, p.state, p.records = now(), now(), last.Time, Reading, p.records+int64(k.added)
	if err := p.save(tx); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(`UPDATE trail_tenant SET seq = $2 WHERE tenant = $1`, tenant, last.Seq+1); err != nil {
		return 0, err
	}
	return len(list), k.judge()
}

// own are the rows of one of our events: one, and another for the second
// credential of a rotation; none if it is about no application, credential or entry.
func (k *keeper) own(a *audit.Entry) ([]row, error) {
	e := Event{
		Time: a.Time, Action: a.Action, Outcome: string(a.Outcome), Actor: connector.Someone{Kind: "rekey", Name: a.Name, ID: inventory.ObjectID(a.Actor)},
		Name: a.Title, Object: a.Detail["application"], KeyID: cmp.Or(a.Detail["keyId"], a.Detail["key"]), Label: a.Detail["label"], Kind: a.Detail["kind"],
		Detail: particulars(a.Detail), Correlation: a.Detail["request"], Sources: []Seen{{Source: OwnLog, ID: strconv.FormatInt(a.Seq, 10), Arrived: a.Time}},
	}
	other := ""
	switch {
	case strings.HasPrefix(a.Action, "rotation."):
		e.Ours = &Ours{Rotation: a.Subject, By: "our log"}
		if k.Touched == nil {
			break
		}
		t, found, err := k.Touched(k.tx, k.tenant, a.Subject)
		if err != nil {
			return nil, err
		}
		if found {
			e.Object, e.KeyID, other = string(t.Object), t.Old, t.New
			e.Vault, e.Entry = t.Place.Vault, t.Place.Name
		}
	case strings.HasPrefix(a.Action, "entry."):
		e.Vault, e.Entry, e.Version, e.Name = a.Subject, a.Detail["name"], a.Detail["version"], ""
	case strings.HasPrefix(a.Action, "credential."), strings.HasPrefix(a.Action, "application."):
		e.Object = a.Subject
	case a.Detail["place"] != "":
		e.Vault, e.Entry = splitPlace(a.Detail["place"])
	}
	if e.Object == "" && e.KeyID == "" && e.Entry == "" {
		return nil, nil
	}
	rows := []row{ownRow(e, "")}
	if other != "" && other != e.KeyID {
		e.Object, e.Vault, e.Entry, e.KeyID = "", "", "", other
		rows = append(rows, ownRow(e, "other"))
	}
	return rows, nil
}

func ownRow(e Event, side string) row {
	id := hash(OwnLog, e.Sources[0].ID, side)
	e.ID = fmt.Sprintf("%016x", id)
	w := row{minute: e.Time.UnixMilli() / 60_000, look: hash("r", OwnLog, e.Sources[0].ID, side), id: id, event: e}
	w.encode()
	return w
}

// splitPlace reads kv-contoso/name.
func splitPlace(text string) (vault, name string) {
	vault, name, _ = strings.Cut(text, "/")
	if vault != inventory.Embedded && !strings.Contains(vault, ".") {
		vault += ".vault.azure.net"
	}
	return vault, name
}
