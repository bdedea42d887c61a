package azurekeys_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azurekeys"
	"rekey.example/rekey/internal/connector/keyvault"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

// book is an inventory of a town's resources.
type book struct {
	*town
	db     *store.DB
	file   string
	syncer *inventory.Syncer
	ring   *secret.Keyring
	values bool // are read
}

// shown are the fields of rows that people see.
var shown = cmpopts.IgnoreUnexported(inventory.Row{})

func open(t *testing.T, db *store.DB) *book {
	t.Helper()
	b := &book{town: settle(t, sim.Config{}), db: db}
	log, err := audit.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if b.db == nil {
		b.file = filepath.Join(t.TempDir(), "rekey.db")
		if b.db, err = store.Open(context.Background(), b.file, audit.Schema, inventory.Schema); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.db.Close() })
	}
	if b.ring, err = secret.OpenKeyring(t.TempDir(), ""); err != nil {
		t.Fatal(err)
	}
	b.syncer = &inventory.Syncer{Store: b.db, Log: log}
	return b
}

func (b *book) actor() access.Actor {
	return access.Actor{ID: "local:1", Name: "someone", Person: "someone", Role: access.Administrator, Tenant: b.cloud.Tenant().ID}
}

func (b *book) feed() *azurekeys.Feed {
	f := &azurekeys.Feed{ARM: b.manager(b.cloud.Tenant().Reader), Subscription: b.cloud.Tenant().SubscriptionID}
	if b.values {
		f.Values = b.ring.Values
	}
	return f
}

