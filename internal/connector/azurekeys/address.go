package azurekeys

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// address is a resource by its ARM id.
type address struct {
	segments []string // subscriptions, s, resourceGroups, g, providers, space, type, name, type, name ...
	names    []string // those of the resource and of what it is a part of, the outermost first
	kind     kind
}

// ErrKind means that an id is not that of a resource whose keys can be renewed.
var ErrKind = errors.New("not a resource whose keys can be renewed")

const (
	longestID = 2000
	mostParts = 3 // namespace, queue, rule
)

// find reads a holder. Names are spelled as in the holder's name where that is
// the same but for case, since an ObjectID is all lower case.
func find(holder inventory.Application) (address, error) {
	if holder.Holder != inventory.InResources {
		return address{}, fmt.Errorf("%q is in %s: %w", holder.Name, holder.Holder, ErrKind)
	}
	at, err := parse(string(holder.ObjectID))
	if err != nil {
		return at, err
	}
	if spelled := strings.Split(holder.Name, "/"); len(spelled) == len(at.names) {
		for i, name := range spelled {
			if strings.EqualFold(name, at.names[i]) {
				at.names[i] = name
			}
		}
	}
	return at, nil
}

// parse takes an ARM id apart.
func parse(id string) (at address, err error) {
	wrong := fmt.Errorf("%.200q: %w", id, ErrKind)
	if len(id) > longestID || !strings.HasPrefix(id, "/") {
		return at, wrong
	}
	at.segments = strings.Split(id[1:], "/")
	s := at.segments
	if len(s) < 8 || len(s)%2 != 0 || len(s) > 6+2*mostParts || !strings.EqualFold(s[0], "subscriptions") || !strings.EqualFold(s[2], "resourceGroups") || !strings.EqualFold(s[4], "providers") {
		return at, wrong
	}
	for _, segment := range s {
		if !plain(segment) {
			return at, wrong
		}
	}
	var name strings.Builder
	name.WriteString(s[5])
	for i := 6; i < len(s); i += 2 {
		name.WriteString("/" + s[i])
		at.names = append(at.names, s[i+1])
	}
	for _, k := range kinds() {
		if strings.EqualFold(k.name, name.String()) {
			at.kind = k
			return at, nil
		}
	}
	return at, wrong
}

// plain reports whether a text can be a segment of a path and mean nothing else.
func plain(segment string) bool {
	if segment == "" || segment == "." || segment == ".." || len(segment) > 260 {
		return false
	}
	return !strings.ContainsFunc(segment, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsPrint(r) || strings.ContainsRune(`/\?#%"<>`, r)
	})
}

// path is that of an operation on the resource; empty: of the resource itself.
func (a address) path(operation string) string {
	segments := a.segments
	if operation != "" {
		segments = append(segments[:len(segments):len(segments)], operation)
	}
	return rest.Path(segments...) + "?api-version=" + a.kind.version
}

// outermost is the path of what the resource is a part of, or of itself: of a
// rule, its namespace.
func (a address) outermost() string {
	return rest.Path(a.segments[:8]...) + "?api-version=" + a.kind.version
}

// other is the second key of the pair that a key belongs to.
func (a address) other(id string) (string, bool) {
	switch id {
	case a.kind.keys[0]:
		return a.kind.keys[1], true
	case a.kind.keys[1]:
		return a.kind.keys[0], true
	}
	return "", false
}
