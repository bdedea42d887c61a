package inventory

import (
	"fmt"
	"slices"
	"strings"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// A user sees the applications that are theirs: of which the directory says that
// they are an owner. What is not theirs does not exist for them.

const (
	ownedBy = `SELECT o.num FROM inventory_owner o JOIN inventory_person p ON p.tenant = o.tenant AND p.look = o.owner
		WHERE o.tenant = $1 AND o.owner = $2 AND p.object_id = $3`
	ownedObjects = `SELECT a.object_id FROM inventory_application a WHERE a.tenant = $1 AND a.gone = 0 AND a.num IN (` + ownedBy + `)`
)

// Visible reports whether an actor may know of an application.
func (a Application) Visible(by access.Actor) bool {
	return !by.OnlyOwn() || by.Owner != "" && slices.ContainsFunc(a.Owners, func(o Owner) bool { return strings.EqualFold(string(o.ObjectID), by.Owner) })
}

// Own are the objects that a user sees. All is true for everybody else: nothing
// is hidden from them.
func Own(tx *store.Tx, by access.Actor) (objects map[ObjectID]bool, all bool, err error) {
	if !by.OnlyOwn() {
		return nil, true, nil
	}
	objects = map[ObjectID]bool{}
	number, err := tenantNumber(tx, by.Tenant)
	if err != nil || number == 0 || by.Owner == "" {
		return objects, false, err
	}
	rows, err := tx.Query(ownedObjects, number, look(strings.ToLower(by.Owner)), strings.ToLower(by.Owner))
	if err != nil {
		return nil, false, fmt.Errorf("cannot look up whose applications these are: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id ObjectID
		if err := rows.Scan(&id); err != nil {
			return nil, false, fmt.Errorf("cannot look up whose applications these are: %w", err)
		}
		objects[id] = true
	}
	return objects, false, rows.Err()
}

// Sees reports whether an actor may know of an object.
func Sees(tx *store.Tx, by access.Actor, object ObjectID) (bool, error) {
	own, all, err := Own(tx, by)
	return all || own[object], err
}

// ownNumbers are the numbers of the applications that a user sees.
func ownNumbers(tx *store.Tx, number int64, by access.Actor) (map[int64]choice, error) {
	if by.Owner == "" {
		return map[int64]choice{}, nil
	}
	id := strings.ToLower(by.Owner)
	return numbers(tx, ownedBy, number, look(id), id)
}

// PersonOf is the object id of the one person of the directory's owners who has
// this address; empty if there is none, or more than one.
func PersonOf(tx *store.Tx, tenant, address string) (id ObjectID, err error) {
	number, err := tenantNumber(tx, tenant)
	if err != nil || number == 0 {
		return "", err
	}
	rows, err := tx.Query(`SELECT object_id FROM inventory_person WHERE tenant = $1 AND lower(mail) = $2 LIMIT 2`, number, strings.ToLower(strings.TrimSpace(address)))
	if err != nil {
		return "", fmt.Errorf("cannot look up a person: %w", err)
	}
	defer rows.Close()
	for n := 0; rows.Next(); n++ {
		if n > 0 {
			return "", nil
		}
		if err := rows.Scan(&id); err != nil {
			return "", fmt.Errorf("cannot look up a person: %w", err)
		}
	}
	return id, rows.Err()
}
