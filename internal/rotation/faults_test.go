package rotation_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim/world"
)

const (
	addPassword    = "POST graph.microsoft.com/v1.0/applications/*/addPassword"
	removePassword = "POST graph.microsoft.com/v1.0/applications/*/removePassword"
	readObject     = "GET graph.microsoft.com/v1.0/applications/*"
	signIn         = "POST login.microsoftonline.com/*/oauth2/v2.0/token"
	putSecret      = "PUT *.vault.azure.net/secrets/*"
	getSecret      = "GET *.vault.azure.net/secrets/*"
)

// everyFault is each sickness of the clouds at each kind of request.
func everyFault() (list []world.Fault) {
	anyRequest := []world.Fault{
		{Name: world.LostRequest}, {Name: world.LostAnswer}, {Name: world.ErrorBefore}, {Name: world.ErrorAfter},
		{Name: world.LateAnswer, Delay: 45 * time.Second}, {Name: world.LateEffect, Delay: 3 * time.Minute},
		{Name: world.Duplicate}, {Name: world.Throttled, Value: "7"}, {Name: world.TruncatedBody}, {Name: world.WrongBody},
	}
	own := map[string][]world.Fault{
		addPassword: {{Name: world.Concurrent}, {Name: world.NoSecretText}},
		readObject:  {{Name: world.StaleList, Delay: 20 * time.Second}},
		signIn:      {{Name: world.TokenCache}, {Name: world.ConditionalAccess}},
		putSecret:   {{Name: world.Firewall}, {Name: world.Mangled}},
		getSecret:   {{Name: world.StaleVault}, {Name: world.Firewall}},
	}
	for _, operation := range []string{addPassword, removePassword, readObject, signIn, putSecret, getSecret} {
		for _, f := range append(slices.Clone(anyRequest), own[operation]...) {
			f.Match = operation
			list = append(list, f)
		}
	}
	return list
}

// TestOneFaultAtATime lets each sickness of the clouds strike each kind of
// request, once and three times. The rotation always ends with exactly one
// secret, and on the way consumers never read a refused one.
func TestOneFaultAtATime(t *testing.T) {
	for i, f := range everyFault() {
		if i%slow != 0 {
			continue
		}
		for _, times := range []int{1, 3} {
			for _, skip := range []int{0, 1} {
				f.Times, f.Skip = times, skip
				name := strings.Join([]string{f.Name, strings.ReplaceAll(f.Match, "/", "_"), map[int]string{1: "once", 3: "thrice"}[times], map[int]string{0: "first", 1: "second"}[skip]}, " ")
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { runWithFault(t, f) })
				})
			}
		}
	}
}

func runWithFault(t *testing.T, f world.Fault) {
	w := newTown(t, realLag)
	defer w.stop()
	w.start()
	old := w.current()
	r := w.begin()
	if err := w.cloud.World().Faults.Set(f); err != nil {
		t.Fatal(err)
	}
	// A vault that breaks what it stores cannot be helped by any protocol
	// that writes to the live name; the promise there is to notice and mend.
	if f.Name != world.Mangled {
		w.point = func() { w.check("under " + f.Name) }
	}
	r = w.live(r.ID, 400)
	w.point = func() {}
	w.settled(f.Name, r, old)
	w.foreign(r)
}

// foreign asserts that nothing was removed but the approved old secret and what
// our own attempts made (SAFETY I4).
func (w *town) foreign(r *rotation.Rotation) {
	w.t.Helper()
	made := map[string]bool{r.Terms.Old.KeyID: true}
	for _, f := range w.cloud.World().Facts("addPassword") {
		for _, a := range r.Attempts {
			if strings.HasSuffix(f.Label, a.Marker) {
				made[f.Key] = true
			}
		}
	}
	for _, f := range w.cloud.World().Facts("removePassword") {
		if !made[f.Key] {
			w.t.Errorf("secret %s was removed, which is neither the old one nor ours", f.Key)
		}
	}
}
