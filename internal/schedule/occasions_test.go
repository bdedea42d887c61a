package schedule

import (
	"testing"
	"time"
)

func TestOccasionsAreWhenWindowsOpen(t *testing.T) {
	c, err := NewCalendar([]Window{{Name: "night", Days: []string{"sat"}, From: "22:00", To: "02:00", Zone: "Europe/Zurich"}}, []Freeze{{Name: "year end", From: "2027-03-28", To: "2027-03-29"}})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2027, 3, 20, 0, 0, 0, 0, time.UTC) // the clocks change on 28 March at 02:00
	list := c.Occasions(from, from.AddDate(0, 0, 15), 50)
	if len(list) != 4 {
		t.Fatalf("%+v", list)
	}
	for i, want := range []string{"2027-03-20T21:00:00Z 2027-03-21T01:00:00Z", "2027-03-27T21:00:00Z 2027-03-28T01:00:00Z", "2027-04-03T20:00:00Z 2027-04-04T00:00:00Z"} {
		if got := list[i].From.UTC().Format(time.RFC3339) + " " + list[i].To.UTC().Format(time.RFC3339); got != want || list[i].Freeze || !list[i].All {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
	if !list[3].Freeze || list[3].Name != "year end" {
		t.Errorf("%+v", list[3])
	}
	if got := c.Occasions(from, from.AddDate(0, 0, 15), 1); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}
