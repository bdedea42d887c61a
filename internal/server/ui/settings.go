package ui

import (
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
)

// settings shows what rekey is connected to and how it is doing.
func (c *Console) settings(w http.ResponseWriter, v *visit) error {
	return c.settled(w, v, nil)
}

// testAll runs the checks of the installation and shows them.
func (c *Console) testAll(w http.ResponseWriter, v *visit) error {
	checks, err := v.api.Doctor(v.Context())
	if err != nil {
		return err
	}
	return c.settled(w, v, checks)
}

func (c *Console) settled(w http.ResponseWriter, v *visit, checks []api.Check) error {
	s, err := v.api.Status(v.Context())
	if err != nil {
		return err
	}
	view := sheetsView{}
	if checks != nil {
		view.Answer = checkAnswer(checks)
		view.Sheets = append(view.Sheets, listed("checks", "What was tested", checksTable(checks)))
	}
	test := sheet{ID: "test", Title: "Test the connections", Lead: plain("rekey looks at its files, its clock, the way to the clouds, its own two identities and their rights, and each vault. It changes nothing. It takes a few seconds.")}
	test.Forms = []form{{Action: "/settings", Buttons: []button{{Text: "Test everything now", Tone: "primary"}}}}
	if v.may(access.RunDoctor) {
		view.Sheets = append(view.Sheets, test)
	}
	for _, t := range s.Tenants {
		view.Sheets = append(view.Sheets, listed("sources-"+anchor(t.ID), "Where the inventory of "+visible(cmpOr(t.Name, t.ID))+" comes from", statusSources(t, v.now)))
	}
	if v.may(access.ReadKeys) {
		k, err := v.api.Keys(v.Context())
		if err != nil {
			return err
		}
		view.Sheets = append(view.Sheets, keysSheet(v, k))
	}
	if len(s.Replicas) > 0 {
		view.Sheets = append(view.Sheets, listed("replicas", "Replicas", replicasTable(s, v.now)))
	}
	view.Sheets = append(view.Sheets, facts("facts", "This server", serverFacts(s, v.now)))
	if v.may(access.ReadReconcile) {
		r := sheet{ID: "reconcile", Title: "Journal and world", Lead: plain("They agree as far as anybody has said; rekey acts."), Links: []Link{{Text: plain("Compare them"), Href: "/settings/reconcile"}}}
		if s.Held != "" {
			r.Lead = words("rekey is held and changes nothing: " + s.Held)
		}
		view.Sheets = append(view.Sheets, r)
	}
	p := Page{Title: "Settings", Section: "settings", Lead: "What rekey is connected to, and how it is doing. It is set in the configuration file.", Body: view}
	if s.Held != "" {
		p.Notices = append(p.Notices, Notice{Tone: "bad", Title: words("rekey is held: " + s.Held), Action: Link{Text: plain("Compare journal and world"), Href: "/settings/reconcile"}})
	}
	return c.show(w, v, "sheet", p)
}

// anchor makes an id a part of an element's id.
func anchor(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(id))
}

func checkAnswer(checks []api.Check) *answer {
	failed, warned := 0, 0
	for _, c := range checks {
		switch c.State {
		case api.CheckStateFailed:
			failed++
		case api.CheckStateWarning:
			warned++
		}
	}
	a := &answer{State: Badge{"good", "Good"}, Sentence: plain("Everything that was tested works."), Detail: plain(count(len(checks), "test"))}
	if warned > 0 {
		a.State, a.Sentence = Badge{"warn", "Works"}, plain("It works; "+count(warned, "thing")+" should not stay so.")
	}
	if failed > 0 {
		a.State, a.Sentence = Badge{"bad", "Failed"}, plain(count(failed, "test")+" failed: see what to do below.")
	}
	return a
}

