package sim

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

func TestUnknownNamesDoNotResolve(t *testing.T) {
	cloud := newCloud(t, Config{})
	rt := cloud.RoundTripper(Hooks{})
	for _, host := range []string{"example.com", "kv-contoso-nowhere.vault.azure.net", "x.kv-contoso-prod.vault.azure.net", "nothing.westeurope-1.eventgrid.azure.net", "graph.microsoft.com.evil.example"} {
		req, _ := http.NewRequest("GET", "https://"+host+"/", nil)
		a := send(rt, req)
		if dns, ok := errors.AsType[*net.DNSError](a.err); !ok || !dns.IsNotFound || dns.Name != host {
			t.Errorf("%s gives %v, want that there is no such host", host, a)
		}
	}
	for _, host := range []string{"LOGIN.microsoftonline.com:443", "sts.windows.net", "graph.microsoft.com", "KV-Contoso-Prod.vault.azure.net", "management.azure.com",
		"evgt-fno-business-events-prod.westeurope-1.eventgrid.azure.net"} {
		req, _ := http.NewRequest("GET", "https://"+host+"/", nil)
		if a := send(rt, req); a.err != nil {
			t.Errorf("%s gives %v, want an answer", host, a)
		}
	}
}

func TestHooksSurroundEveryRequest(t *testing.T) {
	cloud := newCloud(t, Config{})
	var seen []string
	rt := cloud.RoundTripper(Hooks{
		Before: func(r *http.Request) { seen = append(seen, "before "+r.Method) },
		After:  func(r *http.Request) { seen = append(seen, "after "+r.Method) },
	})
	token := vaultToken(t, cloud, rt)
	switchOn(t, cloud, "lost-answer:"+putNew)
	put(t.Context(), t, rt, token)
	if got, want := strings.Join(seen, ", "), "before POST, after POST, before PUT, after PUT"; got != want {
		t.Errorf("the hooks saw %s, want %s", got, want)
	}
}

func TestClientMayDieBeforeOrAfter(t *testing.T) {
	for _, c := range []struct {
		when    string
		applied int
	}{{"before", 0}, {"after", 1}} {
		cloud := newCloud(t, Config{})
		token := vaultToken(t, cloud, cloud.RoundTripper(Hooks{}))
		die := func(*http.Request) { panic("killed " + c.when) }
		hooks := Hooks{After: die}
		if c.when == "before" {
			hooks = Hooks{Before: die}
		}
		func() {
			defer func() {
				if recover() != "killed "+c.when {
					t.Errorf("the client did not die %s", c.when)
				}
			}()
			put(t.Context(), t, cloud.RoundTripper(hooks), token)
		}()
		if got := applied(cloud); got != c.applied {
			t.Errorf("killed %s: applied %d times, want %d", c.when, got, c.applied)
		}
	}
}

func TestCancelledRequestDoesNothing(t *testing.T) {
	cloud := newCloud(t, Config{})
	rt := cloud.RoundTripper(Hooks{})
	token := vaultToken(t, cloud, rt)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := put(ctx, t, rt, token); !errors.Is(a.err, context.Canceled) || applied(cloud) != 0 {
		t.Errorf("a cancelled request gives %v and was applied %d times", a, applied(cloud))
	}
}

func TestPlainHTTPIsRefused(t *testing.T) {
	req, _ := http.NewRequest("GET", "http://graph.microsoft.com/", nil)
	if a := send(newCloud(t, Config{}).RoundTripper(Hooks{}), req); a.err == nil {
		t.Error("a request without TLS is answered")
	}
}

// TestTruthAgreesWithTheTokenEndpoint lets news of a new secret spread, and of
// its removal, and asks both at every moment.
func TestTruthAgreesWithTheTokenEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, Config{World: world.Config{Lag: world.Lag{Secret: 2 * time.Minute}}})
		rt, w, id := cloud.RoundTripper(Hooks{}), cloud.World(), cloud.Tenant().Writer
		var p *world.Password
		w.Change(func() {
			now := time.Now()
			p = &world.Password{KeyID: w.GUID(), Text: w.SecretText(), Starts: now, Ends: now.AddDate(1, 0, 0), Added: now}
			a := w.Directory.ApplicationByClient(id.ClientID)
			a.Passwords = append(a.Passwords, p)
		})
		id.Secret = p.Text
		var heard []int
		watch := func() {
			for range 13 {
				n := cloud.Accepts(id.ClientID, p.Text)
				heard = append(heard, n)
				good := 0
				for range 12 {
					if status, _ := signIn(t, rt, cloud.Tenant(), id, "https://vault.azure.net/.default"); status == 200 {
						good++
					}
				}
				if n == 0 && good > 0 || n == w.Replicas() && good < 12 {
					t.Errorf("%d of %d replicas accept the secret, and %d of 12 sign-ins succeed", n, w.Replicas(), good)
				}
				time.Sleep(10 * time.Second)
			}
		}
		watch()
		if heard[0] != 0 || heard[len(heard)-1] != w.Replicas() {
			t.Errorf("after it was added the replicas that accept it are %v", heard)
		}
		heard = nil
		w.Change(func() { p.Removed = time.Now() })
		watch()
		if heard[0] != w.Replicas() || heard[len(heard)-1] != 0 {
			t.Errorf("after it was removed the replicas that accept it are %v", heard)
		}
		if len(cloud.Passwords(id.ClientID)) != 1 {
			t.Error("a removed secret still counts as existing")
		}
	})
}

func TestTenantIsTheSameForTheSameSeed(t *testing.T) {
	one, two := newCloud(t, Config{}).Tenant(), newCloud(t, Config{}).Tenant()
	if one != two {
		t.Errorf("two clouds of one seed are\n%v\n%v", one, two)
	}
	for _, id := range []string{one.ID, one.SubscriptionID} {
		if len(id) != 36 || id[14] != '4' {
			t.Errorf("%q is not a GUID of version 4", id)
		}
	}
	if one.Domain != "contoso.com" {
		t.Errorf("the domain is %q", one.Domain)
	}
}
