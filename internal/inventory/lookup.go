package inventory

import "rekey.example/rekey/internal/store"

// KnownSecret is what is known of a secret in a vault, for a feed that need not
// read a value again which has not changed. Callers check permission.
func KnownSecret(tx *store.Tx, tenant string, p Place) (e Entry, ok bool, err error) {
	number, err := tenantNumber(tx, tenant)
	if err != nil || number == 0 {
		return Entry{}, false, err
	}
	list, err := entriesAt(tx, tenant, number, p)
	for _, e := range list {
		if e.Kind == "secret" {
			return e, true, err
		}
	}
	return Entry{}, false, err
}
