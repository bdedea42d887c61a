package usage

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A sketch stays small whatever comes, and counts the same in any order.
func TestASketchIsBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := new(Sketch)
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	for range 50_000 {
		s.Take(Use{
			Time: start.Add(time.Duration(r.Int64N(int64(900 * 24 * time.Hour)))), Address: randomAddress(r), Country: strings.Repeat("x", r.IntN(400)),
			City: "c", Resource: strings.Repeat("r", r.IntN(400)),
		}, Fate{})
	}
	body, err := json.Marshal(s)
	if err != nil || len(body) > 64<<10 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	for _, k := range s.sets() {
		if len(k.Items) > mostItems {
			t.Errorf("%d items", len(k.Items))
		}
	}
	if len(s.Days) > mostDays || s.Uses != 50_000 {
		t.Errorf("%d days, %d uses", len(s.Days), s.Uses)
	}
}

func randomAddress(r *rand.Rand) string {
	b := []byte{byte(r.IntN(250) + 1), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}
	var parts []string
	for _, x := range b {
		n, _ := json.Marshal(x)
		parts = append(parts, string(n))
	}
	return strings.Join(parts, ".")
}

// A credential whose last use is known from Entra's report alone is silent too.
func TestTheReportOfLastUsesMakesASilence(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC)
	s := &Sketch{Before: now.AddDate(0, 0, -200)}
	list := s.Take(Use{Time: now, Address: "203.0.113.9", Country: "NL"}, Fate{})
	if len(list) != 1 || list[0].Kind != LongSilence || !strings.Contains(list[0].Reason(), "after 200 days of silence") {
		t.Errorf("got %+v", list)
	}
	s = &Sketch{Before: now.AddDate(0, 0, -20)}
	if list := s.Take(Use{Time: now}, Fate{}); len(list) != 0 {
		t.Errorf("got %+v", list)
	}
}

func TestAWithdrawnKeyIsNoticedFromItsFirstUse(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		fate Fate
		want Kind
	}{
		{"there", Fate{Expires: now.Add(time.Hour)}, ""}, {"ended within a clock's error", Fate{Expires: now.Add(-time.Minute)}, ""}, {"ended", Fate{Expires: now.Add(-time.Hour)}, Expired},
		{"just removed", Fate{Gone: now.Add(-time.Minute)}, ""}, {"removed", Fate{Gone: now.Add(-2 * time.Hour)}, Withdrawn},
		{"both", Fate{Gone: now.Add(-2 * time.Hour), Expires: now.Add(-time.Hour)}, Withdrawn},
	} {
		list := new(Sketch).Take(Use{Time: now, Address: "203.0.113.9", Error: "AADSTS7000222"}, c.fate)
		if c.want == "" && len(list) != 0 || c.want != "" && (len(list) != 1 || list[0].Kind != c.want || !strings.Contains(list[0].What, "AADSTS7000222")) {
			t.Errorf("%s: got %+v", c.name, list)
		}
	}
}

// After a withdrawal rekey tries the old value from its own address until it is refused:
// that is no new network.
func TestTheProofOfAWithdrawalIsNoAlarm(t *testing.T) {
	s, at := new(Sketch), time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for range 50 {
		s.Take(Use{Time: at, Address: "20.50.1.7", Country: "NL"}, Fate{})
		at = at.Add(24 * time.Hour)
	}
	mine := Use{Time: at.Add(2 * time.Minute), Address: "203.0.113.9", Country: "FI"}
	if list := s.Take(mine, Fate{Gone: at}); len(list) != 0 {
		t.Errorf("got %+v", list)
	}
	mine.Time, mine.Country = at.Add(30*time.Hour), "BR"
	if list := s.Take(mine, Fate{}); len(list) == 0 || list[0].Kind != NewCountry {
		t.Errorf("of another: got %+v", list)
	}
}

// What records say is foreign text.
func FuzzUse(f *testing.F) {
	f.Add("203.0.113.9", "NL", "Amsterdam", "Microsoft Graph", int64(1_770_000_000))
	f.Add("::ffff:1.2.3.4", "", "", "", int64(0))
	f.Add("fe80::1%eth0", "x", "\x00", "\xff", int64(-5))
	f.Add("2a02:26f7::1", "NL", "", "", int64(1<<40))
	f.Fuzz(func(t *testing.T, address, country, city, resource string, at int64) {
		s := new(Sketch)
		for i := range int64(3) {
			for _, a := range s.Take(Use{Time: time.Unix(at%(1<<40)+i*86_400*40, 0), Address: address, Country: country, City: city, Resource: resource}, Fate{}) {
				if len(a.Reason()) > 8<<10 {
					t.Errorf("a reason of %d bytes", len(a.Reason()))
				}
			}
		}
		s.Normal()
		if near, wide := networks(address); (near == "") != (wide == "") || near != "" && wideOf(near) != wide {
			t.Errorf("%q: %q in %q", address, near, wide)
		}
	})
}
