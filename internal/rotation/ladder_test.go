package rotation

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/entra"
)

// The sources are named as the connector names them.
func TestLadderKnowsItsSources(t *testing.T) {
	if string(byLog) != entra.SignInLog || string(byReport) != entra.ActivityReport {
		t.Errorf("%q and %q", byLog, byReport)
	}
}

var (
	ladderSwitch = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	admin        = access.Actor{ID: "token:omar", Name: "Omar", Person: "omar", Role: access.Administrator}
	asker        = access.Actor{ID: "token:nora", Name: "Nora", Person: "nora", Role: access.User}
)

// at is so long after the switch.
func at(hours float64) time.Time {
	return ladderSwitch.Add(time.Duration(hours * float64(time.Hour)))
}

func seenIn(source ground, through float64, last ...float64) *connector.Uses {
	u := &connector.Uses{Source: string(source), Through: at(through)}
	if len(last) > 0 {
		u.Last, u.Count, u.From = at(last[0]), 3, []string{"203.0.113.7"}
	}
	return u
}

// The last user of the old credential is named before it is withdrawn.
func TestTheLastUserIsNamedBeforeTheWithdraw(t *testing.T) {
	u := seenIn(byLog, 38, 20)
	u.Where, u.From = "203.0.113.7 (Dublin, IE) for Microsoft Graph", []string{"203.0.113.7", "198.51.100.2"}
	j := weigh(useCase{now: at(40), switched: ladderSwitch, overlap: 24 * time.Hour, uses: u})
	for _, text := range []string{j.text, j.needs} {
		if j.may || !strings.Contains(text, "from 203.0.113.7 (Dublin, IE) for Microsoft Graph; all addresses: 203.0.113.7, 198.51.100.2") {
			t.Errorf("got %q", text)
		}
	}
}

