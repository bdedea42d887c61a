package ui

import (
	"net/http"
	"slices"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
)

// approvals lists what waits for the visitor, and what waits for somebody else.
func (c *Console) approvals(w http.ResponseWriter, v *visit) error {
	var yours, theirs []Row
	for r, err := range v.api.Rotations(v.Context(), api.ListRotationsParams{Stage: api.RotationStageApproval, Limit: 200}) {
		if err != nil {
			return err
		}
		if v.mine(r.By) {
			theirs = append(theirs, waitingRow(r, v.now))
		} else {
			yours = append(yours, waitingRow(r, v.now))
		}
	}
	for i, err := range v.api.Incidents(v.Context(), api.ListIncidentsParams{Limit: 100}) {
		if err != nil {
			return err
		}
		if i.State != api.IncidentStateWaiting {
			continue
		}
		row := Row{Tone: "bad", Cells: []Cell{linkCell(i.Reason, incidentPath(i.ID)).with(count(i.Counts.Items, "item")), badgeCell("bad", "Incident"), wordCell(planWord(string(i.Plan))), wordCell(i.By.Name), whenCell(moment(i.Opened, v.now), ""), wordCell("")}}
		if v.mine(i.By) {
			theirs = append(theirs, row)
		} else {
			yours = append(yours, row)
		}
	}
	view := sheetsView{Answer: &answer{State: Badge{"good", "Nothing"}, Sentence: plain("Nothing waits for you."), Detail: plain("Proposals of others appear here. Your own are decided by somebody else.")}}
	if n := len(yours); n > 0 {
		view.Answer = &answer{State: Badge{"warn", "Waits"}, Sentence: plain(count(n, "proposal") + plural(n, " waits", " wait") + " for your decision."), Detail: plain("Open one to see what it does, whom it touches, and to decide.")}
	}
	heads := columns("What", "Kind", "Plan", "Asked by", "Asked", "Ends")
	view.Sheets = []sheet{listed("yours", "For you to decide", table("Proposals for you to decide", heads, yours, Empty{Title: "Nothing waits for you"}))}
	if len(theirs) > 0 {
		s := listed("theirs", "Yours, for somebody else to decide", table("Your proposals", heads, theirs, Empty{}))
		s.Lead = plain("Who proposes does not approve: another administrator has to.")
		view.Sheets = append(view.Sheets, s)
	}
	return c.show(w, v, "sheet", Page{Title: "Approvals", Section: "approvals", Live: 10, Body: view})
}

func waitingRow(r api.Rotation, now time.Time) Row {
	row := Row{Cells: []Cell{
		linkCell(r.Terms.Application.Name, approvalPath(r.ID)).with(r.Reason), wordCell(kindWord(r.Terms.Old.Kind)), wordCell(planWord(r.Terms.Plan)),
		wordCell(r.By.Name), whenCell(moment(r.Asked, now), ""), whenCell(moment(r.Terms.Expires, now), ""),
	}}
	if r.Terms.Expires.Sub(now) < 12*time.Hour {
		row.Tone = "warn"
	}
	return row
}