func (b *book) sync(full bool) inventory.Counts {
	b.Helper()
	n, err := b.syncer.Directory(b.Context(), b.actor(), full, b.feed())
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// vaults reads the two vaults that hold keys.
func (b *book) vaults() {
	b.Helper()
	var feeds []inventory.VaultFeed
	for _, name := range []string{"kv-contoso-prod", "kv-contoso-finance"} {
		host := name + ".vault.azure.net"
		c, err := rest.New(rest.Config{Base: "https://" + host, Transport: b.wire(), Credential: vaultReader{b.town}, Tries: 1})
		if err != nil {
			b.Fatal(err)
		}
		feeds = append(feeds, &keyvault.Feed{API: c, Tenant: b.cloud.Tenant().ID, Host: host, Values: b.ring.Values, Key: azurekeys.KeyOf})
	}
	if _, err := b.syncer.Vaults(b.Context(), b.actor(), feeds...); err != nil {
		b.Fatal(err)
	}
}

func (b *book) rows() map[string]inventory.Row {
	b.Helper()
	s := inventory.Service{Store: b.db}
	l, err := s.Credentials(b.Context(), b.actor(), inventory.Query{Kind: inventory.AccessKey, Limit: 1000})
	if err != nil {
		b.Fatal(err)
	}
	rows := map[string]inventory.Row{}
	for _, r := range l.Rows {
		rows[r.Application.Name+"/"+r.KeyID] = r
	}
	return rows
}

func (b *book) events(prefix string) (list []string) {
	b.Helper()
	err := b.db.View(b.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT action, body FROM audit_event WHERE action LIKE $1 ORDER BY seq`, prefix+"%")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var action, body string
			if err := rows.Scan(&action, &body); err != nil {
				return err
			}
			list = append(list, action)
		}
		return rows.Err()
	})
	if err != nil {
		b.Fatal(err)
	}
	return list
}

func TestEveryResourceIsListedWithItsTwoKeys(t *testing.T) {
	storetest.Each(t, []store.Schema{audit.Schema, inventory.Schema}, func(t *testing.T, db *store.DB) {
		b := open(t, db)
		var holders []inventory.Application
		for _, r := range resources {
			holders = append(holders, b.holder(r)) // makes one that is not there yet
		}
		b.sync(false)
		rows := b.rows()
		for at, r := range resources {
			h := holders[at]
			for i := range 2 {
				key := []string{"key1", "key2"}[i]
				if strings.Contains(r.kind, "Rules") || strings.Contains(r.kind, "DocumentDB") {
					key = []string{"primary", "secondary"}[i]
				}
				row, ok := rows[r.name+"/"+key]
				if !ok || row.Application.Holder != inventory.InResources || row.Application.ObjectID != h.ObjectID || row.Application.Kind != r.kind || row.Application.ClientID != "" || !row.Application.Enabled {
					t.Fatalf("%s/%s: %v %+v", r.name, key, ok, row.Application)
				}
				if row.Kind != inventory.AccessKey || row.Label != key || !row.Expires.IsZero() || row.Hint != "" || row.Starts.IsZero() == strings.Contains(r.kind, "Storage") {
					t.Errorf("%s/%s: %+v", r.name, key, row.Credential)
				}
			}
		}
		if row := rows["stcontosodatalake/key1"]; row.Application.Enabled || row.Application.Notes != "team: platform\n" {
			t.Errorf("an account that takes no keys: %+v", row.Application)
		}
		if n := b.count("listKeys"); n != 0 {
			t.Errorf("asked for values %d times", n)
		}
		before := b.rows()
		for _, full := range []bool{false, true} {
			b.sync(full)
			if d := cmp.Diff(before, b.rows(), shown); d != "" {
				t.Errorf("another reading changed rows (full %v):\n%s", full, d)
			}
		}
		if got := b.events(""); len(got) != 1 {
			t.Errorf("events %q, want the baseline only", got)
		}
	})
}

// With values, the inventory knows which key a vault entry holds, whatever form it
// is kept in, and keeps none.
func TestVaultEntriesAreMatchedToTheLiveKey(t *testing.T) {
	b := open(t, nil)
	b.values = true
	b.sync(false)
	b.vaults()
	for key, place := range map[string]string{
		"stcontosobankfiles/key1":                             "kv-contoso-finance/bank-files-storage-connection",
		"evgt-fno-business-events-prod/key1":                  "kv-contoso-prod/fno-business-events-topic-key",
		"sb-contoso-wms/d365-orders/primary":                  "kv-contoso-prod/wms-servicebus-connection",
		"evhns-contoso-telemetry/telemetry/grafana/secondary": "kv-contoso-prod/telemetry-eventhub-connection",
		"cosmos-contoso-pricing/primary":                      "kv-contoso-prod/pricing-cosmos-connection",
	} {
		row := b.rows()[key]
		if len(row.Places) != 1 || row.Places[0].Place.String() != place || row.Places[0].How != inventory.ByFingerprint || len(row.Consumers) != 1 {
			t.Errorf("%s is kept in %+v, used by %+v", key, row.Places, row.Consumers)
		}
	}
	if row := b.rows()["stcontosobankfiles/key2"]; len(row.Places) != 0 || len(row.Hint) != 3 {
		t.Errorf("the spare key: %+v", row)
	}

	// Somebody makes the key anew in the portal: the entry holds nothing that lives.
	h := b.holder(resources[0])
	if err := b.writer().Withdraw(t.Context(), h, "key1"); err != nil {
		t.Fatal(err)
	}
	b.sync(true)
	b.vaults()
	if row := b.rows()["evgt-fno-business-events-prod/key1"]; len(row.Places) != 0 {
		t.Errorf("still kept in %+v", row.Places)
	}
	if got := b.events("credential.changed"); len(got) != 1 {
		t.Errorf("events %q", got)
	}

	b.db.Close()
	raw, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resources {
		for name, v := range b.cloud.ResourceKeys(string(b.holder(r).ObjectID)) {
			if bytes.Contains(raw, []byte(v)) {
				t.Errorf("the database holds %s of %s", name, r.name)
			}
		}
	}
}

// What a rotation knows of a key outlives readings that look at no values, until
// the key is another one.
func TestWhatARotationKnowsStays(t *testing.T) {
	b := open(t, nil)
	b.sync(false)
	h := b.holder(resources[1])
	k := b.writer()
	c, v, err := k.Issue(t.Context(), connector.Order{Holder: h, Old: inventory.Credential{KeyID: "key1"}})
	if err != nil {
		t.Fatal(err)
	}
	print := b.ring.Values.Fingerprint(v)
	if err := b.db.Do(t.Context(), func(tx *store.Tx) error { return inventory.PutCredential(tx, c, print) }); err != nil {
		t.Fatal(err)
	}
	for _, full := range []bool{false, true, false} {
		b.sync(full)
		if row := b.rows()["stcontosobankfiles/key2"]; row.Hint != v.Hint() {
			t.Errorf("full %v: hint %q", full, row.Hint)
		}
	}
	if got := b.events("credential"); len(got) != 0 {
		t.Errorf("events %q", got)
	}
	if err := k.Withdraw(t.Context(), h, "key2"); err != nil {
		t.Fatal(err)
	}
	b.sync(false)
	if row := b.rows()["stcontosobankfiles/key2"]; row.Hint != "" || !row.Starts.After(c.Starts) {
		t.Errorf("a key made anew is taken for the old one: %+v", row.Credential)
	}
}

// Changes are followed without asking for every queue; what is gone, and what is
// below a namespace, is found by the next full walk; another subscription's
// resources are none of this feed's business.
func TestChangesAreFollowed(t *testing.T) {
	b := open(t, nil)
	b.sync(false)
	w := b.cloud.World()
	foreign := "/subscriptions/00000000-0000-4000-8000-000000000000/resourcegroups/g/providers/microsoft.eventgrid/topics/other"
	err := b.db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE inventory_application SET object_id = $1 WHERE name = 'evgt-wms-stock'`, foreign)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Change(func() {
		w.Azure.AddResource(&world.Resource{Type: "Microsoft.ServiceBus/namespaces/authorizationRules", Name: "sb-contoso-wms/new", Group: "rg-warehouse", Properties: map[string]any{"rights": []any{"Send"}}})
		w.Azure.AddResource(&world.Resource{Type: "Microsoft.ServiceBus/namespaces/queues/authorizationRules", Name: "sb-contoso-wms/orders/new", Group: "rg-warehouse", Properties: map[string]any{"rights": []any{"Send"}}})
		delete(w.Azure.Resources, strings.ToLower(w.Azure.Find("rg-integration-test", "Microsoft.EventGrid/topics", "evgt-fno-business-events-test").ID))
		delete(w.Azure.Resources, strings.ToLower(w.Azure.Find("rg-warehouse", "Microsoft.EventGrid/topics", "evgt-wms-stock").ID))
	})
	b.sync(false)
	rows := b.rows()
	for name, want := range map[string]bool{"sb-contoso-wms/new": true, "sb-contoso-wms/orders/new": false, "sb-contoso-wms/orders/wms-listener": true, "evgt-fno-business-events-test": true} {
		if _, got := rows[name+"/primary"]; got != want && !strings.HasPrefix(name, "evgt") {
			t.Errorf("after the delta %s is there: %v", name, got)
		}
	}
	b.sync(true)
	rows = b.rows()
	if _, there := rows["sb-contoso-wms/orders/new/primary"]; !there {
		t.Error("a full walk misses the rule of a queue")
	}
	if _, there := rows["evgt-fno-business-events-test/key1"]; there {
		t.Error("a deleted topic is still there")
	}
	if row, there := rows["evgt-wms-stock/key1"]; !there || string(row.Application.ObjectID) != foreign {
		t.Error("a resource of another subscription was missed")
	}
}

// A walk goes on from every page as if it had not stopped.
func TestAWalkGoesOnFromEveryPage(t *testing.T) {
	b := open(t, nil)
	var whole []string
	var stops []string
	var before []int
	for p, err := range b.feed().Full(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, ids(p)...)
		stops, before = append(stops, p.Next), append(before, len(whole))
	}
	if len(stops) < 4 || stops[len(stops)-1] != "" {
		t.Fatalf("positions %q", stops)
	}
	for i, from := range stops[:len(stops)-1] {
		rest := slices.Clone(whole[:before[i]])
		for p, err := range b.feed().Full(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			rest = append(rest, ids(p)...)
		}
		if d := cmp.Diff(whole, rest); d != "" {
			t.Errorf("from page %d:\n%s", i, d)
		}
	}
	for _, err := range b.feed().Full(t.Context(), "nonsense") {
		if err == nil || !strings.Contains(err.Error(), "position") {
			t.Errorf("a position that is none: %v", err)
		}
	}
}

