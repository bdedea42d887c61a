package keyvault

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey.example/rekey/internal/sim/world"
)

func TestAVersionStaysWhatItWas(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	first := c.want(200, "PUT", "/secrets/Pay-Key", map[string]any{
		"value": "one <&>", "contentType": "text/plain", "tags": map[string]string{"a": "b"}, "attributes": map[string]any{"exp": 4102444800},
	})
	c.want(200, "PUT", "/secrets/pay-key", map[string]any{"value": "two"})

	if got := first.text("id"); !strings.HasPrefix(got, "https://kv-pay.vault.azure.net/secrets/Pay-Key/") || len(got) != len("https://kv-pay.vault.azure.net/secrets/Pay-Key/")+32 {
		t.Errorf("id of the first version is %q", got)
	}
	path := strings.TrimPrefix(first.text("id"), "https://kv-pay.vault.azure.net")
	again := c.want(200, "GET", path, nil)
	if diff := cmp.Diff(first.body, again.body); diff != "" {
		t.Errorf("first version reads differently (-set +get):\n%s", diff)
	}
	for _, latest := range []string{"/secrets/PAY-KEY", "/secrets/pay-key/"} {
		if got := c.want(200, "GET", latest, nil); got.text("value") != "two" || !strings.Contains(got.text("id"), "/Pay-Key/") {
			t.Errorf("GET %s: value %q, id %q", latest, got.text("value"), got.text("id"))
		}
	}
	versions := c.want(200, "GET", "/secrets/pay-key/versions", nil).items()
	if len(versions) != 2 || versions[0].(map[string]any)["id"] != first.text("id") {
		t.Errorf("versions are not both there, oldest first: %v", versions)
	}
	for _, v := range versions {
		if _, told := v.(map[string]any)["value"]; told {
			t.Error("a list tells a value")
		}
	}
}

func TestUpdateChangesOnlyWhatIsSaidAndHidesTheValue(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	c.want(200, "PUT", "/secrets/s", map[string]any{"value": "v", "contentType": "old", "tags": map[string]string{"keep": "1"}})
	got := c.want(200, "PATCH", "/secrets/s/", map[string]any{"attributes": map[string]any{"enabled": false, "exp": 4102444800}})
	if got.get("value") != nil || got.text("contentType") != "old" || got.text("tags", "keep") != "1" || got.get("attributes", "exp") != 4102444800.0 {
		t.Errorf("update answered %v", got.body)
	}
	if m := c.fails(403, "Forbidden", "SecretDisabled", "GET", "/secrets/s", nil).message(); m != "Operation get is not allowed on a disabled secret." {
		t.Errorf("message %q", m)
	}
}

func TestDatesDoNotHideAValue(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	c.want(200, "PUT", "/secrets/late", map[string]any{"value": "v", "attributes": map[string]any{"exp": 1, "nbf": 4102444800}})
	if got := c.want(200, "GET", "/secrets/late", nil); got.text("value") != "v" {
		t.Errorf("expired secret answered %v", got.body)
	}
}

func TestListsGoPageByPage(t *testing.T) {
	w := newWorld(t, world.Lag{})
	w.Change(func() {
		for i := range 60 {
			w.Azure.PutSecret("kv-pay", fmt.Sprintf("s-%02d", i), &world.SecretVersion{Value: "v", Enabled: true})
		}
	})
	c := as(t, w, officer)
	for i := range 30 { // a whole page of names that are not shown
		c.want(200, "DELETE", fmt.Sprintf("/secrets/s-%02d", i), nil)
	}
	var names []string
	empty := 0
	path := "/secrets?maxresults=25"
	for path != "" {
		got := c.want(200, "GET", path, nil)
		if len(got.items()) == 0 {
			empty++
		}
		for _, item := range got.items() {
			names = append(names, strings.TrimPrefix(item.(map[string]any)["id"].(string), "https://kv-pay.vault.azure.net/secrets/"))
		}
		next := got.text("nextLink")
		if _, told := got.body["nextLink"]; !told {
			t.Fatal("the last page has no nextLink at all; it should be null")
		}
		if next == "" {
			break
		}
		u, err := url.Parse(next)
		if err != nil || u.Host != "kv-pay.vault.azure.net:443" || u.Query().Get("$skiptoken") == "" || u.Query().Get("api-version") != "7.4" || u.Query().Get("maxresults") != "25" {
			t.Fatalf("next link %q (%v)", next, err)
		}
		path = u.RequestURI()
	}
	if len(names) != 30 || names[0] != "s-30" || names[29] != "s-59" || empty == 0 {
		t.Errorf("got %d names %v, %d empty pages", len(names), names, empty)
	}
	c.fails(400, "BadParameter", "", "GET", "/secrets?maxresults=26", nil)
	c.fails(400, "BadParameter", "", "GET", "/secrets?maxresults=0", nil)
	c.fails(400, "BadParameter", "", "GET", "/secrets?$skiptoken=nonsense", nil)
}