func checksTable(checks []api.Check) Table {
	var rows []Row
	for _, want := range []api.CheckState{api.CheckStateFailed, api.CheckStateWarning, api.CheckStateOk, api.CheckStateSkipped} {
		for _, k := range checks {
			if k.State != want {
				continue
			}
			row := Row{Cells: []Cell{wordCell(k.Name), checkCell(k.State), textCell(sentence(k.Detail)), cureCell(k.Cure)}}
			if t := row.Cells[1].Badge.Tone; t == "bad" || t == "warn" {
				row.Tone = t
			}
			rows = append(rows, row)
		}
	}
	return table("Checks, what failed first", columns("Tested", "Result", "What was seen", "What to do"), rows, Empty{Title: "There is nothing to test"})
}

func checkCell(s api.CheckState) Cell {
	switch s {
	case api.CheckStateOk:
		return badgeCell("good", "Works")
	case api.CheckStateWarning:
		return badgeCell("warn", "Works, but")
	case api.CheckStateFailed:
		return badgeCell("bad", "Failed")
	}
	return badgeCell("none", "Left out")
}

func statusSources(t api.TenantStatus, now time.Time) Table {
	var rows []Row
	for _, s := range t.Sources {
		state := badgeCell("good", "Fresh")
		if s.Problem != "" {
			state = badgeCell("bad", "Failed")
		} else if s.Stale {
			state = badgeCell("warn", "Stale")
		}
		rows = append(rows, Row{Cells: []Cell{wordCell(s.Name), state, whenCell(moment(s.LastSync, now), "never"), wordCell(s.Problem)}})
	}
	return table("Sources", columns("Source", "State", "Last read", "Problem"), rows, Empty{Title: "Nothing was read yet"})
}

func keysSheet(v *visit, k api.KeyStatus) sheet {
	var rows []Row
	for _, key := range k.Keys {
		state := badgeCell("none", "Earlier")
		if key.Current {
			state = badgeCell("good", "Current")
		}
		rows = append(rows, Row{Cells: []Cell{codeCell(key.ID), state, whenCell(when(key.Made, v.now), ""), textCell(plain(number(key.Values)))}})
	}
	s := listed("keys", "Keys that seal values", table("Sealing keys", []Column{{Title: "Key"}, {Title: "State"}, {Title: "Made"}, {Title: "Values", Number: true}}, rows, Empty{Title: "There is no key yet"}))
	s.Lead = plain("The master key comes from: " + string(k.Source) + ".")
	if k.Resealing > 0 {
		s.Lead = plain("The master key comes from: " + string(k.Source) + ". " + count(k.Resealing, "value") + " still to be sealed again.")
	}
	if v.may(access.RotateKeys) {
		s.Links = []Link{{Text: plain("Make a new key"), Href: "/settings/keys"}}
	}
	return s
}

func replicasTable(s api.Status, now time.Time) Table {
	var rows []Row
	for _, r := range s.Replicas {
		state := badgeCell("good", "Alive")
		if !r.Alive {
			state = badgeCell("warn", "Silent")
		}
		name := wordCell(r.Host)
		if r.Ours {
			name = name.with("the one that answers")
		}
		rows = append(rows, Row{Cells: []Cell{name, state, wordCell(r.Version), whenCell(moment(r.Started, now), ""), whenCell(moment(r.Seen, now), ""), codeCell(r.ID)}})
	}
	return table("Replicas", columns("Host", "State", "Version", "Started", "Last seen", "Id"), rows, Empty{})
}

func serverFacts(s api.Status, now time.Time) Facts {
	database := "SQLite, in the data folder"
	if len(s.Replicas) > 0 {
		database = "PostgreSQL, shared by all replicas"
	}
	return Facts{{"Version", []Cell{wordCell(s.Version)}}, {"Started", []Cell{whenCell(moment(s.Started, now), "")}}, {"Database", []Cell{textCell(plain(database))}}, {"Installation", []Cell{codeCell(s.Installation)}}}
}

