package review

import "rekey.example/rekey/internal/inventory"

// Judge runs everything that reads foreign text.
func Judge(role, scope string, b inventory.Binding) {
	why, instead := wideRole(role, scope)
	if (why == "") != (instead == "") {
		panic("a reason without a cure")
	}
	widePolicy("secrets", []string{role, scope})
	covers(role, scope)
	diet("tenant", &Review{}, b)
}