func TestBadInputIsRefused(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	many := map[string]string{}
	for i := range 16 {
		many[fmt.Sprint(i)] = "x"
	}
	for _, tc := range []struct {
		what, method, path string
		body               any
	}{
		{"underscore", "PUT", "/secrets/MY_SECRET", map[string]any{"value": "v"}},
		{"long name", "PUT", "/secrets/" + strings.Repeat("a", 128), map[string]any{"value": "v"}},
		{"no value", "PUT", "/secrets/s", map[string]any{}},
		{"no body", "PUT", "/secrets/s", nil},
		{"no JSON", "PUT", "/secrets/s", "{"},
		{"wrong type", "PUT", "/secrets/s", map[string]any{"value": 7}},
		{"large value", "PUT", "/secrets/s", map[string]any{"value": strings.Repeat("x", 25<<10+1)}},
		{"16 tags", "PUT", "/secrets/s", map[string]any{"value": "v", "tags": many}},
		{"long tag", "PUT", "/secrets/s", map[string]any{"value": "v", "tags": map[string]string{"t": strings.Repeat("x", 513)}}},
		{"far date", "PUT", "/secrets/s", map[string]any{"value": "v", "attributes": map[string]any{"exp": 1 << 50}}},
		{"bad version", "GET", "/secrets/s/a.b", nil},
		{"no api-version", "GET", "/secrets?api-version=", nil},
		{"old api-version", "GET", "/secrets?api-version=2015-06-01", nil},
	} {
		if got := c.want(400, tc.method, tc.path, tc.body); got.code() != "BadParameter" {
			t.Errorf("%s: code %s (%s)", tc.what, got.code(), got.message())
		}
	}
	c.want(200, "PUT", "/secrets/s", map[string]any{"value": strings.Repeat("x", 25<<10)})
	c.want(200, "PUT", "/secrets/restore", map[string]any{"value": "a name like another"})
}

func TestSoftDeleteTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, world.Lag{Vault: 10 * time.Second})
		c := as(t, w, officer)
		c.want(200, "PUT", "/secrets/s", map[string]any{"value": "v"})
		c.fails(400, "MethodNotAllowed", "RequestNotAllowedOnNonDeletedObject", "POST", "/deletedsecrets/s/recover", nil)

		gone := c.want(200, "DELETE", "/secrets/s", nil)
		if gone.text("recoveryId") != "https://kv-pay.vault.azure.net/deletedsecrets/s" || gone.get("value") != nil {
			t.Errorf("delete answered %v", gone.body)
		}
		if days := (gone.get("scheduledPurgeDate").(float64) - gone.get("deletedDate").(float64)) / 86400; days != 90 {
			t.Errorf("purge is scheduled after %v days", days)
		}
		c.fails(404, "SecretNotFound", "", "GET", "/secrets/s", nil)
		if m := c.fails(404, "SecretNotFound", "", "GET", "/deletedsecrets/s", nil).message(); m != "Deleted Secret not found: s" {
			t.Errorf("message %q", m)
		}
		c.fails(409, "Conflict", "ObjectIsDeletedButRecoverable", "PUT", "/secrets/s", map[string]any{"value": "v"})
		c.fails(409, "Conflict", "ObjectIsBeingDeleted", "POST", "/deletedsecrets/s/recover", nil)
		c.fails(409, "Conflict", "ObjectIsBeingDeleted", "DELETE", "/deletedsecrets/s", nil)

		time.Sleep(10 * time.Second)
		c.want(200, "GET", "/deletedsecrets/s", nil)
		if n := len(c.want(200, "GET", "/deletedsecrets", nil).items()); n != 1 {
			t.Errorf("deleted list has %d items", n)
		}
		if back := c.want(200, "POST", "/deletedsecrets/s/recover", nil); back.get("value") != nil {
			t.Error("recover tells the value")
		}
		c.fails(404, "SecretNotFound", "", "GET", "/secrets/s", nil)
		c.fails(409, "Conflict", "ObjectIsBeingRecovered", "PUT", "/secrets/s", map[string]any{"value": "v"})
		time.Sleep(10 * time.Second)
		if got := c.want(200, "GET", "/secrets/s", nil); got.text("value") != "v" {
			t.Errorf("recovered value %q", got.text("value"))
		}

		c.want(200, "DELETE", "/secrets/s", nil)
		time.Sleep(10 * time.Second)
		c.want(204, "DELETE", "/deletedsecrets/s", nil)
		c.fails(409, "Conflict", "ObjectIsBeingDeleted", "PUT", "/secrets/s", map[string]any{"value": "v"})
		time.Sleep(10 * time.Second)
		c.want(200, "PUT", "/secrets/s", map[string]any{"value": "new"})
		if n := len(c.want(200, "GET", "/secrets/s/versions", nil).items()); n != 1 {
			t.Errorf("after the purge the name has %d versions", n)
		}
	})
}

func TestRetentionEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, world.Lag{Vault: time.Second})
		w.Change(func() { w.Azure.Vaults["kv-pay"].PurgeProtection = true })
		c := as(t, w, officer)
		c.want(200, "PUT", "/secrets/s", map[string]any{"value": "v"})
		c.want(200, "DELETE", "/secrets/s", nil)
		time.Sleep(time.Minute)
		c.want(403, "DELETE", "/deletedsecrets/s", nil)
		time.Sleep(90 * 24 * time.Hour)
		c.token = token(t, w, officer, nil)
		c.fails(404, "SecretNotFound", "", "GET", "/deletedsecrets/s", nil)
		c.want(200, "PUT", "/secrets/s", map[string]any{"value": "v"})
	})
}

func TestBackupIsOpaqueAndRestores(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	c.want(200, "PUT", "/secrets/s", map[string]any{"value": "very-secret-text"})
	c.want(200, "PUT", "/secrets/s", map[string]any{"value": "newer-secret-text"})
	blob := c.want(200, "POST", "/secrets/s/backup", nil).body
	if strings.Contains(fmt.Sprint(blob), "secret-text") {
		t.Error("the backup shows the value")
	}
	c.fails(409, "Conflict", "", "POST", "/secrets/restore", blob)
	c.want(200, "DELETE", "/secrets/s", nil)
	c.fails(409, "Conflict", "ObjectIsDeletedButRecoverable", "POST", "/secrets/restore", blob)
	c.want(204, "DELETE", "/deletedsecrets/s", nil)
	if back := c.want(200, "POST", "/secrets/restore", blob); back.get("value") != nil {
		t.Error("restore tells the value")
	}
	if got := c.want(200, "GET", "/secrets/s", nil); got.text("value") != "newer-secret-text" {
		t.Error("the newest value did not come back")
	}
	if n := len(c.want(200, "GET", "/secrets/s/versions", nil).items()); n != 2 {
		t.Errorf("%d versions came back", n)
	}
	c.fails(400, "BadParameter", "", "POST", "/secrets/restore", map[string]any{"value": "bm9uc2Vuc2U"})
}

func TestFactsTellWhoDidWhatButNoValues(t *testing.T) {
	w := newWorld(t, world.Lag{})
	c := as(t, w, officer)
	set := c.want(200, "PUT", "/secrets/s", map[string]any{"value": "top"})
	c.want(200, "GET", "/secrets/s", nil)
	c.want(200, "DELETE", "/secrets/s", nil)
	facts := w.Facts("")
	var whats []string
	for _, f := range facts {
		whats = append(whats, f.What+" "+f.Object+" by "+f.By)
		if strings.Contains(fmt.Sprintf("%+v", f), "top") {
			t.Error("a fact holds the value")
		}
	}
	want := []string{"setSecret kv-pay/s by app-" + officer, "getSecret kv-pay/s by app-" + officer, "deleteSecret kv-pay/s by app-" + officer}
	if diff := cmp.Diff(want, whats); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(set.text("id"), facts[0].Key) || facts[0].Key == "" {
		t.Errorf("fact names version %q", facts[0].Key)
	}
}

func TestManyWritersLoseNothing(t *testing.T) {
	w := newWorld(t, world.Lag{})
	c := as(t, w, officer)
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for range 20 {
				c.ask("PUT", "/secrets/shared", map[string]any{"value": "v", "tags": map[string]string{"by": fmt.Sprint(i)}})
				c.ask("PATCH", "/secrets/shared/", map[string]any{"tags": map[string]string{"by": "all"}})
				c.ask("GET", "/secrets/shared", nil)
				c.ask("GET", "/secrets", nil)
			}
		})
	}
	writers.Wait()
	w.Read(func() {
		if n := len(w.Azure.Vaults["kv-pay"].Secrets["shared"].Versions); n != 160 {
			t.Errorf("%d versions, want 160", n)
		}
	})
}
