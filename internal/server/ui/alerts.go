package ui

import (
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

// alerts lists what somebody should know, the worst first.
func (c *Console) alerts(w http.ResponseWriter, v *visit) error {
	q := api.ListAlertsParams{State: api.ListAlertsParamsState(v.query("state")), Kind: v.query("kind"), Application: v.query("application"), After: v.query("after"), Limit: pageSize}
	page, err := v.api.AlertPage(v.Context(), q)
	if err != nil {
		return err
	}
	var rows []Row
	for _, a := range page.Value {
		row := Row{Cells: []Cell{linkCell(a.Headline, alertPath(a.ID)).with(a.Application), alertSeverity(a.Severity), alertState(a, v.now), textCell(words(a.Owner).or("nobody")), whenCell(when(a.Ends, v.now), ""), whenCell(moment(a.Told, v.now), "nobody yet")}}
		if a.State == api.AlertStateOpen && a.Severity == api.AlertSeverityHigh {
			row.Tone = "bad"
		}
		rows = append(rows, row)
	}
	empty := Empty{Title: "There is nothing that anybody has to be told"}
	if filtered(v.URL.Query()) {
		empty = Empty{Title: "No alert is like that", Action: Link{Text: plain("Show all"), Href: "/alerts?state=all"}}
	}
	list := listView{Pager: pager(v.Request, len(rows), "alert", client.Position(page.NextLink)), Table: table("Alerts, the worst first", columns("What", "Severity", "State", "For", "Ends", "Told"), rows, empty)}
	list.Filter = filterOf("/alerts", v.URL.Query(), []Field{{Name: "state", Label: "State", Kind: "select", Options: options("Not settled", func(s api.ListAlertsParamsState) string { return alertWord(api.AlertState(s)) }, api.ListAlertsParamsStateOpen, api.ListAlertsParamsStateAcknowledged, api.ListAlertsParamsStateSnoozed, api.ListAlertsParamsStateSettled, api.ListAlertsParamsStateAll)}},
		map[string]func(string) string{"state": func(s string) string { return "State: " + alertWord(api.AlertState(s)) }, "kind": named("Kind"), "application": func(s string) string { return "Application: " + v.called(s) }})
	return c.show(w, v, "list", Page{Title: "Alerts", Section: "alerts", Lead: "What somebody is told, and whether anybody looks after it.", Live: 30, Body: list})
}

func alertPath(id string) string { return "/alerts/" + escape(id) }

func alertWord(s api.AlertState) string {
	switch s {
	case api.AlertStateOpen:
		return "Open"
	case api.AlertStateAcknowledged:
		return "Somebody looks after it"
	case api.AlertStateSnoozed:
		return "Laid aside"
	case "all":
		return "All"
	}
	return "Settled"
}

func alertState(a api.Alert, now time.Time) Cell {
	tone := map[api.AlertState]string{api.AlertStateOpen: "warn", api.AlertStateAcknowledged: "info", api.AlertStateSnoozed: "info", api.AlertStateSettled: "good"}[a.State]
	c := badgeCell(tone, alertWord(a.State))
	if a.State == api.AlertStateSnoozed && !a.Until.IsZero() {
		c = c.with("until " + a.Until.UTC().Format(time.DateOnly))
	}
	return c
}

func alertSeverity(s api.AlertSeverity) Cell { return severityCell(api.Severity(s)) }

// alert shows one, with who was told of it when.
func (c *Console) alert(w http.ResponseWriter, v *visit) error {
	d, err := v.api.Alert(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	a := d.Alert
	view := sheetsView{Answer: &answer{State: *alertState(a, v.now).Badge, Sentence: sentence(a.Headline), Detail: words(alertWord(a.State))}}
	view.Sheets = []sheet{{ID: "text", Title: "What it says", Lines: lines(paragraphs(a.Text)...)}, listed("told", "Who was told", toldTable(d.Told, v.now))}
	f := Facts{{"Severity", []Cell{alertSeverity(a.Severity)}}, {"For", []Cell{textCell(words(a.Owner).or("nobody")).with(a.Backup)}}, {"Since", []Cell{whenCell(moment(a.Opened, v.now), "")}}}
	if a.ObjectID != "" {
		f = append(f, Fact{"Application", []Cell{linkCell(cmpOr(a.Application, a.ObjectID), applicationPath(a.ObjectID))}})
	}
	if a.KeyID != "" {
		f = append(f, Fact{"Credential", []Cell{linkCell(a.KeyID, credentialPath(api.Credential{KeyID: a.KeyID}))}})
	}
	for _, x := range a.Facts {
		f = append(f, Fact{visible(cut(x.Name, shortText)), []Cell{wordCell(x.Value)}})
	}
	if a.Judge != "" {
		f = append(f, Fact{"Looked after by", []Cell{wordCell(a.Judge).with(a.Why)}})
	}
	view.Side = []sheet{facts("facts", "What it is about", f)}
	p := Page{Title: cut(a.Headline, shortText), Section: "alerts", Crumbs: []Link{{Text: plain("Alerts"), Href: "/alerts"}}, Body: view}
	if a.State != api.AlertStateSettled && v.may(access.JudgeAlert) {
		p.Actions = append(p.Actions, Link{Text: plain("I look after it"), Href: alertPath(a.ID) + "/acknowledge", Tone: "primary"})
	}
	if a.State != api.AlertStateSettled && v.may(access.SnoozeAlert) {
		p.Actions = append(p.Actions, Link{Text: plain("Lay it aside"), Href: alertPath(a.ID) + "/snooze"})
	}
	return c.show(w, v, "sheet", p)
}

// paragraphs takes a text apart by its lines; empty ones go.
func paragraphs(text string) (list []string) {
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			list = append(list, l)
		}
	}
	return list
}