func TestLadder(t *testing.T) {
	moved, unmoved := []Evidence{{Consumer: "Basware", Proof: "read it"}}, []Evidence{{Consumer: "Basware", Proof: "read it"}, {Consumer: "Partner portal"}}
	answered := &Override{By: admin, At: at(20), Reason: "the partner is gone"}
	tests := []struct {
		name  string
		now   float64
		uses  *connector.Uses
		who   []Evidence
		word  *Override
		short bool // emergency, without an overlap
		may   bool
		on    ground
		until float64 // if not
		says  string
		needs string
	}{
		{name: "the overlap is not over", now: 23, uses: seenIn(byLog, 22), may: false, on: byConsumers, until: 24, says: "both credentials work until"},
		{name: "the overlap is not over, whatever is answered", now: 23, word: answered, may: false, on: byConsumers, until: 24},
		{name: "the log is not complete for long enough", now: 24, uses: seenIn(byLog, 22), on: byLog, until: 26, says: "complete up to 2026-11-03 06:00 UTC"},
		{name: "the log is quiet", now: 26, uses: seenIn(byLog, 24), may: true, on: byLog, says: "no use of the old credential is recorded between 2026-11-02 08:00 UTC and 2026-11-03 08:00 UTC (sign-in log)"},
		{name: "a use before the switch does not count", now: 26, uses: seenIn(byLog, 24, -1), may: true, on: byLog},
		{name: "a late log has to be quiet for its lag", now: 60, uses: seenIn(byLog, 24), on: byLog, until: 36 + 36},
		{name: "a cache used it after the switch", now: 40, uses: seenIn(byLog, 38, 20), on: byLog, until: 46, says: "used 3 times or more after the switch, the last time 2026-11-03 04:00 UTC from 203.0.113.7", needs: "203.0.113.7"},
		{name: "and the cache is over", now: 46, uses: seenIn(byLog, 44, 20), may: true, on: byLog, says: "between 2026-11-03 04:00 UTC"},
		{name: "it is used, and answered for", now: 40, uses: seenIn(byLog, 38, 20), word: answered, may: true, on: byOverride, says: "Omar has answered for it on 2026-11-03 04:00 UTC: the partner is gone; the old credential was used"},
		{name: "the report is too old", now: 48, uses: seenIn(byReport, -24), on: byReport, until: 96},
		{name: "the report knows the switch only", now: 72, uses: seenIn(byReport, 0), on: byReport, until: 96},
		{name: "the report is quiet", now: 96, uses: seenIn(byReport, 24), may: true, on: byReport, says: "(activity report)"},
		{name: "the report shows a use", now: 96, uses: seenIn(byReport, 24, 10), on: byReport, until: 10 + 24 + 72, needs: "whoever runs"},
		{name: "no records, and all have moved", now: 24, who: moved, may: true, on: byConsumers, says: "keeps no records"},
		{name: "no records, and no consumer", now: 24, may: true, on: byConsumers, says: "no consumer is known"},
		{name: "no records, and one has not moved", now: 24, who: unmoved, on: byConsumers, until: 24, says: "no evidence of Partner portal", needs: "Partner portal"},
		{name: "no records, and answered for", now: 24, who: unmoved, word: answered, may: true, on: byOverride, says: "nobody can tell"},
		{name: "an emergency names uses and goes on", now: 1, uses: seenIn(byLog, 0.9, 0.5), short: true, may: true, on: byEmergency, says: "whoever still uses it: the old credential was used"},
		{name: "an emergency without records", now: 1, who: unmoved, short: true, may: true, on: byEmergency, says: "nobody can tell"},
		{name: "the requester cannot answer", now: 40, uses: seenIn(byLog, 38, 20), word: &Override{By: access.Actor{ID: "x", Name: "Nora", Person: "nora", Role: access.Administrator}, Reason: "r"}, on: byLog, until: 46, says: "Nora has proposed this rotation"},
		{name: "a user cannot answer", now: 40, uses: seenIn(byLog, 38, 20), word: &Override{By: access.Actor{ID: "y", Name: "Uma", Person: "uma", Role: access.User}, Reason: "r"}, on: byLog, until: 46, says: "no administrator"},
		{name: "nobody answers without a reason", now: 40, uses: seenIn(byLog, 38, 20), word: &Override{By: admin, Reason: " "}, on: byLog, until: 46, says: "without a reason"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := useCase{now: at(tt.now), switched: ladderSwitch, overlap: 24 * time.Hour, uses: tt.uses, consumers: tt.who, override: tt.word, requester: asker}
			if tt.short {
				c.emergency, c.overlap = true, 0
			}
			j := weigh(c)
			if j.may != tt.may || j.on != tt.on || !strings.Contains(j.text, tt.says) || !strings.Contains(j.needs, tt.needs) {
				t.Errorf("got %+v", j)
			}
			if !tt.may && (!j.until.Equal(at(tt.until)) || j.wait <= 0) {
				t.Errorf("until %s (wait %s), want %s", j.until, j.wait, at(tt.until))
			}
		})
	}
}

// Whatever is known, a planned withdrawal that rests on records comes after a span
// without a use, all of it inside what the records cover, as long as the overlap.
func TestLadderNeverCutsAUserOff(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	may := 0
	for range 200_000 {
		hours := func(most int) float64 { return float64(rnd.IntN(most*4)) / 4 }
		source := []ground{byLog, byReport}[rnd.IntN(2)]
		c := useCase{now: at(hours(300)), switched: ladderSwitch, overlap: time.Duration(hours(48) * float64(time.Hour)), uses: seenIn(source, hours(300)-50), requester: asker}
		if rnd.IntN(2) == 0 {
			c.uses.Last, c.uses.Count = at(hours(300)-50), 1+rnd.IntN(5)
		}
		if c.uses.Through.After(c.now) {
			c.uses.Through = c.now
		}
		if c.uses.Last.After(c.now) {
			c.uses.Last = c.now
		}
		j := weigh(c)
		if j.text == "" || !j.may && (j.wait <= 0 || j.until.IsZero()) {
			t.Fatalf("%+v: says nothing: %+v", c, j)
		}
		if !j.may {
			continue
		}
		may++
		quiet := c.uses.Through.Sub(c.switched)
		if c.uses.Last.After(c.switched) {
			quiet = c.uses.Through.Sub(c.uses.Last)
		}
		if quiet < c.overlap {
			t.Fatalf("%+v: goes after %s of quiet: %+v", c, quiet, j)
		}
	}
	if may < 10_000 {
		t.Errorf("only %d of the cases went", may)
	}
}
