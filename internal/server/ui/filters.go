package ui

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// filterOf makes the filter of a list from its fields and what the address has of them.
// An address may hold more than the fields offer: that shows as a chip as well.
func filterOf(path string, q url.Values, fields []Field, said map[string]func(string) string) Filter {
	f := Filter{Action: path}
	for i := range fields {
		v := q.Get(fields[i].Name)
		fields[i].Value = shown(v)
		fields[i].Checked = fields[i].Kind == "check" && v == "true"
		for j := range fields[i].Options {
			fields[i].Options[j].Chosen = fields[i].Options[j].Value == v
		}
	}
	f.Fields = fields
	for _, name := range chipOrder {
		v := strings.TrimSpace(q.Get(name))
		say := said[name]
		if v == "" || say == nil {
			continue
		}
		rest := url.Values{}
		for k, all := range q {
			if k != name && k != "after" && k != "trail" {
				rest[k] = all
			}
		}
		address := path
		if len(rest) > 0 {
			address += "?" + rest.Encode()
		}
		f.Chips = append(f.Chips, Link{Text: words(say(v)), Href: address})
		f.Clear = path
		if !offers(fields, name) {
			f.Hidden = append(f.Hidden, Field{Name: name, Kind: "hidden", Value: shown(v)})
		}
	}
	return f
}

// shown is what a field has of the address: without what would not show in it. The chip
// beside it has such characters written out.
func shown(v string) string {
	return strings.Map(func(r rune) rune {
		if hidden(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, v)
}

// chipOrder is the order in which filters are named.
var chipOrder = []string{
	"search", "name", "ends", "expiring", "expired", "from", "before", "state", "kind", "holder", "impact", "consumer", "owner", "noOwner", "app", "vault", "used", "unused", "shared", "unmanaged", "stray", "unmatched",
	"stage", "waiting", "rule", "severity", "application", "rotation", "actor", "action", "subject", "since", "now", "date", "days",
}

func offers(fields []Field, name string) bool {
	for _, f := range fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

func options[T ~string](none string, word func(T) string, all ...T) []Option {
	list := []Option{{Text: none}}
	for _, v := range all {
		list = append(list, Option{Value: string(v), Text: word(v)})
	}
	return list
}

// is names a filter that is on or off.
func is(text string) func(string) string { return func(string) string { return text } }

// named puts a name before what was entered.
func named(name string) func(string) string {
	return func(v string) string { return name + ": " + v }
}