func toldTable(told []api.AlertTelling, now time.Time) Table {
	var rows []Row
	for _, t := range told {
		state := badgeCell("good", "Told")
		if t.Ended.IsZero() {
			state = badgeCell("info", "On its way").with(t.Problem)
		} else if t.Problem != "" {
			state = badgeCell("bad", "Not told").with(t.Problem)
		}
		rows = append(rows, Row{Cells: []Cell{wordCell(t.To), wordCell(t.Channel), state, whenCell(moment(t.Ended, now), "not yet")}})
	}
	return table("Who was told", columns("Who", "Channel", "State", "When"), rows, Empty{Title: "Nobody was told yet"})
}

func ofAlert(a api.Alert, title, button string, what ...string) Confirm {
	return Confirm{Title: title, Section: "alerts", Button: button, Cancel: alertPath(a.ID), What: lines(what...), Crumbs: []Link{{Text: plain("Alerts"), Href: "/alerts"}, {Text: words(a.Headline), Href: alertPath(a.ID)}}}
}

// acknowledgeAlert says that the visitor looks after it.
func (c *Console) acknowledgeAlert(w http.ResponseWriter, v *visit) error {
	d, err := v.api.Alert(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	q := ofAlert(d.Alert, "Do you look after it?", "I look after it", d.Alert.Headline, "It is not passed on to anybody else for now.")
	q.Fields = []Field{{Name: "note", Label: "Note", Kind: "area", Longest: 1000}}
	return c.act(w, v, q, func() (string, Notice, error) {
		_, err := v.api.AcknowledgeAlert(v.Context(), d.Alert.ID, v.given("note"))
		return alertPath(d.Alert.ID), good("You look after it."), err
	})
}

// snoozeAlert lays an alert aside until a day.
func (c *Console) snoozeAlert(w http.ResponseWriter, v *visit) error {
	d, err := v.api.Alert(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	q := ofAlert(d.Alert, "Lay it aside?", "Lay it aside", d.Alert.Headline, "Nobody is told of it again until that day.")
	q.Fields = []Field{{Name: "until", Label: "Until", Kind: "date", Required: true}, {Name: "reason", Label: "Why", Kind: "area", Required: true, Longest: 1000}}
	return c.act(w, v, q, func() (string, Notice, error) {
		until, err := day(v.given("until"))
		if err != nil {
			return "", Notice{}, err
		}
		_, err = v.api.SnoozeAlert(v.Context(), d.Alert.ID, until, v.given("reason"))
		return alertPath(d.Alert.ID), good("It is laid aside until " + until.Format(time.DateOnly) + "."), err
	})
}
