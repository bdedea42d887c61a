package azurekeys_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

func rejected(t *town, err error, wrongKey bool) {
	t.Helper()
	e, ok := errors.AsType[*connector.RejectedError](err)
	if !ok || e.Secret != wrongKey || e.Name == "" || e.Code != 0 {
		t.Errorf("got %v (%+v), want a refusal, of the key itself: %v", err, e, wrongKey)
	}
}

// A whole rotation of every type: the other key is made anew, proved, and then the
// old one ends.
func TestEveryTypeIsRenewedInTurns(t *testing.T) {
	each(t, sim.Config{}, func(t *town, h inventory.Application) {
		k, ctx := t.writer(), t.Context()
		before := t.cloud.ResourceKeys(string(h.ObjectID))
		list, err := k.Credentials(ctx, h)
		if err != nil || len(list) != 2 {
			t.Fatalf("listed %+v, %v", list, err)
		}
		for _, c := range list {
			if c.Kind != inventory.AccessKey || c.Holder != h.ObjectID || c.Hint != before[c.KeyID][:3] || !c.Expires.IsZero() || c.Label != c.KeyID {
				t.Errorf("listed %+v", c)
			}
			if err := k.SignIn(ctx, h, value(before[c.KeyID])); err != nil {
				t.Errorf("%s: %v", c.KeyID, err)
			}
		}
		live, spare := list[0], list[1]
		regenerated := len(t.cloud.World().Facts("regenerateKey"))

		c, v, err := k.Issue(ctx, connector.Order{Holder: h, Kind: inventory.AccessKey, Old: live, Request: "11111111-2222-4333-8444-555555555555"})
		if err != nil {
			t.Fatal(err)
		}
		now := t.cloud.ResourceKeys(string(h.ObjectID))
		if c.KeyID != spare.KeyID || v.Reveal() != now[spare.KeyID] || now[spare.KeyID] == before[spare.KeyID] || now[live.KeyID] != before[live.KeyID] || c.Hint != v.Hint() {
			t.Errorf("issued %+v", c)
		}
		facts := t.cloud.World().Facts("regenerateKey")[regenerated:]
		if len(facts) != 1 || facts[0].Key != spare.KeyID || facts[0].Request != "11111111-2222-4333-8444-555555555555" || t.count("/regeneratekey") != 1 {
			t.Errorf("facts %+v, %d requests", facts, t.count("/regeneratekey"))
		}
		if err := k.SignIn(ctx, h, v); err != nil {
			t.Errorf("the new key: %v", err)
		}
		rejected(t, k.SignIn(ctx, h, value(before[spare.KeyID])), true)
		if again, err := k.Recall(ctx, h, spare.KeyID); err != nil || !again.Equal(v) {
			t.Errorf("recalled another value: %v", err)
		}

		if err := k.Withdraw(ctx, h, live.KeyID); err != nil {
			t.Fatal(err)
		}
		rejected(t, k.SignIn(ctx, h, value(before[live.KeyID])), true)
		if err := k.SignIn(ctx, h, v); err != nil {
			t.Errorf("the new key after the old one ended: %v", err)
		}
	})
}

