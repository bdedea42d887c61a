package ui

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

// incidents lists them, the newest first.
func (c *Console) incidents(w http.ResponseWriter, v *visit) error {
	page, err := v.api.IncidentPage(v.Context(), api.ListIncidentsParams{After: v.query("after"), Limit: pageSize})
	if err != nil {
		return err
	}
	var rows []Row
	for _, i := range page.Value {
		row := Row{Cells: []Cell{
			linkCell(i.Reason, incidentPath(i.ID)), {Badge: new(incidentBadge(i))}, wordCell(planWord(string(i.Plan))), textCell(plain(doneOf(i.Counts))), wordCell(i.By.Name), whenCell(moment(i.Opened, v.now), ""),
		}}
		if i.State != api.IncidentStateClosed {
			row.Tone = "bad"
		}
		rows = append(rows, row)
	}
	list := listView{Pager: pager(v.Request, len(rows), "incident", client.Position(page.NextLink)), Table: table("Incidents, the newest first", columns("What happened", "State", "Plan", "Dealt with", "Opened by", "Opened"), rows,
		Empty{Title: "There was no incident", Detail: "When secrets have leaked, open one: it names everything that has to go, and says when all of it is gone."})}
	p := Page{Title: "Incidents", Section: "incidents", Lead: "Leaked secrets, dealt with as one list: N of N, each with its evidence.", Live: 10, Body: list}
	if v.may(access.OpenIncident) {
		p.Actions = []Link{{Text: plain("Open an incident"), Href: "/incidents/new", Tone: "danger"}}
	}
	return c.show(w, v, "list", p)
}

func incidentPath(id string) string { return "/incidents/" + escape(id) }

func doneOf(n api.IncidentCounts) string {
	return fmt.Sprintf("%s of %s", number(n.Done+n.Kept), number(n.Items))
}

func incidentBadge(i api.Incident) Badge {
	switch i.State {
	case api.IncidentStateOpening:
		return Badge{"info", "Being listed"}
	case api.IncidentStateWaiting:
		return Badge{"warn", "Waits for approval"}
	case api.IncidentStateRunning:
		return Badge{"bad", "Under way"}
	}
	return Badge{"none", "Closed"}
}

var itemStates = []api.ItemState{api.ItemStateWaiting, api.ItemStateFailed, api.ItemStateGoing, api.ItemStateDone, api.ItemStateKept}

func itemBadge(s api.ItemState) Badge {
	switch s {
	case api.ItemStateDone:
		return Badge{"good", "Done"}
	case api.ItemStateFailed:
		return Badge{"bad", "Could not be dealt with"}
	case api.ItemStateWaiting:
		return Badge{"warn", "Waits for a person"}
	case api.ItemStateGoing:
		return Badge{"info", "Under way"}
	}
	return Badge{"none", "Stays"}
}

