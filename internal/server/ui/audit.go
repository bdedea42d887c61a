package ui

import (
	"net/http"
	"strconv"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
)

// auditLog lists who did what, the newest first.
func (c *Console) auditLog(w http.ResponseWriter, v *visit) error {
	q := api.ListAuditEventsParams{Subject: v.query("subject"), Action: v.query("action"), Actor: v.query("actor"), After: v.query("after"), Limit: 40}
	var err error
	if q.Since, err = day(v.query("since")); err != nil {
		return err
	}
	page, err := v.api.AuditPage(v.Context(), q)
	if err != nil {
		return err
	}
	var rows []Row
	for _, e := range page.Value {
		rows = append(rows, eventRow(e, v.now))
	}
	empty := Empty{Title: "Nothing is recorded yet"}
	if filtered(v.URL.Query()) {
		empty = Empty{Title: "No event is like that", Detail: "Ids have to be whole; an action that ends with a dot means all that begin so.", Action: Link{Text: plain("Show all"), Href: "/audit"}}
	}
	list := listView{Filter: auditFilter(v), Pager: pager(v.Request, len(rows), "event", client.Position(page.NextLink)), Table: table("Events, the newest first", columns("What", "Who", "About", "Outcome", "When"), rows, empty)}
	return c.show(w, v, "list", Page{Title: "Audit", Section: "audit", Lead: "Who did what, in a log that cannot be changed unnoticed.", Body: list,
		Actions: []Link{{Text: plain("Verify"), Href: "/audit/verify", Tone: "primary"}, {Text: plain("Checkpoint"), Href: "/audit/checkpoint"}, {Text: plain("Export"), Href: "/audit/export", Icon: "download"}}})
}

func auditFilter(v *visit) Filter {
	return filterOf("/audit", v.URL.Query(), []Field{
		{Name: "subject", Label: "About (id)", Kind: "search", Longest: 200, Hint: "Of a rotation, a credential, an application"},
		{Name: "actor", Label: "Who (id)", Kind: "text", Longest: 200},
		{Name: "action", Label: "Action", Kind: "text", Longest: 100, Placeholder: "rotation.approve", Hint: "rotation. means all of them"},
		{Name: "since", Label: "Since", Kind: "date"},
	}, map[string]func(string) string{"subject": named("About"), "actor": named("Who"), "action": named("Action"), "since": named("Since")})
}

func eventRow(e api.AuditEvent, now time.Time) Row {
	row := Row{Cells: []Cell{
		linkCell(e.Action, eventPath(e.Seq)).with(cut(brief(e.Detail), shortText)), linkCell(cut(cmpOr(e.Name, e.Actor), shortText), at("/audit", "actor", e.Actor)).with(string(e.Role)),
		linkCell(cut(cmpOr(e.Title, e.Subject), shortText), at("/audit", "subject", e.Subject)), badgeCell(outcomeTone(e.Outcome), outcomeWord(e.Outcome)), whenCell(moment(e.Time, now), ""),
	}}
	if e.Subject == "" {
		row.Cells[2] = wordCell(e.Title)
	}
	if e.Outcome == api.AuditOutcomeFailed {
		row.Tone = "bad"
	}
	return row
}

// brief are the fields of an event that tell something beside what it is about.
func brief(d map[string]string) string {
	rest := map[string]string{}
	for k, v := range d {
		if k != "application" && k != "hash" {
			rest[k] = v
		}
	}
	return details(rest)
}

func outcomeWord(o api.AuditOutcome) string {
	switch o {
	case api.AuditOutcomeDone:
		return "Done"
	case api.AuditOutcomeFailed:
		return "Failed"
	case api.AuditOutcomeRefused:
		return "Refused"
	}
	return "Seen"
}

