package azurekeys_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azurekeys"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

func contextOf(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// The parts of a data plane hear of a new key one after the other: a rotation has
// to ask more than once, and is told the truth each time.
func TestPartsOfADataPlaneLag(t *testing.T) {
	each(t, sim.Config{World: world.Config{Lag: world.Lag{Key: time.Minute}, Replicas: 8}}, func(t *town, h inventory.Application) {
		if strings.Contains(h.Kind, "DocumentDB") {
			return // its time passes before the answer
		}
		k := t.writer()
		list, err := k.Credentials(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		_, v, err := k.Issue(t.Context(), connector.Order{Holder: h, Old: list[0]})
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for range 60 {
			if err := k.SignIn(t.Context(), h, v); err != nil {
				rejected(t, err, true)
				refused++
			}
		}
		time.Sleep(time.Minute)
		for range 20 {
			if err := k.SignIn(t.Context(), h, v); err != nil {
				t.Errorf("after the lag: %v", err)
			}
		}
		if refused == 0 {
			t.Error("no part of the data plane lagged")
		}
	})
}

// Keys that are switched off are refused, and not for the key's sake.
func TestKeysThatAreSwitchedOff(t *testing.T) {
	each(t, sim.Config{}, func(t *town, h inventory.Application) {
		w := t.cloud.World()
		w.Change(func() {
			for _, r := range w.Azure.Resources {
				if r.Properties != nil && r.Host() != "" {
					r.Properties["disableLocalAuth"], r.Properties["allowSharedKeyAccess"] = true, false
				}
			}
		})
		for _, text := range t.cloud.ResourceKeys(string(h.ObjectID)) {
			rejected(t, t.writer().SignIn(t.Context(), h, value(text)), false)
			return
		}
	})
}

// A resource whose properties point elsewhere is shown no key.
func TestKeysAreShownToAzureOnly(t *testing.T) {
	each(t, sim.Config{}, func(t *town, h inventory.Application) {
		w := t.cloud.World()
		w.Change(func() {
			for _, r := range w.Azure.Resources {
				for _, p := range []string{"endpoint", "serviceBusEndpoint", "documentEndpoint"} {
					if _, has := r.Properties[p]; has {
						r.Properties[p] = "https://graph.microsoft.com/"
					}
				}
				if _, has := r.Properties["primaryEndpoints"]; has {
					r.Properties["primaryEndpoints"] = map[string]any{"blob": "http://x.blob.core.windows.net/"}
				}
			}
		})
		err := t.writer().SignIn(t.Context(), h, value("a-key-of-no-use-at-all"))
		if _, ok := errors.AsType[*connector.RejectedError](err); ok || err == nil {
			t.Errorf("got %v", err)
		}
		if n := len(t.asked) - t.count("management.azure.com"); n != 0 {
			t.Errorf("asked %v", t.asked)
		}
	})
}

// An answer that is none leaves the key unjudged.
func TestTroubleIsNoVerdict(t *testing.T) {
	each(t, sim.Config{}, func(t *town, h inventory.Application) {
		for _, f := range []world.Fault{
			{Name: world.LostAnswer}, {Name: world.ErrorBefore}, {Name: world.Throttled}, {Name: world.WrongBody}, {Name: world.WrongBody, Value: "401"}, {Name: world.TruncatedBody},
		} {
			span := map[string]string{"EventGrid": "*.eventgrid.azure.net", "Storage": "*.blob.core.windows.net", "ServiceBus": "*.servicebus.windows.net", "EventHub": "*.servicebus.windows.net", "DocumentDB": "*.documents.azure.com"}
			for word, host := range span {
				if !strings.HasPrefix(h.Kind, "Microsoft."+word) {
					continue
				}
				for _, path := range []string{"/", "/*", "/*/*"} {
					g := f
					g.Match = "* " + host + path
					if err := t.cloud.World().Faults.Set(g); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, text := range t.cloud.ResourceKeys(string(h.ObjectID)) {
				err := t.writer().SignIn(t.Context(), h, value(text))
				if _, is := errors.AsType[*connector.RejectedError](err); is || err == nil && f.Name != world.TruncatedBody {
					t.Errorf("%s %s: %v", f.Name, f.Value, err)
				}
				if err != nil && strings.Contains(err.Error(), text) {
					t.Errorf("%s: the error tells the key", f.Name)
				}
				break
			}
			t.cloud.World().Faults.Clear("")
		}
	})
}

// A vault can hold a whole connection string: it is tried by the key in it.
func TestConnectionStringsOfVaultsSignIn(t *testing.T) {
	s := settle(t, sim.Config{})
	for _, c := range []struct {
		r           resource
		vault, name string
		form        string
	}{
		{resources[0], "kv-contoso-prod", "fno-business-events-topic-key", azurekeys.FormKey},
		{resources[1], "kv-contoso-finance", "bank-files-storage-connection", azurekeys.FormConnectionString},
		{resources[3], "kv-contoso-prod", "wms-servicebus-connection", azurekeys.FormConnectionString},
		{resources[7], "kv-contoso-prod", "telemetry-eventhub-connection", azurekeys.FormConnectionString},
		{resources[8], "kv-contoso-prod", "pricing-cosmos-connection", azurekeys.FormConnectionString},
	} {
		kept, ok := s.cloud.Current(c.vault, c.name)
		if !ok {
			t.Fatalf("no entry %s/%s", c.vault, c.name)
		}
		h := s.holder(c.r)
		if err := s.writer().SignIn(t.Context(), h, value(kept)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := azurekeys.Form(value(kept)); got != c.form {
			t.Errorf("%s has form %q", c.name, got)
		}
		// What is derived from the key is what people have put there.
		derived, err := azurekeys.Derive(c.r.kind, h, c.form, azurekeys.KeyOf(value(kept)))
		if err != nil || derived.Reveal() != kept {
			t.Errorf("%s: derived another value, %v", c.name, err)
		}
	}
}
