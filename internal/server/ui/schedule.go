package ui

import (
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

// scheduleView is what is due in the next weeks, and what holds it back.
type scheduleView struct {
	Answer *answer
	Heads  []string
	Days   []dayView
	Filter Filter
	Table  Table
	Pager  Pager
	Sheets []sheet
}

// dayView is a square of the calendar.
type dayView struct {
	Blank, Quiet bool
	Date         string
	Machine      string
	Due          Link
	Frozen       Text
	Tone         string
}

const calendarDays = 42

// schedule shows the calendar and the list of what is due.
func (c *Console) schedule(w http.ResponseWriter, v *visit) error {
	q := api.ListDueParams{Now: v.query("now") == "true", Date: v.query("date"), Days: 90, After: v.query("after"), Limit: pageSize}
	if q.Now || q.Date != "" {
		q.Days = 0
	}
	page, err := v.api.DuePage(v.Context(), q)
	if err != nil {
		return err
	}
	s, err := v.api.Schedule(v.Context(), calendarDays)
	if err != nil {
		return err
	}
	view := scheduleView{Answer: scheduleAnswer(s, v.now), Heads: []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}, Days: calendarOf(s), Pager: pager(v.Request, len(page.Value), "credential", client.Position(page.NextLink))}
	view.Filter = filterOf("/schedule", v.URL.Query(), []Field{{Name: "date", Label: "Due on", Kind: "date"}, {Name: "now", Label: "Due already", Kind: "check"}}, map[string]func(string) string{"date": named("Due on"), "now": is("Due already")})
	var rows []Row
	for _, d := range page.Value {
		rows = append(rows, dueRow(v, d))
	}
	empty := Empty{Title: "Nothing is due", Detail: "A credential is due some weeks before its end, as the policy says."}
	if filtered(v.URL.Query()) {
		empty.Action = Link{Text: plain("Show the next 90 days"), Href: "/schedule"}
	}
	view.Table = table("What is due, the first to end first", columns("Credential", "State", "Due", "Ends", "Why", "Act"), rows, empty)
	view.Sheets = []sheet{listed("windows", "Maintenance windows", windowsTable(s)), listed("freezes", "Change freezes", freezesTable(s, v.now))}
	return c.show(w, v, "schedule", Page{Title: "Schedule", Section: "schedule", Lead: "What is renewed when, and what holds it back.", Body: view})
}

func scheduleAnswer(s api.Schedule, now time.Time) *answer {
	a := &answer{State: Badge{"good", "Open"}, Sentence: plain("Changes may be made now."), Detail: plain("What is due is not proposed by itself: somebody has to. The configuration can change that.")}
	if s.Proposing {
		a.Detail = plain("What is due is proposed by itself, up to " + count(s.AtOnce, "open rotation") + " at once. Nothing is approved by itself.")
	}
	if !s.Open {
		a.State, a.Sentence = Badge{"warn", "Held back"}, plain("No change is made now; the next may be made "+relative(s.Next, now)+".")
	}
	return a
}

// calendarOf draws whole weeks from Monday.
func calendarOf(s api.Schedule) (list []dayView) {
	for i, d := range s.Days {
		date := d.Date.UTC()
		if i == 0 {
			for range (int(date.Weekday()) + 6) % 7 {
				list = append(list, dayView{Blank: true})
			}
		}
		v := dayView{Date: date.Format("Mon 2 Jan"), Machine: date.Format(time.DateOnly), Frozen: words(d.Frozen), Quiet: d.Due == 0 && d.Frozen == ""}
		if d.Due > 0 {
			v.Due = Link{Text: plain(number(d.Due) + " due"), Href: at("/schedule", "date", v.Machine)}
		}
		if d.Frozen != "" {
			v.Tone = "frozen"
		}
		list = append(list, v)
	}
	return list
}

