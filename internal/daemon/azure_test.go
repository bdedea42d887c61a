package daemon

import (
	"slices"
	"strings"
	"testing"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/inventory"
)

// A configured subscription's resources are in the inventory after a reading, and
// their keys can be asked for as the writer.
func TestResourcesAreReadWhereTheConfigurationSaysSo(t *testing.T) {
	w := newTown(t, 0)
	w.sync()
	if list := w.keys(); len(list) != 0 {
		t.Fatalf("not asked for, and listed: %d keys", len(list))
	}
	w.close()
	w.config.Subscriptions = []Subscription{{ID: w.tenant.SubscriptionID, Resources: true, ReadValues: true}, {ID: "00000000-0000-4000-8000-000000000000", Resources: true}}
	w.open()
	if s := w.sync(); s.State != wire.SyncStateFailed || !strings.Contains(s.Problem, "00000000-0000-4000-8000-000000000000") {
		t.Errorf("a subscription that is none: %s %q", s.State, s.Problem)
	}
	list := w.keys()
	if !slices.Contains(list, "stcontosobankfiles key1") || !slices.Contains(list, "cosmos-contoso-pricing secondary") || !slices.Contains(list, "sb-contoso-wms/orders/wms-listener primary") {
		t.Errorf("listed %q", list)
	}

	k, err := w.daemon.around.accessKeys()
	if err != nil {
		t.Fatal(err)
	}
	id := "/subscriptions/" + w.tenant.SubscriptionID + "/resourcegroups/rg-finance/providers/microsoft.storage/storageaccounts/stcontosobankfiles"
	v, err := k.Recall(t.Context(), inventory.Application{Holder: inventory.InResources, ObjectID: inventory.ObjectID(id)}, "key1")
	if err != nil || v.Reveal() != w.cloud.ResourceKeys(id)["key1"] {
		t.Errorf("the writer recalls: %v", err)
	}
}

// keys are the access keys in the inventory, with their holders.
func (w *town) keys() (list []string) {
	w.t.Helper()
	for c, err := range w.local().Credentials(w.t.Context(), wire.ListCredentialsParams{Kind: wire.CredentialKindAccessKey}) {
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, c.Application.Name+" "+c.KeyID)
	}
	return list
}

func TestMistakesAboutSubscriptions(t *testing.T) {
	for text, want := range map[string]string{
		"subscriptions:\n  - id: prod\n": "is not a GUID",
		"subscriptions:\n  - id: 11111111-2222-4333-8444-555555555555\n    resources: true\n  - id: 11111111-2222-4333-8444-555555555555\n": "stands there twice",
		"subscriptions:\n  - id: 11111111-2222-4333-8444-555555555555\n    readValues: true\n":                                              "set resources: true",
		"subscriptions:\n  - id: 11111111-2222-4333-8444-555555555555\n    values: true\n":                                                  "readValues",
	} {
		if _, err := load(t, text, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	got, err := load(t, "subscriptions:\n  - id: 11111111-2222-4333-8444-555555555555\n    resources: true\n", nil, nil)
	if err != nil || len(got.Config.Subscriptions) != 1 || !got.Config.Subscriptions[0].Resources || got.Config.Subscriptions[0].ReadValues {
		t.Errorf("read %+v, %v", got, err)
	}
}
