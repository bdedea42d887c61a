package ical

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"rekey.example/rekey/internal/hostile"
)

var at = time.Date(2027, 5, 3, 9, 30, 0, 0, time.UTC)

func TestWhatIsWrittenIsRead(t *testing.T) {
	c := Calendar{Name: "Ends, and windows", Refresh: time.Hour, Events: []Event{
		{UID: "end-1@rekey", Sequence: 3, Stamp: at, Start: at.Truncate(24 * time.Hour), End: at.Truncate(24*time.Hour).AddDate(0, 0, 1), AllDay: true, Summary: `Invoice export; to "Basware", \ and on`, Text: "two\nlines", URL: "https://rekey.contoso.com/x?a=b", Free: true},
		{UID: "w@rekey", Stamp: at, Start: at, End: at.Add(2 * time.Hour), Summary: strings.Repeat("grüezi \U0001f600", 60), Cancelled: true},
	}}
	got, err := Decode(c.Encode())
	if err != nil {
		t.Fatal(err)
	}
	c.Refresh = 0
	if d := cmp.Diff(c, got); d != "" {
		t.Error(d)
	}
}

// TestHostileNamesStayNames is SAFETY T40 and T41 for calendars.
func TestHostileNamesStayNames(t *testing.T) {
	names := hostile.Names()
	c := Calendar{Name: names[0]}
	for _, n := range names {
		c.Events = append(c.Events, Event{UID: n, Stamp: at, Start: at, AllDay: true, Summary: n, Text: n, URL: n})
	}
	raw := c.Encode()
	got, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Events) != len(names) {
		t.Fatalf("%d events went in and %d came out", len(names), len(got.Events))
	}
	for i, n := range names {
		if want := unescape(Escape(n)); got.Events[i].Summary != want || got.Events[i].Text != want && n != "" {
			t.Errorf("%q came out as %q", n, got.Events[i].Summary)
		}
		if strings.ContainsFunc(got.Events[i].Summary, func(r rune) bool { return unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\n' }) {
			t.Errorf("%q has a control character left", got.Events[i].Summary)
		}
	}
	t.Logf("%d names, %d bytes", len(names), len(raw))
}

func TestTheReaderIsStrict(t *testing.T) {
	good := string(Calendar{Events: []Event{{UID: "u", Stamp: at, Start: at, Summary: "s"}}}.Encode())
	for name, bad := range map[string]string{
		"a bare newline": strings.Replace(good, "\r\n", "\n", 1), "no end": strings.TrimSuffix(good, "END:VCALENDAR\r\n"), "a long line": strings.Replace(good, "SUMMARY:s", "SUMMARY:"+strings.Repeat("s", 80), 1),
		"no UID": strings.Replace(good, "UID:u\r\n", "", 1), "twice": strings.Replace(good, "UID:u\r\n", "UID:u\r\nUID:u\r\n", 1), "nested": strings.Replace(good, "UID:u", "BEGIN:VEVENT", 1),
		"no colon": strings.Replace(good, "UID:u", "UID", 1), "an alarm": strings.Replace(good, "UID:u\r\n", "UID:u\r\nBEGIN:VALARM\r\n", 1), "control": strings.Replace(good, "SUMMARY:s", "SUMMARY:\x07", 1), "attachment": strings.Replace(good, "UID:u\r\n", "UID:u\r\nATTACH:x\r\n", 1), "behind": good + "X:1\r\n",
	} {
		if _, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
	if _, err := Decode([]byte(good)); err != nil {
		t.Error(err)
	}
}

func FuzzEncode(f *testing.F) {
	for _, n := range hostile.Names()[:60] {
		f.Add(n, n)
	}
	f.Fuzz(func(t *testing.T, summary, url string) {
		raw := Calendar{Name: summary, Events: []Event{{UID: "u", Stamp: at, Start: at, Summary: summary, Text: summary, URL: url}}}.Encode()
		got, err := Decode(raw)
		if err != nil || len(got.Events) != 1 || got.Events[0].UID != "u" || got.Events[0].Summary != unescape(Escape(summary)) {
			t.Fatalf("%q: %+v, %v", summary, got, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(Calendar{Name: "x", Events: []Event{{UID: "u", Stamp: at, Start: at, Summary: "s"}}}.Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := Decode(raw); err == nil && len(c.Events) > len(raw) {
			t.Fatal("more events than bytes")
		}
	})
}
