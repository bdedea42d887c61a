package arm

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const (
	bus    = group + "/providers/Microsoft.ServiceBus/namespaces/sb-pay"
	hubs   = group + "/providers/Microsoft.EventHub/namespaces/evhns-pay"
	cosmos = group + "/providers/Microsoft.DocumentDB/databaseAccounts/cosmos-pay"

	ofBus, ofCosmos = "?api-version=2021-11-01", "?api-version=2023-04-15"
)

func TestANamespaceIsMadeWithItsRootRule(t *testing.T) {
	w := newWorld(t, world.Lag{})
	c := as(t, w, owner)
	for _, space := range []string{bus, hubs} {
		c.want(404, "PUT", space+"/authorizationRules/x"+ofBus, `{"properties":{"rights":["Send"]}}`)
		c.want(201, "PUT", space+ofBus, `{"location":"westeurope","properties":{}}`)
		if got := c.want(200, "GET", space+"/authorizationRules"+ofBus, "").names(); got != "RootManageSharedAccessKey" {
			t.Errorf("rules %q", got)
		}
	}
	if got := c.want(200, "GET", "/subscriptions/"+subscription+"/resources", "").names(); got != "orders evhns-pay kv-pay sb-pay stpay" {
		t.Errorf("resources %q", got)
	}
	c.want(200, "PUT", bus+"/queues/orders"+ofBus, `{"properties":{}}`)
	c.want(400, "PUT", bus+"/queues/orders/authorizationRules/listen"+ofBus, `{"properties":{"rights":["Manage"]}}`)
	c.want(400, "PUT", bus+"/queues/orders/authorizationRules/listen"+ofBus, `{"properties":{"rights":[]}}`)
	c.want(200, "PUT", bus+"/queues/orders/authorizationRules/listen"+ofBus, `{"properties":{"rights":["Listen"]}}`)
	keys := c.want(200, "POST", bus+"/queues/orders/authorizationRules/listen/listKeys"+ofBus, "")
	whole := fmt.Sprintf("Endpoint=sb://sb-pay.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=%s;EntityPath=orders", keys.get("primaryKey"))
	if keys.get("primaryConnectionString") != whole || keys.get("keyName") != "listen" || keys.get("primaryKey") == keys.get("secondaryKey") {
		t.Errorf("keys %v", keys.body)
	}
	c.want(200, "DELETE", bus+ofBus, "")
	c.want(404, "GET", bus+"/queues/orders"+ofBus, "")
	if len(w.Azure.Resources) != 4 { // two of old, the hubs and their rule
		t.Errorf("%d resources are left", len(w.Azure.Resources))
	}
}

func TestARuleTakesAChosenKey(t *testing.T) {
	w := newWorld(t, world.Lag{})
	c := as(t, w, owner)
	c.want(201, "PUT", bus+ofBus, `{"location":"westeurope"}`)
	rule := bus + "/authorizationRules/RootManageSharedAccessKey"
	before := c.want(200, "POST", rule+"/listKeys"+ofBus, "")
	after := c.want(200, "POST", rule+"/regenerateKeys"+ofBus, `{"keyType":"SecondaryKey"}`)
	if after.get("primaryKey") != before.get("primaryKey") || after.get("secondaryKey") == before.get("secondaryKey") {
		t.Errorf("before %v, after %v", before.body, after.body)
	}
	back := c.want(200, "POST", rule+"/regenerateKeys"+ofBus, fmt.Sprintf(`{"keyType":"SecondaryKey","key":%q}`, before.get("secondaryKey")))
	if back.get("secondaryKey") != before.get("secondaryKey") {
		t.Error("the chosen key was not taken")
	}
	c.want(400, "POST", rule+"/regenerateKeys"+ofBus, `{"keyType":"key1"}`)
	c.want(400, "POST", rule+"/regenerateKeys"+ofBus, `{"keyType":"PrimaryKey","key":"short"}`)
	c.want(404, "POST", bus+"/authorizationRules/none/regenerateKeys"+ofBus, `{"keyType":"PrimaryKey"}`)
	if got := c.want(400, "POST", rule+"/listKeys?api-version=2020-01-01", "").code(); got != "NoRegisteredProviderFound" {
		t.Errorf("code %s", got)
	}
	facts := w.Facts("regenerateKey")
	if len(facts) != 2 || facts[0].Key != "secondary" || facts[0].Object != rule {
		t.Errorf("facts %+v", facts)
	}
}

func TestCosmosMakesAKeyBehindItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, world.Lag{Key: time.Minute})
		c := as(t, w, owner)
		c.want(201, "PUT", cosmos+ofCosmos, `{"location":"westeurope"}`)
		before := c.want(200, "POST", cosmos+"/listKeys"+ofCosmos, "")
		begun := c.want(202, "POST", cosmos+"/regenerateKey"+ofCosmos, `{"keyKind":"secondary"}`)
		if got := c.want(412, "POST", cosmos+"/regenerateKey"+ofCosmos, `{"keyKind":"primary"}`); got.code() != "PreconditionFailed" {
			t.Errorf("a second one at the same time: %s", got.code())
		}
		status := strings.TrimPrefix(begun.header.Get("Azure-AsyncOperation"), "https://management.azure.com")
		result := strings.TrimPrefix(begun.header.Get("Location"), "https://management.azure.com")
		if got := c.want(200, "GET", status, ""); got.get("status") != "Dequeued" {
			t.Errorf("status %v", got.body)
		}
		c.want(202, "GET", result, "")
		if now := c.want(200, "POST", cosmos+"/listKeys"+ofCosmos, ""); now.get("secondaryMasterKey") != before.get("secondaryMasterKey") {
			t.Error("the key was made at once")
		}
		time.Sleep(time.Minute)
		if got := c.want(200, "GET", status, ""); got.get("status") != "Succeeded" {
			t.Errorf("status %v", got.body)
		}
		c.want(200, "GET", result, "")
		now := c.want(200, "POST", cosmos+"/listKeys"+ofCosmos, "")
		for _, key := range []string{"primaryMasterKey", "secondaryMasterKey", "primaryReadonlyMasterKey", "secondaryReadonlyMasterKey"} {
			if (now.get(key) == before.get(key)) != (key != "secondaryMasterKey") {
				t.Errorf("%s: before %v, now %v", key, before.get(key), now.get(key))
			}
		}
		all := c.want(200, "POST", cosmos+"/listConnectionStrings"+ofCosmos, "").get("connectionStrings").([]any)
		if want := fmt.Sprintf("AccountEndpoint=https://cosmos-pay.documents.azure.com:443/;AccountKey=%s;", now.get("primaryMasterKey")); all[0].(map[string]any)["connectionString"] != want {
			t.Errorf("connection strings %v", all)
		}
		c.want(400, "POST", cosmos+"/regenerateKey"+ofCosmos, `{"keyKind":"key1"}`)
		c.want(404, "GET", strings.Replace(status, "operationsStatus/", "operationsStatus/x", 1), "")
	})
}

func TestRolesForAccessKeys(t *testing.T) {
	for _, tc := range []struct {
		role                 string
		list, renew, storage int
	}{
		{"Access Key Lister", 200, 403, 403}, {"Access Key Operator", 200, 200, 200}, {"Azure Service Bus Data Owner", 200, 200, 403}, {"Reader", 403, 403, 403},
	} {
		w := newWorld(t, world.Lag{})
		as(t, w, owner).want(201, "PUT", bus+ofBus, `{"location":"westeurope"}`)
		w.Change(func() { w.Azure.Assign(stranger, tc.role, "", time.Now().Add(-time.Hour)) })
		c := as(t, w, stranger)
		rule := bus + "/authorizationRules/RootManageSharedAccessKey"
		c.want(tc.list, "POST", rule+"/listKeys"+ofBus, "")
		c.want(tc.renew, "POST", rule+"/regenerateKeys"+ofBus, `{"keyType":"PrimaryKey"}`)
		c.want(tc.storage, "POST", store+"/regenerateKey", `{"keyName":"key1"}`)
	}
}
