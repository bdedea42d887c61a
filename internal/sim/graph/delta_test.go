package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// round follows a delta query to its end.
func (x *tenant) round(path string) (items []map[string]any, link string) {
	x.Helper()
	for range 200 {
		p := x.get(path)
		for _, item := range p.json["value"].([]any) {
			items = append(items, item.(map[string]any))
		}
		if link = p.string("@odata.deltaLink"); link != "" {
			return items, link
		}
		path = p.string("@odata.nextLink")
	}
	x.Fatal("the round never ends")
	return nil, ""
}

func TestDelta(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	for i := range 230 {
		x.add(fmt.Sprint(i))
	}
	items, link := x.round("/applications/delta")
	if len(items) != 230 {
		t.Fatalf("first round has %d items", len(items))
	}
	items, link = x.round(link)
	if len(items) != 0 {
		t.Fatalf("nothing changed, told %v", items)
	}

	a, b := items0(x, 0), items0(x, 1)
	id := x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{"displayName":"n"}}`).string("keyId")
	x.want(204, "PATCH", "/applications/"+a.ID, `{"notes":"x"}`)
	x.want(204, "DELETE", "/applications/"+b.ID, "")
	made := x.want(201, "POST", "/applications", `{"displayName":"new"}`).string("id")
	items, link = x.round(link)
	if len(items) != 3 {
		t.Fatalf("told %v", items)
	}
	if got := items[0]; got["id"] != a.ID || got["notes"] != "x" || len(got) != 3 || !strings.Contains(fmt.Sprint(got["passwordCredentials"]), id) {
		t.Errorf("changed: %v, want the id and what changed", got)
	}
	if got := items[1]; got["id"] != b.ID || fmt.Sprint(got["@removed"]) != "map[reason:changed]" {
		t.Errorf("deleted: %v", got)
	}
	if got := items[2]; got["id"] != made || got["displayName"] != "new" || got["spa"] == nil {
		t.Errorf("created: %v, want all of it", got)
	}
	x.want(204, "DELETE", "/directory/deletedItems/"+b.ID, "")
	items, _ = x.round(link)
	if len(items) != 1 || fmt.Sprint(items[0]["@removed"]) != "map[reason:deleted]" {
		t.Errorf("purged: %v", items)
	}
}

func items0(x *tenant, i int) *world.Application { return x.w.Directory.ApplicationsInOrder()[i] }

func TestDeltaFromNowAndSelected(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	items, link := x.round("/applications/delta?$deltatoken=latest&$select=displayName")
	if len(items) != 0 {
		t.Fatalf("from now: %v", items)
	}
	x.want(204, "PATCH", "/applications/"+a.ID, `{"notes":"not selected"}`)
	if items, _ := x.round(link); len(items) != 0 {
		t.Errorf("told what was not selected: %v", items)
	}
	x.want(204, "PATCH", "/applications/"+a.ID, `{"displayName":"b"}`)
	if items, _ := x.round(link); len(items) != 1 || len(items[0]) != 2 || items[0]["displayName"] != "b" {
		t.Errorf("told %v", items)
	}
	if p := x.get("/applications/delta", "Prefer", "odata.maxpagesize=500"); p.header.Get("Preference-Applied") != "odata.maxpagesize=500" {
		t.Error("page size is not honoured")
	}
	for _, bad := range []string{"$top=5", "$expand=owners", "$deltatoken=x", "$skiptoken=y", "$select=zzz"} {
		x.want(400, "GET", "/applications/delta?"+bad, "")
	}
}

func TestDeltaTokenGrowsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{}, all)
		x.add("a")
		_, link := x.round("/applications/delta")
		if err := x.w.Faults.Set(world.Fault{Name: world.DeltaExpired, Times: 1}); err != nil {
			t.Fatal(err)
		}
		x.want(410, "GET", link, "")
		x.get(link)
		time.Sleep(7*24*time.Hour - time.Minute)
		x.signIn(all)
		x.get(link)
		time.Sleep(time.Minute)
		p := x.want(410, "GET", link, "")
		if p.code() != "resyncRequired" {
			t.Errorf("code %s", p.code())
		}
		if items, _ := x.round(p.header.Get("Location")); len(items) != 1 {
			t.Errorf("the resync has %d items", len(items))
		}
	})
}

// A round may miss what was written a moment ago; no sequence of rounds may.
func TestLaggingDeltaLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Seed: 3, Lag: world.Lag{List: 20 * time.Second}}, all)
		for i := range 5 {
			x.add(fmt.Sprint(i))
		}
		time.Sleep(time.Minute)
		_, link := x.round("/applications/delta")
		told := map[string]bool{}
		var made []string
		late := false
		for i := range 60 {
			if i < 20 {
				made = append(made, x.want(200, "POST", "/applications/"+items0(x, i%5).ID+"/addPassword", `{"passwordCredential":{}}`).string("keyId"))
			}
			items, next := x.round(link)
			link = next
			for _, item := range items {
				for _, id := range made {
					if strings.Contains(fmt.Sprint(item), id) {
						told[id] = true
					}
				}
			}
			late = late || i < 20 && !told[made[i]]
			time.Sleep(time.Second)
		}
		if !late {
			t.Error("every change was told at once")
		}
		if missing := slices.DeleteFunc(made, func(id string) bool { return told[id] }); len(missing) > 0 {
			t.Errorf("%d of 20 secrets were never told of", len(missing))
		}
	})
}
