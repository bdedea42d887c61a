package graph

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

func TestResourceUnits(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	for path, want := range map[string]string{
		"/applications": "2", "/applications?$select=id": "1", "/applications?$expand=owners": "3", "/applications?$top=5": "1",
		"/applications?$top=5&$select=id": "1", "/applications?$top=100&$expand=owners&$select=id": "2", "/applications/" + a.ID: "1", "/servicePrincipals": "2",
	} {
		if got := x.get(path).header.Get("x-ms-resource-unit"); got != want {
			t.Errorf("%s costs %s, want %s", path, got, want)
		}
	}
}

func TestLimitOfResourceUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Limits: true}, all)
		x.add("a")
		n := 0
		var p reply
		for p.status != 429 {
			p = x.do("GET", "/applications", "")
			n++
			if share := p.header.Get("x-ms-throttle-limit-percentage"); (share != "") != (n*2 >= 6400) {
				t.Fatalf("after %d units the share is %q", n*2, share)
			}
			if n == 100 {
				time.Sleep(7500 * time.Millisecond)
			}
		}
		if n != 4001 {
			t.Errorf("refused at request %d, want 4001", n)
		}
		if p.code() != "TooManyRequests" || p.header.Get("Retry-After") != "3" {
			t.Errorf("%s, Retry-After %q", p.code(), p.header.Get("Retry-After"))
		}
		if got, want := p.header.Get("x-ms-throttle-scope"), "Tenant_Application/ReadWrite/"+x.caller.AppID+"/"+tenantID; got != want {
			t.Errorf("scope %s", got)
		}
		wait, _ := strconv.Atoi(p.header.Get("Retry-After"))
		time.Sleep(time.Duration(wait) * time.Second)
		x.get("/applications") // who waits as told is served
	})
}

func TestLimitOfWritesAndAudits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Limits: true}, all)
		a := x.add("a")
		for i := range 3000 {
			if p := x.do("PATCH", "/applications/"+a.ID, `{"notes":"x"}`); p.status != 204 {
				t.Fatalf("write %d: %d", i, p.status)
			}
		}
		p := x.want(429, "PATCH", "/applications/"+a.ID, `{"notes":"x"}`)
		if p.header.Get("x-ms-throttle-information") != "WriteLimitExceeded" || p.header.Get("Retry-After") != "150" {
			t.Errorf("headers %v", p.header)
		}
		x.get("/applications")
		for range 5 {
			x.get("/auditLogs/directoryAudits?$top=1")
		}
		x.want(429, "GET", "/auditLogs/directoryAudits?$top=1", "")
		time.Sleep(10 * time.Second)
		x.get("/auditLogs/directoryAudits?$top=1")
	})
}
