package trail

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/store"
)

// The rules whose findings the trail reports.
const (
	OutOfBand = "out-of-band"
	Books     = "books"
)

// judge looks at what is new: what appeared without an intent of ours is a
// finding, and one whose subject is gone is settled. What happened before the trail
// was kept is history.
func (k *keeper) judge() error {
	if err := k.tellUses(); err != nil {
		return err
	}
	for _, e := range k.fresh {
		if e.Time.Before(k.began) || e.Outcome == "failure" {
			continue
		}
		var err error
		switch {
		case e.strange():
			err = k.report(e)
		case e.Action == connector.CredentialRemoved, e.Action == seenNoKey, e.Action == connector.OwnerRemoved, e.Action == connector.FederatedRemoved:
			err = k.settle(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// strange reports whether an event lets somebody in and is none of our acts.
func (e *Event) strange() bool {
	switch e.Action {
	case seenKey:
		return e.Detail["made"] == notOurs
	case seenOwners:
		return e.Detail["added"] != ""
	case seenEntry, seenVersion:
		return e.Version != "" && e.Ours == nil && e.Vault != inventory.Embedded
	}
	// A version that Event Grid tells of is read again at once, with the tags that
	// say whose it is: that is what is judged.
	return e.adds() && e.Ours == nil && e.Action != connector.VersionAdded
}

// report opens or rewrites the findings of an event, with all that is known by now.
func (k *keeper) report(e *Event) error {
	if e.Action != seenOwners {
		return k.reportOne(e, e.KeyID)
	}
	for id := range strings.SplitSeq(e.Detail["added"], ",") {
		if err := k.reportOne(e, id); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) reportOne(e *Event, keyID string) error {
	known, err := k.told(e, keyID)
	if err != nil {
		return err
	}
	f := policy.Finding{
		Tenant: k.tenant, Rule: OutOfBand, Application: inventory.ObjectID(e.Object), KeyID: keyID, Title: cmp.Or(e.Name, known.Name, e.Object),
	}
	if e.Entry != "" {
		f.Place, f.KeyID, f.Application, f.Title = e.Place().String(), "", "", e.Place().String()
	}
	if f.Reason, err = k.reason(e, known); err != nil {
		return err
	}
	return k.Report(k.tx, k.Log, f)
}

// told finds the cloud's own record of what an event is about: it says who did it.
// Without one it is the event itself.
func (k *keeper) told(e *Event, keyID string) (*Event, error) {
	if e.Sources[0].Source != OwnLog {
		return e, nil
	}
	column, key := selectByCredential, credentialKey(keyID)
	if e.Entry != "" {
		column, key = selectByEntry, entryKey(e.Place())
	}
	list, err := selectEvents(k.tx, column, k.num, key, after{}, 50)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if o := &list[i].Event; o.adds() && o.Ours == nil && (e.Object == "" || o.Object == "" || strings.EqualFold(o.Object, e.Object)) {
			return o, nil
		}
	}
	return e, nil
}

// reason says what happened, who did it, and what it can touch.
func (k *keeper) reason(e, known *Event) (string, error) {
	var b strings.Builder
	if known.Sources[0].Source == OwnLog {
		fmt.Fprintf(&b, "%s; no rotation planned it. Who did it is not known yet: the directory's own record comes minutes to an hour later", seenWords(e))
	} else {
		fmt.Fprintf(&b, "%s %s on %s; no rotation planned it", known.Who(), known.What(), known.Time.Format("2 January 2006 at 15:04:05 UTC"))
	}
	reach, err := reachOf(k.tx, k.num, e.Object)
	if err != nil {
		return "", err
	}
	if reach != "" {
		b.WriteString(". It can touch " + reach)
	}
	return b.String(), nil
}

func seenWords(e *Event) string {
	switch e.Action {
	case seenOwners:
		return "the owners changed, from " + cmp.Or(e.Detail["before"], "nobody") + " to " + cmp.Or(e.Detail["now"], "nobody")
	case seenEntry, seenVersion:
		return "version " + e.Version + " of " + e.Place().String() + " appeared"
	}
	return strings.TrimSpace(kindWord(e.Kind)+" "+quoted(e.Label)) + " (" + e.KeyID + ") appeared"
}

// settle closes the finding of a credential that is gone.
func (k *keeper) settle(e *Event) error {
	if e.KeyID == "" {
		return nil
	}
	standing, err := policy.Standing(k.tx, k.tenant, OutOfBand)
	if err != nil {
		return err
	}
	for _, f := range standing {
		if strings.EqualFold(f.KeyID, e.KeyID) && strings.EqualFold(string(f.Application), e.Object) {
			if err := k.Settle(k.tx, k.Log, k.tenant, f.ID, "it is gone: "+e.Who()+" removed it"); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReachSchema keeps what applications can touch, as it was last looked up.
var ReachSchema = store.Schema{Version: 232, SQL: `
CREATE TABLE trail_reach (
	tenant INTEGER NOT NULL,
	object TEXT NOT NULL,
	looked BIGINT NOT NULL,
	reach  TEXT NOT NULL,
	PRIMARY KEY (tenant, object)
);
`}

func reachOf(tx *store.Tx, num int64, object string) (reach string, err error) {
	err = tx.QueryRow(`SELECT reach FROM trail_reach WHERE tenant = $1 AND object = $2`, num, strings.ToLower(object)).Scan(&reach)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("cannot read what %s can touch: %w", object, err)
	}
	return reach, nil
}

// reachLasts is how long an answer about permissions is good.
const reachLasts = time.Hour