func dueRow(v *visit, d api.DueItem) Row {
	c := d.Credential
	tone := map[api.DueState]string{api.DueStateDue: "warn", api.DueStateNoPlace: "bad", api.DueStateFrozen: "info", api.DueStatePostponed: "info", api.DueStateUnderWay: "good"}[d.State]
	why := wordCell(d.Why).with(d.Warning)
	if d.State == api.DueStatePostponed {
		why = wordCell("until " + d.Postponed.Until.UTC().Format(time.DateOnly) + ": " + d.Postponed.Reason).with(d.Postponed.By)
	}
	row := Row{Cells: []Cell{linkCell(c.Application.Name, credentialPath(c)).with(joined(kindWord(c.Kind), credentialName(c))), badgeCell(tone, dueWord(d.State)), whenCell(when(d.Due, v.now), ""), whenCell(when(d.Ends, v.now), "not known"), why, {}}}
	var acts []Cell
	act := func(text, href string) { l := Link{Text: plain(text), Href: href}; acts = append(acts, Cell{Link: &l}) }
	switch d.State {
	case api.DueStateUnderWay:
		act("See it", at("/rotations", "application", c.Application.ObjectID, "state", "open"))
	case api.DueStateNotRotated:
	case api.DueStatePostponed:
		if v.may(access.PostponeDue) {
			act("Resume", "/schedule/"+escape(c.KeyID)+"/resume")
		}
	default:
		if v.may(access.ProposeRotation) {
			act("Plan rotation", planPath(c))
		}
		if v.may(access.PostponeDue) {
			act("Postpone", "/schedule/"+escape(c.KeyID)+"/postpone")
		}
	}
	if len(acts) > 0 {
		row.Cells[5] = Cell{Items: acts}
	}
	if d.State == api.DueStateDue || d.State == api.DueStateNoPlace {
		row.Tone = tone
	}
	return row
}

func windowsTable(s api.Schedule) Table {
	var rows []Row
	for _, m := range s.Windows {
		rows = append(rows, Row{Cells: []Cell{wordCell(m.Name), wordCell(strings.Join(m.Days, ", ")), wordCell(m.From + " to " + m.To + " " + m.Zone), textCell(words(strings.Join(m.Applications, ", ")).or("all applications"))}})
	}
	return table("Maintenance windows", columns("Window", "Days", "Time", "For"), rows, Empty{Title: "No windows are set", Detail: "Then changes are made at any time. schedule.windows in the configuration sets them."})
}

func freezesTable(s api.Schedule, now time.Time) Table {
	var rows []Row
	for _, f := range s.Freezes {
		rows = append(rows, Row{Cells: []Cell{wordCell(f.Name), whenCell(when(f.From, now), ""), whenCell(when(f.To, now), ""), textCell(words(strings.Join(f.Applications, ", ")).or("all applications")), textCell(words(strings.Join(append([]string{"emergency", "revoke"}, f.Allow...), ", ")))}})
	}
	return table("Change freezes", columns("Freeze", "From", "Until", "For", "Goes on all the same"), rows, Empty{Title: "No freezes are set"})
}

// postpone keeps a credential from being proposed for a while.
func (c *Console) postpone(w http.ResponseWriter, v *visit) error {
	d, err := v.api.Credential(v.Context(), v.PathValue("key"))
	if err != nil {
		return err
	}
	cr := d.Credential
	q := Confirm{Title: "Postpone its rotation?", Section: "schedule", Button: "Postpone", Cancel: "/schedule", Crumbs: []Link{{Text: plain("Schedule"), Href: "/schedule"}},
		What:  lines("Until the day that you say it is not proposed by itself. " + consequence(cr, v.now)),
		Facts: Facts{{"Application", []Cell{linkCell(cr.Application.Name, applicationPath(cr.Application.ObjectID))}}, {"Credential", []Cell{wordCell(credentialName(cr))}}, {"Ends", []Cell{whenCell(when(cr.Expires, v.now), "not known")}}}}
	q.Fields = []Field{{Name: "until", Label: "Until", Kind: "date", Required: true}, {Name: "reason", Label: "Why", Kind: "area", Required: true, Longest: 1000, Hint: "It stands in the schedule with your name."}}
	return c.act(w, v, q, func() (string, Notice, error) {
		until, err := day(v.field("until"))
		if err != nil {
			return "", Notice{}, err
		}
		_, err = v.api.Postpone(v.Context(), cr.KeyID, api.PostponeRequest{Until: until, Reason: v.field("reason")})
		return "/schedule", good("It is postponed until " + until.Format(time.DateOnly) + "."), err
	})
}

// resume ends a postponement.
func (c *Console) resume(w http.ResponseWriter, v *visit) error {
	d, err := v.api.Credential(v.Context(), v.PathValue("key"))
	if err != nil {
		return err
	}
	q := Confirm{Title: "End the postponement?", Section: "schedule", Button: "End it", Cancel: "/schedule", Crumbs: []Link{{Text: plain("Schedule"), Href: "/schedule"}}, What: lines("The rotation of " + d.Credential.Application.Name + " is due as the policy says again.")}
	return c.act(w, v, q, func() (string, Notice, error) {
		return "/schedule", good("It is due again as the policy says."), v.api.Resume(v.Context(), d.Credential.KeyID)
	})
}