// incident shows one with its items.
func (c *Console) incident(w http.ResponseWriter, v *visit) error {
	i, err := v.api.Incident(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	chosen := api.ItemState(v.query("state"))
	view := incidentView{Answer: incidentAnswer(i), Tiles: itemTiles(i), Table: itemsTable(i, chosen, v.now), Side: []sheet{facts("facts", "What it is", incidentFacts(i, v.now))}}
	if chosen != "" {
		view.All = Link{Text: plain("Show all items"), Href: incidentPath(i.ID)}
	}
	report := sheet{ID: "report", Title: "The report", Lead: plain("What became of everything that was named, with the evidence.")}
	for _, f := range []struct{ format, text string }{{"markdown", "For people"}, {"csv", "CSV"}, {"json", "JSON"}} {
		report.Links = append(report.Links, Link{Text: plain(f.text), Icon: "download", Href: at(incidentPath(i.ID)+"/report", "format", f.format)})
	}
	view.Side = append(view.Side, report)
	p := Page{Title: i.Reason, Section: "incidents", Crumbs: []Link{{Text: plain("Incidents"), Href: "/incidents"}}, Body: view}
	if i.State != api.IncidentStateClosed {
		p.Live = 5
	}
	open := i.Counts.Waiting + i.Counts.Going
	switch {
	case i.State == api.IncidentStateWaiting && v.may(access.ApproveIncident) && v.mine(i.By):
		p.Notices = append(p.Notices, Notice{Tone: "info", Title: plain("You opened it, so another administrator has to approve it.")})
	case i.State == api.IncidentStateWaiting && v.may(access.ApproveIncident):
		p.Actions = append(p.Actions, Link{Text: plain("Review and approve"), Href: incidentPath(i.ID) + "/approve", Tone: "danger"})
	case i.State == api.IncidentStateRunning && open == 0 && v.may(access.CloseIncident):
		p.Actions = append(p.Actions, Link{Text: plain("Close it"), Href: incidentPath(i.ID) + "/close", Tone: "primary"})
	}
	return c.show(w, v, "incident", p)
}

// incidentView is one incident.
type incidentView struct {
	Answer *answer
	Tiles  []Tile
	Table  Table
	All    Link
	Side   []sheet
}

func incidentAnswer(i api.Incident) *answer {
	a := &answer{State: incidentBadge(i), Sentence: plain(doneOf(i.Counts) + " dealt with.")}
	n := i.Counts
	if open := n.Items - n.Done - n.Kept - n.Failed; open == 0 && n.Failed == 0 {
		a.State.Tone, a.Sentence = "good", plain(fmt.Sprintf("All %s dealt with.", count(n.Items, "item")))
	} else if n.Failed > 0 {
		a.Sentence = plain(doneOf(n) + " dealt with; " + number(n.Failed) + " cannot be: see what to do beside each.")
	}
	a.Detail = plain(fmt.Sprintf("%s: consumers can read the new value of %s; the old value of %s is withdrawn.", a.State.Text, number(n.Live), number(n.Withdrawn)))
	return a
}

func itemTiles(i api.Incident) (list []Tile) {
	counts := map[api.ItemState]int{api.ItemStateDone: i.Counts.Done, api.ItemStateFailed: i.Counts.Failed, api.ItemStateGoing: i.Counts.Going, api.ItemStateKept: i.Counts.Kept, api.ItemStateWaiting: i.Counts.Waiting}
	for _, s := range itemStates {
		b := itemBadge(s)
		if counts[s] == 0 {
			b.Tone = "none"
		}
		list = append(list, Tile{Number: number(counts[s]), Label: b.Text, Href: at(incidentPath(i.ID), "state", string(s)), Tone: b.Tone})
	}
	return list
}

func itemsTable(i api.Incident, only api.ItemState, now time.Time) Table {
	var rows []Row
	for _, x := range i.Items {
		if only != "" && x.State != only {
			continue
		}
		b := itemBadge(x.State)
		name := wordCell(x.Named).with(joined(x.Application, x.Label))
		if x.Rotation != "" {
			name = linkCell(x.Named, rotationPath(x.Rotation)).with(joined(x.Application, x.Label))
		}
		evidence := joined(x.Evidence, x.Cure)
		if x.RefusedWith != "" {
			evidence = joined(evidence, "refused with "+x.RefusedWith)
		}
		row := Row{Cells: []Cell{name, {Badge: &b}, wordCell(x.What), textCell(words(evidence)), codeCell(x.KeyID), whenCell(moment(x.TokensUntil, now), "")}}
		if b.Tone == "bad" || b.Tone == "warn" {
			row.Tone = b.Tone
		}
		rows = append(rows, row)
	}
	return table("Items of the incident", columns("Named", "State", "What becomes of it", "Evidence or cure", "Key id", "Tokens live until"), rows, Empty{Title: "No item is like that", Action: Link{Text: plain("Show all items"), Href: incidentPath(i.ID)}})
}

func incidentFacts(i api.Incident, now time.Time) Facts {
	f := Facts{
		{"Plan", []Cell{wordCell(planWord(string(i.Plan)))}}, {"Others who can act", []Cell{textCell(plain(othersWord(i.Others)))}}, {"Opened by", []Cell{wordCell(i.By.Name)}}, {"Opened", []Cell{whenCell(moment(i.Opened, now), "")}},
	}
	if i.BreakGlass != "" {
		f = append(f, Fact{"The glass was broken", []Cell{wordCell(i.BreakGlass)}})
	}
	if i.Consent != nil {
		f = append(f, Fact{"Approved by", []Cell{wordCell(i.Consent.By.Name)}})
	}
	if i.ClosedBy != nil {
		f = append(f, Fact{"Closed by", []Cell{wordCell(i.ClosedBy.Name).with(i.Remark)}}, Fact{"Closed", []Cell{whenCell(moment(i.Closed, now), "")}})
	}
	if i.Hash != "" {
		f = append(f, Fact{"Hash of the list", []Cell{codeCell(i.Hash)}})
	}
	return append(f, Fact{"Id", []Cell{codeCell(i.ID)}})
}

func othersWord(o api.IncidentOthers) string {
	switch o {
	case api.IncidentOthersRemove:
		return "Other credentials go, owners stay"
	case api.IncidentOthersRemoveOwners:
		return "Other credentials and owners go"
	}
	return "They stay"
}

// approveIncident consents to the whole list.
func (c *Console) approveIncident(w http.ResponseWriter, v *visit) error {
	i, err := v.api.Incident(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	q := ofIncident(i, "Approve the whole list?", "Approve all of it", true, planWord(string(i.Plan))+" of "+count(i.Counts.Items-i.Counts.Failed, "credential")+", at once.", "Whoever opened it says: "+i.Reason, "Others who can act as the applications: "+othersWord(i.Others)+".")
	q.Facts = append(q.Facts, Fact{"Hash of the list", []Cell{codeCell(i.Hash)}})
	q.Fields = []Field{hiddenField("hash", i.Hash)}
	return c.act(w, v, q, func() (string, Notice, error) {
		_, err := v.api.ApproveIncident(v.Context(), i.ID, v.field("hash"))
		return incidentPath(i.ID), good("You approved the list. It has begun."), err
	})
}

func ofIncident(i api.Incident, title, button string, danger bool, what ...string) Confirm {
	return Confirm{
		Title: title, Section: "incidents", Button: button, Danger: danger, What: lines(what...), Cancel: incidentPath(i.ID),
		Crumbs: []Link{{Text: plain("Incidents"), Href: "/incidents"}, {Text: words(i.Reason), Href: incidentPath(i.ID)}},
		Facts:  Facts{{"Dealt with", []Cell{textCell(plain(doneOf(i.Counts)))}}, {"Opened by", []Cell{wordCell(i.By.Name)}}},
	}
}

// closeIncident closes one of which everything has ended.
func (c *Console) closeIncident(w http.ResponseWriter, v *visit) error {
	i, err := v.api.Incident(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	q := ofIncident(i, "Close this incident?", "Close it", false, doneOf(i.Counts)+" are dealt with.", "The report stays as it is then.")
	q.Fields = []Field{{Name: "reason", Label: "Remark", Kind: "area", Longest: 1000}}
	return c.act(w, v, q, func() (string, Notice, error) {
		_, err := v.api.CloseIncident(v.Context(), i.ID, v.field("reason"))
		return incidentPath(i.ID), good("It is closed."), err
	})
}

// incidentReport hands the report on.
func (c *Console) incidentReport(w http.ResponseWriter, v *visit) error {
	format := api.ReportFormat(v.query("format"))
	kind := map[api.ReportFormat][2]string{api.ReportFormatMarkdown: {"text/markdown; charset=utf-8", "md"}, api.ReportFormatCsv: {"text/csv; charset=utf-8", "csv"}, api.ReportFormatJSON: {"application/json", "json"}}[format]
	if kind[0] == "" {
		return errNoPage
	}
	out := &file{w: w, control: http.NewResponseController(w), kind: kind[0], name: "rekey-incident-" + v.now.UTC().Format(time.DateOnly) + "." + kind[1]}
	return handed(out, v.api.IncidentReport(v.Context(), v.PathValue("id"), format, out))
}

// handed breaks an answer off that cannot be finished: half a file must not pass for a
// whole one.
func handed(out *file, err error) error {
	if err != nil && out.begun {
		panic(http.ErrAbortHandler)
	}
	return err
}

// newIncident shows the form, then what it would do, and only then opens it.
func (c *Console) newIncident(w http.ResponseWriter, v *visit) error {
	fields := incidentFields(v.given)
	view := proposeView{Form: form{Action: "/incidents/new", Fields: fields, Buttons: []button{{Text: "Look at the list", Name: "do", Value: "look", Tone: "primary"}}, Cancel: Link{Text: plain("Leave it"), Href: "/incidents"}}}
	page := func(status int, said ...Notice) error {
		return c.show(w, v, "propose", Page{Title: "Open an incident", Section: "incidents", Lead: "You see what it would do first. Nothing happens before somebody else has approved the list.", Crumbs: []Link{{Text: plain("Incidents"), Href: "/incidents"}}, Status: status, Notices: said, Body: view})
	}
	if v.Method != http.MethodPost {
		return page(0)
	}
	if !entered(v, fields) {
		return page(http.StatusUnprocessableEntity, Notice{Tone: "bad", Title: plain("Nothing was done yet: something is missing.")})
	}
	q := incidentRequest(v.given)
	i, err := v.api.PlanIncident(v.Context(), q)
	if e, ok := errors.AsType[*client.Error](err); ok && correctable(e) {
		return page(e.Status, beside(e, fields)...)
	}
	if err != nil {
		return err
	}
	if v.field("do") == "send" && v.field("seen") == itemsPrint(i) {
		made, err := v.api.OpenIncident(v.Context(), q, v.field("key"))
		if e, ok := errors.AsType[*client.Error](err); ok && correctable(e) {
			return page(e.Status, beside(e, fields)...)
		}
		if err != nil {
			return err
		}
		return c.see(w, v, incidentPath(made.ID), good("The incident is open."))
	}
	var said []Notice
	if v.field("do") == "send" {
		said = append(said, warn("The list is no longer the one you looked at. Nothing was sent.", "Look at it again below."))
	}
	view.listDraft(v, i)
	return page(0, said...)
}

// listDraft shows what an incident would do.
func (p *proposeView) listDraft(v *visit, i api.Incident) {
	t := itemsTable(i, "", v.now)
	s := sheet{ID: "draft", Title: count(i.Counts.Items, "item") + ", of which " + number(i.Counts.Failed) + " cannot be dealt with", Table: &t}
	key := v.field("key")
	if key == "" {
		key = rand.Text()
	}
	send := form{Action: "/incidents/new", Fields: []Field{hiddenField("seen", itemsPrint(i)), hiddenField("key", key)}, Buttons: []button{{Text: "Open the incident", Name: "do", Value: "send", Tone: "danger"}}}
	for _, f := range p.Form.Fields {
		send.Fields = append(send.Fields, hiddenField(f.Name, v.given(f.Name)))
	}
	s.Forms = []form{send}
	p.Draft = &s
}

// itemsPrint is the same for two lists that name the same and do the same.
func itemsPrint(i api.Incident) string {
	h := sha256.New()
	for _, x := range i.Items {
		fmt.Fprintf(h, "%q %q %q %q %q %q %q\n", x.Named, x.ObjectID, x.KeyID, x.State, x.What, x.Kept, x.Removed)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func incidentRequest(get func(string) string) api.IncidentRequest {
	q := api.IncidentRequest{Reason: get("reason"), Plan: api.IncidentPlan(get("plan")), Name: get("name"), Kind: api.IncidentKind(get("kind")), Others: api.IncidentOthers(get("others")), BreakGlass: get("breakGlass")}
	for l := range strings.Lines(get("applications")) {
		if l = strings.TrimSpace(l); l != "" {
			q.Applications = append(q.Applications, l)
		}
	}
	return q
}

func incidentFields(get func(string) string) []Field {
	choice := func(name, label, hint string, list ...Option) Field {
		for i := range list {
			list[i].Chosen = list[i].Value == get(name)
		}
		return Field{Name: name, Label: label, Kind: "select", Hint: hint, Options: list}
	}
	return []Field{
		{Name: "reason", Label: "What happened", Kind: "area", Value: get("reason"), Required: true, Longest: 1000},
		{Name: "applications", Label: "What has leaked", Kind: "area", Value: get("applications"), Hint: "Names or ids of applications, or key ids, one on each line. What is not found stays on the list."},
		{Name: "name", Label: "And every application with this in its name", Kind: "text", Value: get("name"), Longest: 256},
		choice("plan", "Plan", "", Option{Value: "emergency", Text: "Emergency: a new value, then the old one goes"}, Option{Value: "revoke", Text: "Revoke: end it now, whoever uses it stops"}),
		choice("kind", "Which credentials", "", Option{Value: "all", Text: "All of them"}, Option{Value: "secret", Text: "Client secrets"}, Option{Value: "certificate", Text: "Certificates"}, Option{Value: "key", Text: "Access keys"}),
		choice("others", "Others who can act as the applications", "Whoever has had the secret may have added a way in.", Option{Value: "keep", Text: "They stay"}, Option{Value: "remove", Text: "Other credentials go, owners stay"}, Option{Value: "remove-owners", Text: "Owners go as well"}),
		{Name: "breakGlass", Label: "Break the glass", Kind: "area", Value: get("breakGlass"), Longest: 1000, Hint: "Only if nobody else can approve in time: why you alone decide. It begins at once, and everybody is told."},
	}
}
