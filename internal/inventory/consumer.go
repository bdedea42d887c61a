package inventory

import (
	"encoding/json"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/store"
)

// Bound is a consumer that the configuration knows: of an application, or of
// whatever a place holds.
type Bound struct {
	Application string // name, client id or object id; or
	Place       string // vault/name
	KeyID       string // only of this credential; empty: of all
	Consumer    string
	Reference   string
}

// The sources of bindings.
const (
	FromTag           = "vault tag"
	FromConfiguration = "configuration"
	FromNotes         = "application notes"
)

// consumers finds who uses a credential. What is written down beside the value or
// the application, or in the configuration, is read when it is asked for, so it
// follows a credential from one key id to the next without anybody moving it.
func consumers(tx *store.Tx, number int64, r *Row, bound []Bound) ([]Binding, error) {
	list := []Binding{}
	add := func(consumer, reference, source string) {
		consumer = strings.TrimSpace(consumer)
		if consumer == "" {
			return
		}
		for i, b := range list {
			if !strings.EqualFold(b.Consumer, consumer) {
				continue
			}
			// The system that a consumer runs on knows better how it gets its value
			// than the tag that somebody once wrote.
			if source == FromAppService && b.Source == FromTag {
				list[i].Reference, list[i].Source = reference, source
			}
			return
		}
		list = append(list, Binding{Tenant: r.Tenant, Holder: r.Holder, KeyID: r.KeyID, Consumer: consumer, Reference: reference, Source: source})
	}
	for _, d := range r.Places {
		tags, err := entryTags(tx, number, d.Place)
		if err != nil {
			return nil, err
		}
		for c := range strings.SplitSeq(tags[TagConsumer], ";") {
			add(c, d.Place.String(), FromTag)
		}
		readers, err := readersOf(tx, number, d.Place)
		if err != nil {
			return nil, err
		}
		for _, r := range readers {
			add(r.Consumer, r.Reference, r.Source)
		}
	}
	for _, b := range bound {
		if b.fits(r) {
			add(b.Consumer, b.Reference, FromConfiguration)
		}
	}
	for c := range noted(r.Application.Notes) {
		add(c, "", FromNotes)
	}
	return list, nil
}

func (b Bound) fits(r *Row) bool {
	if b.KeyID != "" && !strings.EqualFold(b.KeyID, r.KeyID) {
		return false
	}
	if b.Place != "" {
		for _, d := range r.Places {
			if strings.EqualFold(b.Place, d.Place.String()) || strings.EqualFold(b.Place, d.Place.Vault+"/"+d.Place.Name) {
				return true
			}
		}
		return false
	}
	for _, id := range []string{r.Application.Name, string(r.Application.ClientID), string(r.Application.ObjectID)} {
		if b.Application != "" && strings.EqualFold(b.Application, id) {
			return true
		}
	}
	return false
}

// noted reads consumers out of an application's notes: lines that begin with
// "consumer:" or "used by:", several separated by semicolons.
func noted(notes string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(notes) {
			name, rest, found := strings.Cut(line, ":")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "consumer", "consumers", "used by":
			default:
				continue
			}
			for c := range strings.SplitSeq(rest, ";") {
				if found && !yield(c) {
					return
				}
			}
		}
	}
}

// entryTags are the tags of what a place holds, whichever kind that is.
func entryTags(tx *store.Tx, number int64, p Place) (map[string]string, error) {
	rows, err := tx.Query(`SELECT tags FROM inventory_entry WHERE tenant = $1 AND vault = $2 AND name = $3 AND gone = 0 ORDER BY kind`, number, p.Vault, p.Name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the tags of %s: %w", p, err)
	}
	defer rows.Close()
	tags := map[string]string{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("cannot read the tags of %s: %w", p, err)
		}
		_ = json.Unmarshal([]byte(text), &tags) // our own writing
	}
	return tags, rows.Err()
}