// rotateKeys makes a new sealing key.
func (c *Console) rotateKeys(w http.ResponseWriter, v *visit) error {
	q := Confirm{Title: "Make a new sealing key?", Section: "settings", Button: "Make a new key", Cancel: "/settings", Crumbs: []Link{{Text: plain("Settings"), Href: "/settings"}}, What: lines("New values are sealed with it from now on, and the old ones are sealed again one after the other.", "Nothing stops meanwhile. Copies of the database that were made before need the earlier keys.")}
	return c.act(w, v, q, func() (string, Notice, error) {
		_, err := v.api.RotateKeys(v.Context())
		return "/settings", good("There is a new key. The values are being sealed again."), err
	})
}

// reconcile compares journal and world, and takes an administrator's word that they differ.
func (c *Console) reconcile(w http.ResponseWriter, v *visit) error {
	r, err := v.api.ShowReconcile(v.Context())
	if err != nil {
		return err
	}
	if v.Method == http.MethodPost {
		_, err := v.api.AcceptReconcile(v.Context(), v.field("hash"))
		if err == nil {
			return c.see(w, v, "/settings", good("Accepted. rekey acts again."))
		}
		if !coded(err, "changed", "not_held") {
			return err
		}
		return c.reconciling(w, v, r, http.StatusConflict, Notice{Tone: "bad", Title: words("Nothing was accepted. " + err.Error()), Detail: plain("What stands below is how it is now.")})
	}
	return c.reconciling(w, v, r, 0)
}

func (c *Console) reconciling(w http.ResponseWriter, v *visit, r api.ReconcileReport, status int, said ...Notice) error {
	view := sheetsView{Answer: &answer{State: Badge{"good", "Agree"}, Sentence: plain("Journal and world agree, and rekey acts."), Detail: plain(count(r.Looked, "application") + " were looked at; " + count(r.Agree, "open rotation") + " find the world as the journal has it.")}}
	switch {
	case r.Held != "":
		view.Answer.State, view.Answer.Sentence = Badge{"bad", "Held"}, words("rekey is held and changes nothing: "+r.Held)
	case len(r.Findings) > 0:
		view.Answer.State, view.Answer.Sentence = Badge{"warn", "Differ"}, plain("Journal and world differ in "+count(len(r.Findings), "place")+".")
	}
	var rows []Row
	for _, f := range r.Findings {
		name := wordCell(f.Application)
		if f.Rotation != "" {
			name = linkCell(f.Application, rotationPath(f.Rotation))
		}
		rows = append(rows, Row{Tone: "warn", Cells: []Cell{name.with(joined(f.Label, f.Credential)), wordCell(f.Journal), wordCell(f.World), wordCell(f.Text)}})
	}
	view.Sheets = []sheet{listed("differences", "Where they differ", table("Differences", columns("Application", "The journal says", "The world says", "Accepting does"), rows, Empty{Title: "They differ in nothing"}))}
	side := sheet{ID: "accept", Title: "Accept", Facts: Facts{{"Hash of this report", []Cell{codeCell(r.Hash)}}, {"Taken", []Cell{whenCell(moment(r.Taken, v.now), "")}}}}
	switch {
	case r.Held == "":
		side.Lead = plain("Nothing has to be accepted.")
	case v.may(access.AcceptReconcile):
		side.Lead = plain("You say that you have read it. What each line says is done, and rekey acts again.")
		side.Forms = []form{{Action: "/settings/reconcile", Fields: []Field{hiddenField("hash", r.Hash)}, Buttons: []button{{Text: "Accept this report", Tone: "danger"}}, Cancel: Link{Text: plain("Not now"), Href: "/"}}}
	default:
		side.Lead = plain("An administrator has to accept it.")
	}
	view.Side = []sheet{side}
	return c.show(w, v, "sheet", Page{Title: "Journal and world", Section: "settings", Crumbs: []Link{{Text: plain("Settings"), Href: "/settings"}}, Status: status, Notices: said, Body: view})
}
