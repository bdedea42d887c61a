package sim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// wireCase is what a client and the world see of one fault.
type wireCase struct {
	fault   string
	applied int // how often the request was really applied, in the end
	check   func(a answer) bool
}

func status(want int) func(answer) bool {
	return func(a answer) bool { return a.err == nil && a.status == want }
}

func cut(a answer) bool { return a.err != nil && a.status == 0 }

var wireCases = []wireCase{
	{"lost-request:" + putNew, 0, cut},
	{"lost-answer:" + putNew, 1, cut},
	{"error-before:" + putNew, 0, status(503)},
	{"error-before:" + putNew + ":value=504 GatewayTimeout", 0, func(a answer) bool { return a.status == 504 && strings.Contains(a.body, `"GatewayTimeout"`) }},
	{"error-after:" + putNew, 1, status(500)},
	{"error-after:" + putNew + ":value=502", 1, status(502)},
	{"late-answer:" + putNew + ":delay=200ms", 1, status(200)},
	{"late-effect:" + putNew + ":delay=200ms", 1, cut},
	{"duplicate:" + putNew, 2, status(200)},
	{"throttled:" + putNew + ":value=7", 0, func(a answer) bool { return a.status == 429 && a.header.Get("Retry-After") == "7" }},
	{"truncated-body:" + putNew, 1, func(a answer) bool { return a.status == 200 && a.err != nil && strings.HasPrefix(a.body, `{"value"`) }},
	{"wrong-body:" + putNew, 1, func(a answer) bool {
		return a.status == 200 && strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && strings.Contains(a.body, "<html>")
	}},
	{"skewed-clock:" + putNew + ":delay=-3h", 1, func(a answer) bool {
		date, err := http.ParseTime(a.header.Get("Date"))
		off := time.Since(date)
		return a.status == 200 && err == nil && off > 2*time.Hour && off < 4*time.Hour
	}},
}

func TestFaultsOfTheWireInMemory(t *testing.T) {
	for _, c := range wireCases {
		t.Run(c.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := newCloud(t, Config{})
				rt := cloud.RoundTripper(Hooks{})
				token := vaultToken(t, cloud, rt)
				switchOn(t, cloud, c.fault)
				if a := put(t.Context(), t, rt, token); !c.check(a) {
					t.Errorf("the client sees %v", a)
				}
				time.Sleep(time.Second)
				if got := applied(cloud); got != c.applied {
					t.Errorf("applied %d times, want %d", got, c.applied)
				}
				if facts := cloud.World().Facts("fault"); len(facts) != 1 || facts[0].Object != putNew {
					t.Errorf("the truth about faults is %v", facts)
				}
			})
		})
	}
}

func TestEveryFaultOfTheWireIsTested(t *testing.T) {
	for _, name := range world.Names[:11] {
		found := false
		for _, c := range wireCases {
			found = found || strings.HasPrefix(c.fault, name+":")
		}
		if !found {
			t.Errorf("no case for %s", name)
		}
	}
}

func TestLostRequestAndLostAnswerLookAlike(t *testing.T) {
	for _, name := range []string{world.LostRequest, world.LostAnswer, world.LateEffect} {
		synctest.Test(t, func(t *testing.T) {
			cloud := newCloud(t, Config{})
			rt := cloud.RoundTripper(Hooks{})
			token := vaultToken(t, cloud, rt)
			switchOn(t, cloud, name+":"+putNew)
			a := put(t.Context(), t, rt, token)
			if !errors.Is(a.err, syscall.ECONNRESET) {
				t.Errorf("%s gives %v, want a connection reset", name, a.err)
			}
		})
	}
}

func TestTruncatedBodyEndsUnexpectedly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, Config{})
		rt := cloud.RoundTripper(Hooks{})
		token := vaultToken(t, cloud, rt)
		switchOn(t, cloud, "truncated-body:"+putNew)
		if a := put(t.Context(), t, rt, token); !errors.Is(a.err, io.ErrUnexpectedEOF) {
			t.Errorf("reading the body gives %v, want %v", a.err, io.ErrUnexpectedEOF)
		}
	})
}

func TestLateAnswerMeetsTheClientsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, Config{})
		rt := cloud.RoundTripper(Hooks{})
		token := vaultToken(t, cloud, rt)
		switchOn(t, cloud, "late-answer:"+putNew+":delay=1h")

		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		began := time.Now()
		a := put(ctx, t, rt, token)
		if !errors.Is(a.err, context.DeadlineExceeded) || time.Since(began) != 30*time.Second {
			t.Errorf("the client gave up after %v with %v, want 30s and %v", time.Since(began), a.err, context.DeadlineExceeded)
		}
		if applied(cloud) != 1 {
			t.Error("the request was not applied before its answer was late")
		}

		began = time.Now()
		if a := put(t.Context(), t, rt, token); a.status != 200 || time.Since(began) != time.Hour {
			t.Errorf("a patient client sees %v after %v, want 200 after 1h", a, time.Since(began))
		}
	})
}

func TestLateEffectComesAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, Config{})
		rt := cloud.RoundTripper(Hooks{})
		token := vaultToken(t, cloud, rt)
		switchOn(t, cloud, "late-effect:"+putNew+":delay=10m,times=1")
		put(t.Context(), t, rt, token)
		time.Sleep(10*time.Minute - time.Second)
		if applied(cloud) != 0 {
			t.Error("applied before its time")
		}
		time.Sleep(2 * time.Second)
		if applied(cloud) != 1 {
			t.Error("not applied after its time")
		}
	})
}

func TestClosedCloudForgetsLateEffects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, Config{})
		rt := cloud.RoundTripper(Hooks{})
		token := vaultToken(t, cloud, rt)
		switchOn(t, cloud, "late-effect:"+putNew+":delay=10m")
		put(t.Context(), t, rt, token)
		cloud.Close()
		time.Sleep(time.Hour)
		if applied(cloud) != 0 {
			t.Error("an effect came after the cloud was closed")
		}
	})
}

func TestDuplicateAnswersTheSecondUnlessAskedForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, Config{})
		rt := cloud.RoundTripper(Hooks{})
		token := vaultToken(t, cloud, rt)
		for i, c := range []struct{ fault, version string }{{"duplicate:" + putNew + ":times=1", "second"}, {"duplicate:" + putNew + ":value=first", "first"}} {
			switchOn(t, cloud, c.fault)
			a := put(t.Context(), t, rt, token)
			versions := cloud.Versions("kv-contoso-test", "new")[2*i:]
			want := versions[map[string]int{"first": 0, "second": 1}[c.version]].ID
			if !strings.Contains(a.body, want) {
				t.Errorf("%s: the answer does not show the %s of the two versions", c.fault, c.version)
			}
		}
	})
}

func TestRetriedRequestPassesAfterTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, Config{Faults: []world.Fault{{Name: world.Throttled, Match: putNew, Skip: 1, Times: 2}}})
		rt := cloud.RoundTripper(Hooks{})
		token := vaultToken(t, cloud, rt)
		var got []int
		for range 4 {
			got = append(got, put(t.Context(), t, rt, token).status)
		}
		if want := [...]int{200, 429, 429, 200}; [4]int(got) != want {
			t.Errorf("answers are %v, want %v", got, want)
		}
	})
}