// event shows one event with all of its fields.
func (c *Console) event(w http.ResponseWriter, v *visit) error {
	seq, err := strconv.ParseInt(v.PathValue("seq"), 10, 64)
	if err != nil || seq < 1 {
		return errNoPage
	}
	e, err := v.api.AuditEvent(v.Context(), seq)
	if err != nil {
		return err
	}
	view := sheetsView{Answer: &answer{State: Badge{outcomeTone(e.Outcome), outcomeWord(e.Outcome)}, Sentence: words(cmpOr(e.Name, e.Actor) + ": " + e.Action), Detail: words(e.Title)}}
	view.Sheets = []sheet{facts("facts", "The event", Facts{
		{"When", []Cell{whenCell(moment(e.Time, v.now), "")}}, {"Who", []Cell{linkCell(cmpOr(e.Name, e.Actor), at("/audit", "actor", e.Actor)).with(e.Actor)}}, {"Role", []Cell{wordCell(string(e.Role))}},
		{"Action", []Cell{linkCell(e.Action, at("/audit", "action", e.Action))}}, {"About", []Cell{linkCell(e.Subject, at("/audit", "subject", e.Subject)).with(e.Title)}}, {"Outcome", []Cell{badgeCell(outcomeTone(e.Outcome), outcomeWord(e.Outcome))}},
		{"Number", []Cell{textCell(plain(strconv.FormatInt(e.Seq, 10)))}},
	})}
	if e.Subject == "" {
		view.Sheets[0].Facts[4].Cells = []Cell{wordCell(e.Title)}
	}
	var rows []Row
	for _, k := range sorted(e.Detail) {
		rows = append(rows, Row{Cells: []Cell{wordCell(k), wordCell(e.Detail[k])}})
	}
	view.Sheets = append(view.Sheets, listed("detail", "What is known of it", table("Fields", columns("Field", "Value"), rows, Empty{Title: "It has no further fields"})))
	return c.show(w, v, "sheet", Page{Title: "Event " + strconv.FormatInt(e.Seq, 10), Section: "audit", Crumbs: []Link{{Text: plain("Audit"), Href: "/audit"}}, Body: view})
}

// verifyAudit computes the log anew and compares it with all that saw it before.
func (c *Console) verifyAudit(w http.ResponseWriter, v *visit) error {
	q := form{Action: "/audit/verify", Fields: []Field{{Name: "checkpoint", Label: "A checkpoint from elsewhere", Kind: "area", Value: v.field("checkpoint"), Hint: "If you kept one in a mail or a ticket, paste it: the log has to be a continuation of it."}}, Buttons: []button{{Text: "Verify the log", Tone: "primary"}}}
	view := sheetsView{Sheets: []sheet{{ID: "ask", Title: "Verify", Lead: plain("Every event is hashed again and compared with the signed checkpoints that were kept."), Forms: []form{q}}}}
	p := Page{Title: "Verify the audit log", Section: "audit", Crumbs: []Link{{Text: plain("Audit"), Href: "/audit"}}}
	if v.Method == http.MethodPost {
		found, err := v.api.VerifyAudit(v.Context(), v.field("checkpoint"))
		if coded(err, "invalid_request") {
			view.Sheets[0].Forms[0].Fields[0].Problem = "is not a checkpoint that this log has signed"
			p.Status = http.StatusUnprocessableEntity
		} else if err != nil {
			return err
		} else {
			view.Answer = &answer{State: Badge{"good", "Whole"}, Sentence: plain("The log is whole: " + count(int(found.Events), "event") + ", nothing altered, left out or added."), Detail: plain("Checked " + v.now.UTC().Format("2006-01-02 15:04 UTC") + ".")}
			if !found.Ok {
				view.Answer = &answer{State: Badge{"bad", "Tampered with"}, Sentence: plain("The log does not hold."), Detail: words(found.Problem + ". Keep the data folder as it is and find out who wrote to it.")}
			}
			if found.Checkpoint != "" {
				view.Sheets = append(view.Sheets, sheet{ID: "checkpoint", Title: "The checkpoint now", Raw: block(found.Checkpoint), Lead: plain("Keep it outside: whoever shortens the log later is found out by it.")})
			}
		}
	}
	p.Body = view
	return c.show(w, v, "sheet", p)
}

// checkpoint shows the signed head of the log.
func (c *Console) checkpoint(w http.ResponseWriter, v *visit) error {
	k, err := v.api.Checkpoint(v.Context())
	if err != nil {
		return err
	}
	view := sheetsView{Sheets: []sheet{
		{ID: "checkpoint", Title: "The signed head of " + count(int(k.Events), "event"), Lead: plain("Keep it outside of rekey: in a mail, a ticket, a write-once store."), Raw: block(k.Checkpoint)},
		{ID: "key", Title: "The key to verify it with", Lead: plain("rekey audit verify-export takes it, without this server."), Raw: block(k.VerifierKey)},
	}}
	return c.show(w, v, "sheet", Page{Title: "Checkpoint", Section: "audit", Crumbs: []Link{{Text: plain("Audit"), Href: "/audit"}}, Body: view})
}

// exportAudit hands the log with its proofs on.
func (c *Console) exportAudit(w http.ResponseWriter, v *visit) error {
	out := &file{w: w, control: http.NewResponseController(w), kind: "application/x-ndjson", name: "rekey-audit-" + v.now.UTC().Format(time.DateOnly) + ".ndjson"}
	return handed(out, v.api.ExportAudit(v.Context(), out))
}