// approval is one proposal as an access review, and the decision on it.
func (c *Console) approval(w http.ResponseWriter, v *visit) error {
	now, err := v.api.RotationNow(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	if v.Method != http.MethodPost {
		return c.reviewing(w, v, now, 0)
	}
	r, err := v.api.ApproveSeen(v.Context(), now.Rotation.ID, v.field("version"), v.field("hash"))
	if err == nil {
		return c.see(w, v, rotationPath(r.ID), good("You approved it. It has begun."))
	}
	if coded(err, "changed", "conflict", "overtaken") {
		return c.changedMeanwhile(w, v, now.Rotation.ID)
	}
	return err
}

// changedMeanwhile shows the proposal as it is now, and in what it differs from what
// was decided on.
func (c *Console) changedMeanwhile(w http.ResponseWriter, v *visit, id string) error {
	now, err := v.api.RotationNow(v.Context(), id)
	if err != nil {
		return err
	}
	return c.reviewing(w, v, now, http.StatusConflict, Notice{Tone: "bad", Title: plain("Your decision was not taken: this is no longer what you looked at."), Detail: words("When you looked, it waited for approval with the hash " + short(v.field("hash")) + ". Now: " + stateSentence(now.Rotation))})
}

func short(hash string) string { return cut(visible(hash), 13) }

// stateSentence is where a rotation stands, in a sentence.
func stateSentence(r api.Rotation) string {
	hash := " Its hash is " + short(r.Hash) + "."
	switch {
	case r.State == api.RotationStateOpen && r.Consent != nil:
		return r.Consent.By.Name + " has approved it." + hash
	case r.State == api.RotationStateOpen:
		return "it waits for approval." + hash
	}
	return joined(endWord(r.State), r.Problem) + "." + hash
}

// reviewing shows the access review.
func (c *Console) reviewing(w http.ResponseWriter, v *visit, now api.RotationChange, status int, said ...Notice) error {
	r := now.Rotation
	d, err := v.api.Application(v.Context(), r.Terms.Application.ObjectID)
	if err != nil && !coded(err, "not_found") {
		return err
	}
	view := sheetsView{Answer: reviewAnswer(v, r)}
	view.Sheets = []sheet{
		{ID: "plan", Title: "What happens if you approve", Lines: planLines(r.Terms, v.now)},
		listed("breaks", "Who uses it, and stops if this goes wrong", usesTable(r.Terms.Consumers)),
	}
	if rows := drifted(r, d, v.now); len(rows) > 0 {
		s := listed("drift", "What has changed since it was proposed", table("Changes", columns("What", "In the plan", "Now"), rows, Empty{}))
		s.Lead = plain("The approval binds the plan. If the tenant differs from it when the work begins, rekey stops and says so.")
		view.Sheets = append(view.Sheets, s)
	}
	view.Sheets = append(view.Sheets, listed("others", "Other credentials of the application", othersOf(r, d, v.now)), listed("findings", "What is wrong with the application", findingsTable(d.Findings)))
	granted, err := grantedTo(v, r)
	if err != nil {
		return err
	}
	view.Sheets = slices.Insert(view.Sheets, 2, granted...)
	view.Side = []sheet{decision(v, now), facts("facts", "What is renewed", reviewFacts(r, d, v.now))}
	p := Page{
		Title: "Approve: " + r.Terms.Application.Name, Section: "approvals", Lead: planWord(r.Terms.Plan) + ", asked for by " + visible(r.By.Name) + " " + relative(r.Asked, v.now), Status: status, Notices: said,
		Actions: []Link{{Text: plain("The rotation"), Href: rotationPath(r.ID)}}, Body: view, Crumbs: []Link{{Text: plain("Rotations"), Href: "/rotations"}},
	}
	if v.may(access.ApproveRotation) {
		p.Crumbs = []Link{{Text: plain("Approvals"), Href: "/approvals"}}
	}
	return c.show(w, v, "sheet", p)
}

// grantedTo is what the application may do, and what the clouds have recorded of it
// last, where those records are read.
func grantedTo(v *visit, r api.Rotation) ([]sheet, error) {
	if !v.may(access.ReadTrail) {
		return nil, nil
	}
	t, err := v.api.TimelinePage(v.Context(), api.ListTimelineParams{Application: r.Terms.Application.ObjectID, Limit: 10, Uses: true})
	if coded(err, "not_found", "not_possible", "ambiguous") {
		return nil, nil // no records of it
	}
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, p := range t.Impact.Permissions {
		rows = append(rows, Row{Cells: []Cell{wordCell(p)}})
	}
	empty := Empty{Title: "No permissions are granted to it"}
	if t.Impact.Problem != "" {
		empty = Empty{Title: "Its permissions are not known", Detail: visible(t.Impact.Problem)}
	}
	list := []sheet{listed("granted", "What the application may do", table("Permissions", columns("Permission"), rows, empty))}
	var seen []happening
	for _, e := range t.Value {
		seen = append(seen, happening{At: moment(e.Time, v.now), Tone: "info", What: words(e.What), Detail: words(e.Who)})
	}
	if len(seen) > 0 {
		list = append(list, sheet{ID: "records", Title: "What was recorded of it last", Trail: seen, More: Link{Text: plain("All records"), Href: at("/audit/timeline", "application", r.Terms.Application.ObjectID)}})
	}
	return list, nil
}

func usesTable(list []api.Use) Table {
	var rows []Row
	for _, u := range list {
		rows = append(rows, Row{Cells: []Cell{linkCell(u.Consumer, consumerPath(u.Consumer)), wordCell(u.Reference)}})
	}
	return table("Consumers", columns("Consumer", "How it gets the value"), rows, Empty{Title: "Nobody is known to use it", Detail: "That is not the same as unused."})
}

func reviewAnswer(v *visit, r api.Rotation) *answer {
	a := &answer{State: Badge{"warn", "Waits"}, Sentence: words(r.By.Name + " asks to " + planVerb(r.Terms.Plan) + " the " + kindNoun(r.Terms.Old.Kind) + " of " + r.Terms.Application.Name + "."), Detail: words(r.Reason).or("No reason was given.")}
	if !decidable(r, v.now) {
		a.State = Badge{"info", "Decided"}
		a.Detail = words("There is nothing to decide any more. " + stateSentence(r))
	}
	return a
}

func planVerb(plan string) string {
	switch plan {
	case "revoke":
		return "revoke"
	case "next":
		return "add the next value beside"
	}
	return "renew"
}

func decidable(r api.Rotation, now time.Time) bool {
	return r.State == api.RotationStateOpen && r.Stage == api.RotationStageApproval && r.Terms.Expires.After(now)
}

// decision is the form to approve with, or why there is none.
func decision(v *visit, now api.RotationChange) sheet {
	r := now.Rotation
	s := sheet{ID: "decide", Title: "Decide"}
	switch {
	case !decidable(r, v.now):
		s.Lead = words(stateSentence(r))
	case !v.may(access.ApproveRotation):
		s.Lead = plain("Administrators decide. You can read it.")
	case v.mine(r.By):
		s.Lead = plain("You proposed it, and who proposes does not approve: another administrator has to. You can cancel it.")
		s.Links = []Link{{Text: plain("Cancel it"), Href: rotationPath(r.ID) + "/cancel"}}
	default:
		s.Lead = plain("You approve exactly this plan, by its hash. It is used once, and ends with the proposal.")
		s.Forms = []form{{Action: approvalPath(r.ID), Fields: []Field{hiddenField("hash", r.Hash), hiddenField("version", now.Version)}, Buttons: []button{{Text: "Approve this plan", Tone: "primary"}}, Cancel: Link{Text: plain("Refuse it"), Href: at(approvalPath(r.ID)+"/refuse", "version", now.Version)}}}
	}
	s.Facts = Facts{{"Hash of the plan", []Cell{codeCell(r.Hash)}}, {"To be decided until", []Cell{whenCell(moment(r.Terms.Expires, v.now), "")}}}
	return s
}

func reviewFacts(r api.Rotation, d api.ApplicationDetail, now time.Time) Facts {
	var owners []Cell
	for _, o := range d.Application.Owners {
		owners = append(owners, wordCell(ownerName(o)).with(o.Mail))
	}
	if len(owners) == 0 {
		owners = []Cell{badgeCell("warn", "Nobody")}
	}
	last := r.Terms.Old.LastUsed
	for _, cr := range d.Credentials {
		if cr.KeyID == r.Terms.Old.KeyID && cr.LastUsed.After(last) {
			last = cr.LastUsed
		}
	}
	f := Facts{
		{"Application", []Cell{linkCell(r.Terms.Application.Name, applicationPath(r.Terms.Application.ObjectID))}}, {"Owner", owners},
		{"Credential", []Cell{linkCell(oldName(r), "/credentials/"+escape(r.Terms.Old.KeyID)).with(kindWord(r.Terms.Old.Kind))}},
		{"Ends", []Cell{whenCell(when(r.Terms.Old.Expires, now), "not known")}}, {"Last use", []Cell{whenCell(when(last, now), "none recorded, which is not unused")}},
		{"Asked by", []Cell{wordCell(r.By.Name)}}, {"Why", []Cell{textCell(words(r.Reason).or("no reason was given"))}},
		{"New value goes to", []Cell{textCell(words(placeName(r.Terms.Place)).or("nowhere"))}}, {"Who may sign in", []Cell{textCell(words(d.Application.Audience).or("not known"))}},
	}
	if d.Application.Notes != "" {
		f = append(f, Fact{"Notes", []Cell{wordCell(d.Application.Notes)}})
	}
	return f
}

func placeName(p api.Place) string {
	if p.Name == "" {
		return ""
	}
	return vaultName(p.Vault) + "/" + p.Name
}

func othersOf(r api.Rotation, d api.ApplicationDetail, now time.Time) Table {
	var rows []Row
	for _, cr := range d.Credentials {
		if cr.KeyID != r.Terms.Old.KeyID && cr.Gone.IsZero() {
			row := credentialRow(cr, now)
			to := link(credentialName(cr), credentialPath(cr))
			row.Cells[1] = Cell{Link: &to}.with(kindWord(cr.Kind))
			row.Cells = row.Cells[1:]
			rows = append(rows, row)
		}
	}
	return table("Other credentials", columnsOfCredentials[1:], rows, Empty{Title: "It has no others"})
}

// drifted compares the plan with what the inventory has now.
func drifted(r api.Rotation, d api.ApplicationDetail, now time.Time) (rows []Row) {
	add := func(what, then, now string) {
		rows = append(rows, Row{Tone: "warn", Cells: []Cell{wordCell(what), wordCell(then), wordCell(now)}})
	}
	kept, used := map[string]bool{}, map[string]bool{}
	for _, k := range r.Terms.Kept {
		kept[k] = true
	}
	for _, o := range r.Terms.Others {
		kept[o.ID] = true
	}
	for _, u := range r.Terms.Consumers {
		used[u.Consumer] = true
	}
	there := false
	for _, cr := range d.Credentials {
		switch {
		case !cr.Gone.IsZero():
		case cr.KeyID == r.Terms.Old.KeyID:
			there = true
			for _, u := range cr.Consumers {
				if !used[u.Consumer] {
					add("Consumer", "not in it", u.Consumer)
				}
			}
		case renewable(cr.Kind) && !kept[cr.KeyID] && (r.Issued == nil || r.Issued.KeyID != cr.KeyID):
			add("Another credential", "not in it", kindWord(cr.Kind)+" "+credentialName(cr))
		}
	}
	if !there && len(d.Credentials) > 0 && r.State == api.RotationStateOpen {
		add("The credential itself", oldName(r), "no longer in the directory")
	}
	return rows
}

// refuse ends a proposal with a reason.
func (c *Console) refuse(w http.ResponseWriter, v *visit) error {
	r, err := v.api.Rotation(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	q := ofRotation(r, "Refuse this proposal?", "Refuse it", true, "The rotation does not take place, and the credential is not proposed again by itself.", "If nobody renews it, it ends "+relative(r.Terms.Old.Expires, v.now)+". Plan who is told.")
	q.Section, q.Cancel, q.Crumbs = "approvals", approvalPath(r.ID), []Link{{Text: plain("Approvals"), Href: "/approvals"}, {Text: words(r.Terms.Application.Name), Href: approvalPath(r.ID)}}
	q.Fields = []Field{{Name: "reason", Label: "Why", Kind: "area", Required: true, Longest: 1000, Hint: "Whoever asked reads it, and so does the audit."}}
	return c.act(w, v, q, func() (string, Notice, error) {
		version := v.query("version")
		if version == "" {
			_, err = v.api.Refuse(v.Context(), r.ID, v.field("reason"))
		} else {
			_, err = v.api.RefuseSeen(v.Context(), r.ID, version, v.field("reason"))
		}
		return rotationPath(r.ID), good("You refused it. Nothing was changed."), err
	})
}
