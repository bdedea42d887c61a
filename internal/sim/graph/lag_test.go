package graph

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Reads of several replicas flap while news spreads, and settle when it has.
func TestListsLagBehindWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Seed: 7, Lag: world.Lag{List: 10 * time.Second}}, all)
		a := x.add("a")
		x.get("/applications/" + a.ID)
		x.get("/applications") // encoded and kept before the change
		id := x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{}}`).string("keyId")
		seen := func() (with, without int) {
			for range 60 {
				for _, p := range []reply{x.get("/applications/" + a.ID), x.get("/applications")} {
					if strings.Contains(p.text, id) {
						with++
					} else {
						without++
					}
				}
			}
			return with, without
		}
		if _, without := seen(); without == 0 {
			t.Error("every replica shows a secret that was added a moment ago")
		}
		flapped := false
		for range 10 {
			time.Sleep(time.Second)
			with, without := seen()
			flapped = flapped || with > 0 && without > 0
		}
		if !flapped {
			t.Error("replicas never disagreed")
		}
		if _, without := seen(); without > 0 {
			t.Errorf("%d reads do not show it after the lag", without)
		}

		x.want(204, "POST", "/applications/"+a.ID+"/removePassword", `{"keyId":"`+id+`"}`)
		if with, _ := seen(); with == 0 {
			t.Error("no replica shows a secret that was removed a moment ago")
		}
		time.Sleep(10 * time.Second)
		if with, _ := seen(); with > 0 {
			t.Errorf("%d reads show it after the lag", with)
		}
	})
}

func TestRemovalRightAfterCreationMayNotFindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Seed: 7, Lag: world.Lag{List: 10 * time.Second}}, all)
		a := x.add("a")
		id := x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{}}`).string("keyId")
		if p := x.do("POST", "/applications/"+a.ID+"/removePassword", `{"keyId":"`+id+`"}`); p.status != 400 {
			t.Errorf("found at once: %d", p.status)
		}
		time.Sleep(10 * time.Second)
		x.want(204, "POST", "/applications/"+a.ID+"/removePassword", `{"keyId":"`+id+`"}`)
	})
}

func TestStaleListShowsTheStateOfThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{}, all)
		a := x.add("a")
		old := x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{}}`).string("keyId")
		time.Sleep(time.Hour)
		x.want(204, "POST", "/applications/"+a.ID+"/removePassword", `{"keyId":"`+old+`"}`)
		x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{}}`)
		if err := x.w.Faults.Set(world.Fault{Name: world.StaleList, Delay: time.Minute, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if got := x.get("/applications/" + a.ID).passwords(); !slices.Equal(got, []string{old}) {
			t.Errorf("stale read shows %v, want %s", got, old)
		}
		if got := x.get("/applications/" + a.ID).passwords(); len(got) != 1 || got[0] == old {
			t.Errorf("true read shows %v", got)
		}
	})
}
