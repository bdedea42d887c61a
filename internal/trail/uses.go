package trail

import (
	"math"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
)

// tellUses tells of the sign-ins that are new. One that another source has added to
// was told of before.
func (k *keeper) tellUses() error {
	if k.Used == nil {
		return nil
	}
	var list []*Event
	for _, e := range k.fresh {
		if e.Action == connector.SignedIn && e.KeyID != "" && len(e.Sources) == 1 {
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return k.Used(k.tx, k.tenant, list)
}

// SignIns are the recorded uses of a credential since then, the newest first, as many
// as limit. whole is false if there are more. Callers check permission.
func SignIns(tx *store.Tx, tenant, keyID string, since time.Time, limit int) (list []Event, whole bool, err error) {
	num, _, err := tenantNumber(tx, tenant)
	if err != nil {
		return nil, false, err
	}
	for from := (after{math.MaxInt64, math.MaxInt64}); ; {
		page, err := selectEvents(tx, selectByCredential, num, credentialKey(keyID), from, MostEvents)
		if err != nil {
			return nil, false, err
		}
		for _, p := range page {
			from = p.at
			switch {
			case p.Time.Before(since):
				return list, true, nil
			case p.Action != connector.SignedIn:
				continue
			case len(list) == limit:
				return list, false, nil
			}
			list = append(list, p.Event)
		}
		if len(page) < MostEvents {
			return list, true, nil
		}
	}
}
