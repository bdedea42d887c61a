package world

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseFault(t *testing.T) {
	add := "POST graph.microsoft.com/v1.0/applications/*/addPassword"
	for text, want := range map[string]Fault{
		"throttled":                                                  {Name: Throttled},
		"lost-answer:" + add:                                         {Name: LostAnswer, Match: add},
		"lost-answer:" + add + ":times=1,skip=2":                     {Name: LostAnswer, Match: add, Times: 1, Skip: 2},
		"late-answer::delay=5s,rate=0.5":                             {Name: LateAnswer, Delay: 5 * time.Second, Rate: 0.5},
		"secret-lag:delay=2m":                                        {Name: SecretLag, Delay: 2 * time.Minute},
		"skewed-clock:delay=-3h":                                     {Name: SkewedClock, Delay: -3 * time.Hour},
		"foreign-link:value=evil.example:8443,x":                     {Name: ForeignLink, Value: "evil.example:8443,x"},
		"stale-list:GET h/v1.0/applications(appId='a:b'):times=3":    {Name: StaleList, Match: "GET h/v1.0/applications(appId='a:b')", Times: 3},
		"error-before:GET *.vault.azure.net/secrets/*:value=403 x,y": {Name: ErrorBefore, Match: "GET *.vault.azure.net/secrets/*", Value: "403 x,y"},
	} {
		got, err := ParseFault(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got != want {
			t.Errorf("%s: %s", text, cmp.Diff(want, got))
		}
	}
}

func TestParseFaultNamesTheSlip(t *testing.T) {
	for text, want := range map[string]string{
		"lost-anser":                   `unknown fault "lost-anser"; the faults are lost-request, lost-answer`,
		"lost-answer:GET h/*:tmes=1":   `unknown option "tmes"`,
		"lost-answer:times=x":          `option times`,
		"late-answer:GET h/:delay=5":   `option delay`,
		"throttled:rate=2":             `rate 2 is outside 0..1`,
		"throttled:GET [:times=1":      `bad pattern`,
		"error-after:value=bad":        `does not begin with an HTTP status`,
		"throttled:value=soon":         `not a number of seconds`,
		"duplicate:value=last":         `is not "first"`,
		"throttled:rate=NaN":           `outside 0..1`,
		"lost-answer:GET h/*:times=1,": ``,
	} {
		_, err := ParseFault(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want one with %q", text, err, want)
		}
	}
}

func FuzzParseFault(f *testing.F) {
	f.Add("lost-answer:POST graph.microsoft.com/v1.0/applications/*/addPassword:times=1,skip=2,rate=0.5,delay=5s,value=x")
	f.Add("secret-lag:delay=2m")
	f.Add("throttled:a:times=1:times=0")
	f.Add("throttled:times=1:")
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := ParseFault(text)
		if err != nil || len(text) > maxFaultText/2 {
			return // a long one may be longer when it is written in full
		}
		again, err := ParseFault(fault.String())
		if err != nil || again != fault {
			t.Errorf("%q reads as %#v, written as %q, which reads as %#v, %v", text, fault, fault, again, err)
		}
	})
}

func TestParseFaultsReadsTextsAndObjects(t *testing.T) {
	got, err := ParseFaults([]byte(`["throttled:times=1", {"name":"late-answer","match":"GET */*","delay":"5s"}, {"name":"skewed-clock","delay":1000}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Fault{{Name: Throttled, Times: 1}, {Name: LateAnswer, Match: "GET */*", Delay: 5 * time.Second}, {Name: SkewedClock, Delay: 1000}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{`{}`, `[{"name":"throttled","tims":1}]`, `["nothing"]`, `[{"name":"throttled","delay":"x"}]`, `[{"name":"throttled","delay":[]}]`, `[1]`} {
		if _, err := ParseFaults([]byte(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestReplaceKeepsTheCountsOfWhatStays(t *testing.T) {
	faults := newFaults(1)
	once := Fault{Name: LostAnswer, Times: 1}
	if err := faults.Replace([]Fault{once}); err != nil {
		t.Fatal(err)
	}
	if _, struck := faults.Strike(LostAnswer, "GET h/p"); !struck {
		t.Fatal("the fault did not strike")
	}
	if err := faults.Replace([]Fault{{Name: Throttled}, once}); err != nil {
		t.Fatal(err)
	}
	if _, struck := faults.Strike(LostAnswer, "GET h/p"); struck {
		t.Error("the fault that was to strike once struck twice")
	}
	if err := faults.Replace([]Fault{{Name: "no such fault"}}); err == nil {
		t.Error("an unknown fault is accepted")
	}
	if got := len(faults.On()); got != 2 {
		t.Errorf("%d faults are on after a refused change, want 2", got)
	}
}