// Only storage tells the age of its keys, and it moves with the value.
func TestStorageTellsTheAgeOfItsKeys(t *testing.T) {
	each(t, sim.Config{}, func(t *town, h inventory.Application) {
		list, err := t.writer().Credentials(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		storage := h.Kind == "Microsoft.Storage/storageAccounts"
		if list[0].Starts.IsZero() == storage {
			t.Errorf("starts %v", list[0].Starts)
		}
		c, _, err := t.writer().Issue(t.Context(), connector.Order{Holder: h, Old: list[1]})
		if err != nil || storage && time.Since(c.Starts) > time.Minute {
			t.Errorf("a new key starts %v, %v", c.Starts, err)
		}
	})
}

// Whatever goes wrong on the way: one request, and "nothing was changed" is said
// only if nothing was, then or later.
func TestFaultsNeverLookHarmlessWhenTheyAreNot(t *testing.T) {
	faults := []struct {
		name string
		want bool // ErrNotApplied may be said
	}{
		{world.LostRequest, false}, {world.LostAnswer, false}, {world.ErrorBefore, false}, {world.ErrorAfter, false}, {world.LateEffect, false},
		{world.TruncatedBody, false}, {world.WrongBody, false}, {world.Throttled, true}, {world.Duplicate, false}, {world.LateAnswer, false},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			each(t, sim.Config{World: world.Config{Lag: world.Lag{Key: 20 * time.Second}}}, func(t *town, h inventory.Application) {
				k := t.writer()
				before := t.cloud.ResourceKeys(string(h.ObjectID))
				list, err := k.Credentials(t.Context(), h)
				if err != nil {
					t.Fatal(err)
				}
				if err := t.cloud.World().Faults.Set(world.Fault{Name: f.name, Match: "POST management.azure.com" + operation(string(h.ObjectID)), Times: 1}); err != nil {
					t.Fatal(err)
				}
				defer t.cloud.World().Faults.Clear("")
				c, v, err := k.Issue(t.Context(), connector.Order{Holder: h, Old: list[0]})
				if n := t.count("/regeneratekey"); n != 1 {
					t.Errorf("%d requests", n)
				}
				if len(t.cloud.World().Facts("fault")) == 0 {
					t.Fatal("the fault did not strike")
				}
				time.Sleep(5 * time.Minute)
				now := t.cloud.ResourceKeys(string(h.ObjectID))
				changed := now[list[1].KeyID] != before[list[1].KeyID]
				if errors.Is(err, connector.ErrNotApplied) && (changed || !f.want) {
					t.Errorf("said that nothing was changed: %v", err)
				}
				if now[list[0].KeyID] != before[list[0].KeyID] {
					t.Error("the live key was touched")
				}
				if err == nil && (c.KeyID != list[1].KeyID || v.Reveal() == before[list[1].KeyID]) {
					t.Errorf("issued %+v", c)
				}
				if again, err := k.Recall(t.Context(), h, list[1].KeyID); err != nil || again.Reveal() != now[list[1].KeyID] {
					t.Errorf("the key cannot be recalled: %v", err)
				}
			})
		})
	}
}

// operation is the pattern of the paths that regenerate a resource's key.
func operation(id string) string { return id + "/regenerateKey*" }

func TestThrottledSaysHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := settle(t, sim.Config{})
		h := s.holder(resources[1])
		if err := s.cloud.World().Faults.Set(world.Fault{Name: world.Throttled, Match: "POST management.azure.com" + operation(string(h.ObjectID)), Value: "17"}); err != nil {
			t.Fatal(err)
		}
		_, _, err := s.writer().Issue(t.Context(), connector.Order{Holder: h, Old: inventory.Credential{KeyID: "key1"}})
		e, ok := errors.AsType[*connector.ThrottledError](err)
		if !ok || e.After != 17*time.Second || !errors.Is(err, connector.ErrNotApplied) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRefusalsChangeNothing(t *testing.T) {
	s := settle(t, sim.Config{})
	k := s.writer()
	h := s.holder(resources[0])
	order := func(h inventory.Application, old string) error {
		_, _, err := k.Issue(t.Context(), connector.Order{Holder: h, Old: inventory.Credential{KeyID: old}})
		return err
	}
	gone := h
	gone.ObjectID += "x"
	for name, err := range map[string]error{
		"a key that is none":   order(h, "key3"),
		"withdrawing no key":   k.Withdraw(t.Context(), h, "primary"),
		"a resource that went": order(gone, "key1"),
		"an application":       order(inventory.Application{Holder: inventory.InApplications, ObjectID: h.ObjectID}, "key1"),
		"not a resource of ours": order(inventory.Application{Holder: inventory.InResources,
			ObjectID: "/subscriptions/s/resourcegroups/g/providers/microsoft.web/sites/x"}, "key1"),
	} {
		if !errors.Is(err, connector.ErrNotApplied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k = s.keys(s.cloud.Tenant().Reader) // may list keys, not regenerate them
	if err := order(h, "key1"); !errors.Is(err, connector.ErrNotApplied) || !errors.Is(err, connector.ErrDenied) {
		t.Errorf("without the right: %v", err)
	}
	if facts := s.cloud.World().Facts("regenerateKey"); len(facts) != 0 {
		t.Errorf("facts %+v", facts)
	}
}

// Cosmos DB answers first and makes the key afterwards. A deadline in between
// leaves an error that says so, and the same call again learns how it ended
// without sending another request.
func TestAnOperationThatTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := settle(t, sim.Config{World: world.Config{Lag: world.Lag{Key: 3 * time.Minute}}})
		h, k := s.holder(resources[len(resources)-1]), s.writer()
		order := connector.Order{Holder: h, Old: inventory.Credential{KeyID: "primary"}}
		began, visits := time.Now(), 0
		for {
			ctx, cancel := contextOf(t, 30*time.Second)
			_, v, err := k.Issue(ctx, order)
			cancel()
			if visits++; err == nil {
				if time.Since(began) < 3*time.Minute || v.Reveal() != s.cloud.ResourceKeys(string(h.ObjectID))["secondary"] {
					t.Errorf("issued after %v", time.Since(began))
				}
				break
			}
			if !errors.Is(err, connector.ErrPending) || errors.Is(err, connector.ErrNotApplied) || visits > 10 {
				t.Fatalf("visit %d: %v", visits, err)
			}
		}
		if n := s.count("regenerateKey"); visits < 4 || n != 1 {
			t.Errorf("%d visits, %d requests", visits, n)
		}

		// A new process does not know of the operation. While it goes on another
		// request is refused, which may also befall the copy of one that was
		// applied: it is no proof that nothing happened.
		ctx, cancel := contextOf(t, 30*time.Second)
		defer cancel()
		if err := k.Withdraw(ctx, h, "primary"); !errors.Is(err, connector.ErrPending) {
			t.Errorf("withdrawing: %v", err)
		}
		if err := s.writer().Withdraw(t.Context(), h, "primary"); err == nil || errors.Is(err, connector.ErrNotApplied) || errors.Is(err, connector.ErrPending) {
			t.Errorf("in a new process: %v", err)
		}
		before := s.cloud.ResourceKeys(string(h.ObjectID))["primary"]
		if err := k.Withdraw(t.Context(), h, "primary"); err != nil || s.cloud.ResourceKeys(string(h.ObjectID))["primary"] == before {
			t.Errorf("going on: %v", err)
		}
		if facts := s.cloud.World().Facts("regenerateKey"); len(facts) != 2 {
			t.Errorf("facts %+v", facts)
		}
	})
}

// An operation that may not be asked about is settled by the key itself.
func TestTheKeyItselfTellsThatItWasMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := settle(t, sim.Config{World: world.Config{Lag: world.Lag{Key: time.Minute}}})
		if err := s.cloud.World().Faults.Set(world.Fault{Name: world.ErrorBefore, Value: "403 AuthorizationFailed",
			Match: "GET management.azure.com/subscriptions/*/providers/Microsoft.DocumentDB/locations/*/operationsStatus/*"}); err != nil {
			t.Fatal(err)
		}
		h := s.holder(resources[len(resources)-1])
		before := s.cloud.ResourceKeys(string(h.ObjectID))["secondary"]
		_, v, err := s.writer().Issue(t.Context(), connector.Order{Holder: h, Old: inventory.Credential{KeyID: "primary"}})
		if now := s.cloud.ResourceKeys(string(h.ObjectID))["secondary"]; err != nil || v.Reveal() != now || now == before {
			t.Errorf("issued: %v", err)
		}
	})
}