func ids(p *inventory.Page) (list []string) {
	for _, r := range p.Records {
		list = append(list, string(r.ObjectID))
	}
	return list
}

// A reading that fails on the way loses nothing.
func TestAFailedReadingLosesNothing(t *testing.T) {
	b := open(t, nil)
	b.sync(false)
	before := b.rows()
	for _, path := range []string{"*", "*/providers/Microsoft.DocumentDB/databaseAccounts", "*/*/*/providers/Microsoft.ServiceBus/namespaces/*/queues"} {
		if err := b.cloud.World().Faults.Set(world.Fault{Name: world.ErrorBefore, Match: "GET management.azure.com/subscriptions/" + path}); err != nil {
			t.Fatal(err)
		}
		_, err := b.syncer.Directory(t.Context(), b.actor(), true, b.feed())
		b.cloud.World().Faults.Clear("")
		if path != "*" && err == nil {
			t.Errorf("%s: the fault did not strike", path)
		}
		if d := cmp.Diff(before, b.rows(), shown); d != "" {
			t.Errorf("%s:\n%s", path, d)
		}
	}
	b.sync(false)
}

// Keys with the same name are told apart by their resources.
func TestAKeyIsNamedWithItsResource(t *testing.T) {
	b := open(t, nil)
	b.sync(false)
	s := inventory.Service{Store: b.db}
	if _, err := s.Credential(t.Context(), b.actor(), "key1"); err == nil || !strings.Contains(err.Error(), "stcontosobankfiles/key1") {
		t.Errorf("key1 alone: %v", err)
	}
	h := b.holder(resources[1])
	for _, text := range []string{"stcontosobankfiles/key2", "StContosoBankFiles/KEY2", string(h.ObjectID) + "/key2"} {
		d, err := s.Credential(t.Context(), b.actor(), text)
		if err != nil || d.KeyID != "key2" || d.Application.ObjectID != h.ObjectID {
			t.Errorf("%s: %+v, %v", text, d.Credential, err)
		}
		got, err := s.Resolve(t.Context(), b.actor(), text)
		if err != nil || !got.Named || len(got.Credentials) != 1 || got.Application.ObjectID != h.ObjectID {
			t.Errorf("%s means %+v, %v", text, got, err)
		}
	}
	got, err := s.Resolve(t.Context(), b.actor(), "sb-contoso-wms/d365-orders")
	if err != nil || got.Named || len(got.Credentials) != 2 {
		t.Errorf("the rule means %+v, %v", got, err)
	}
	if _, err := s.Credential(t.Context(), b.actor(), "stcontosobankfiles/key3"); err == nil {
		t.Error("a key that is none was found")
	}
}

// A tag that says key1 is no evidence: a hundred resources have one.
func TestATagWithASharedKeyNameIsNoEvidence(t *testing.T) {
	b := open(t, nil)
	w := b.cloud.World()
	w.Change(func() {
		w.Azure.PutSecret("kv-contoso-prod", "some-key", &world.SecretVersion{Value: "bm90IGEga2V5IG9mIGFueSByZXNvdXJjZSBoZXJl", Enabled: true, Tags: map[string]string{inventory.TagKeyID: "key1"}})
	})
	b.sync(false)
	b.vaults()
	for name, row := range b.rows() {
		for _, p := range row.Places {
			if p.Place.Name == "some-key" {
				t.Errorf("%s is thought to be kept there: %s", name, fmt.Sprint(p))
			}
		}
	}
}
