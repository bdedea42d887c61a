package ui

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
)

// rotationView is one rotation: where it stands, its steps, who has to move.
type rotationView struct {
	Answer *answer
	Course []stepLine
	Sheets []sheet
	Side   []sheet
}

// rotation shows one rotation.
func (c *Console) rotation(w http.ResponseWriter, v *visit) error {
	r, err := v.api.Rotation(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	view := rotationView{Answer: standing(v, r), Course: course(r, v.now)}
	view.Sheets = append(view.Sheets, listed("consumers", "Who has to move", consumersOf(v, r)))
	if v.may(access.ReadTasks) {
		tasks, err := v.api.TaskPage(v.Context(), api.ListTasksParams{Rotation: r.ID, Limit: pageSize})
		if err != nil {
			return err
		}
		if len(tasks.Value) > 0 {
			view.Sheets = append(view.Sheets, listed("tasks", "Tasks of people", tasksTable(tasks.Value, v.now, Empty{})))
		}
	}
	view.Sheets = append(view.Sheets, sheet{ID: "plan", Title: "The plan in words", Lines: planLines(r.Terms, v.now)})
	if len(r.Attempts) > 0 {
		s := listed("attempts", "Attempts to issue", attemptsTable(r, v.now))
		s.Fold = len(r.Attempts) == 1
		view.Sheets = append(view.Sheets, s)
	}
	view.Side = append(view.Side, facts("facts", "What it is", rotationFacts(r, v.now)))
	trail, err := rotationTrail(v, r)
	if err != nil {
		return err
	}
	view.Side = append(view.Side, trail)
	p := Page{
		Title: r.Terms.Application.Name, Lead: planWord(r.Terms.Plan) + " of the " + kindNoun(r.Terms.Old.Kind) + " " + visible(cut(oldName(r), shortText)), Section: "rotations",
		Crumbs: []Link{{Text: plain("Rotations"), Href: "/rotations"}}, Actions: rotationActs(v, r), Body: view,
	}
	if r.State == api.RotationStateOpen {
		p.Live = 3
	}
	return c.show(w, v, "rotation", p)
}

func oldName(r api.Rotation) string {
	return credentialName(api.Credential{Label: r.Terms.Old.Label, Hint: r.Terms.Old.Hint, KeyID: r.Terms.Old.KeyID})
}

// standing says in one sentence where a rotation is and who is needed.
func standing(v *visit, r api.Rotation) *answer {
	a := &answer{State: Badge{"info", "Under way"}}
	title, says := stepWords(r.Current)
	done := 0
	for _, s := range r.Steps {
		if s.State == api.StepStateDone {
			done++
		}
	}
	switch r.State {
	case api.RotationStateDone:
		a.State, a.Sentence = Badge{"good", "Done"}, words("Done "+relative(r.Ended, v.now)+": the old credential is gone and its value is refused.")
		if r.Terms.Plan == "next" {
			a.Sentence = words("Done " + relative(r.Ended, v.now) + ": the next value is in its place.")
		}
	case api.RotationStateRefused:
		a.State, a.Sentence, a.Detail = Badge{"none", "Refused"}, words("Refused "+relative(r.Ended, v.now)+". Nothing was changed."), words(r.Problem)
	case api.RotationStateCancelled:
		a.State, a.Sentence, a.Detail = Badge{"none", "Cancelled"}, words("Cancelled "+relative(r.Ended, v.now)+". The old credential is as it was."), words(r.Problem)
	case api.RotationStateVoid:
		a.State, a.Sentence, a.Detail = Badge{"warn", "Void"}, words("Void since "+relative(r.Ended, v.now)+"."), words(r.Problem)
	default:
		a.Sentence = words(fmt.Sprintf("Step %d of %d: %s. %s", min(done+1, len(r.Steps)), len(r.Steps), title, says))
		a.Detail = words(r.Problem)
		if r.Needs != "" {
			a.State, a.Detail = Badge{"warn", "Waits"}, words(joined(r.Problem, "it needs "+needed(r)))
		}
	}
	if r.Stage == api.RotationStageApproval && v.may(access.ApproveRotation) {
		a.Links = append(a.Links, Link{Text: plain("Review and decide"), Href: approvalPath(r.ID), Tone: "primary"})
	}
	return a
}

func approvalPath(id string) string { return "/approvals/" + escape(id) }

// rotationActs are what the visitor may do with it where it stands.
func rotationActs(v *visit, r api.Rotation) (list []Link) {
	if r.State != api.RotationStateOpen {
		return []Link{{Text: plain("Credential"), Href: "/credentials/" + escape(r.Terms.Old.KeyID)}}
	}
	if v.may(access.PermitWithdraw) && !v.mine(r.By) && r.Override == nil && !r.Switched.IsZero() && r.Removed.IsZero() {
		list = append(list, Link{Text: plain("Permit to withdraw"), Href: rotationPath(r.ID) + "/permit"})
	}
	if v.may(access.CancelRotation) && (v.mine(r.By) || v.Actor.Role == access.Administrator) && r.Switched.IsZero() && r.Stage != api.RotationStageUndoing && r.Stage != api.RotationStageWithdrawing && r.Stage != api.RotationStageWatching {
		list = append(list, Link{Text: plain("Cancel it"), Href: rotationPath(r.ID) + "/cancel"})
	}
	return list
}

// mine reports whether the visitor did something, by whatever way they signed in.
func (v *visit) mine(by api.Actor) bool {
	return v.Actor.Same(access.Actor{ID: by.ID, Person: by.Person})
}

func rotationFacts(r api.Rotation, now time.Time) Facts {
	t := r.Terms
	f := Facts{
		{"Application", []Cell{linkCell(t.Application.Name, applicationPath(t.Application.ObjectID))}},
		{"Renews", []Cell{linkCell(oldName(r), "/credentials/"+escape(t.Old.KeyID)).with(kindWord(t.Old.Kind))}},
		{"It ends", []Cell{whenCell(when(t.Old.Expires, now), "not known")}},
		{"Why", []Cell{textCell(words(r.Reason).or("no reason was given"))}},
		{"Asked by", []Cell{wordCell(r.By.Name)}},
		{"Asked", []Cell{whenCell(moment(r.Asked, now), "")}},
	}
	if t.Place.Name != "" {
		f = append(f, Fact{"Goes to", []Cell{linkCell(vaultName(t.Place.Vault)+"/"+t.Place.Name, at("/vaults/"+escape(t.Place.Vault), "name", t.Place.Name))}})
	}
	if r.Consent != nil {
		f = append(f, Fact{"Approved by", []Cell{wordCell(r.Consent.By.Name)}}, Fact{"Approved", []Cell{whenCell(moment(r.Consent.At, now), "")}})
	} else if r.State == api.RotationStateOpen {
		f = append(f, Fact{"To be approved until", []Cell{whenCell(moment(t.Expires, now), "")}})
	}
	if r.Issued != nil {
		f = append(f, Fact{"New credential", []Cell{linkCell(credentialName(api.Credential{Label: r.Issued.Label, KeyID: r.Issued.KeyID}), "/credentials/"+escape(r.Issued.KeyID))}}, Fact{"Valid until", []Cell{whenCell(when(r.Issued.Expires, now), "not known")}})
	}
	if r.SignIns.Successes+r.SignIns.Refusals > 0 {
		f = append(f, Fact{"Sign-ins in a row", []Cell{textCell(plain(fmt.Sprintf("%d accepted, %d refused", r.SignIns.Successes, r.SignIns.Refusals)))}})
	}
	add := func(name string, t time.Time) {
		if !t.IsZero() {
			f = append(f, Fact{name, []Cell{whenCell(moment(t, now), "")}})
		}
	}
	add("Consumers could read the new value", r.Switched)
	add("Old one withdrawn", r.Removed)
	if r.State == api.RotationStateOpen {
		add("Looked at again", r.Due)
	}
	if r.Override != nil {
		f = append(f, Fact{"Permitted by", []Cell{wordCell(r.Override.By.Name).with(r.Override.Reason)}})
	}
	return append(f, Fact{"Hash of the plan", []Cell{codeCell(r.Hash)}}, Fact{"Id", []Cell{codeCell(r.ID)}})
}

// consumersOf lists who uses it and what is known of each.
func consumersOf(v *visit, r api.Rotation) Table {
	var rows []Row
	open := r.State == api.RotationStateOpen && !r.Switched.IsZero() && r.Removed.IsZero()
	for _, e := range r.Consumers {
		state, proof := badgeCell("none", "Not told yet"), wordCell("")
		switch {
		case e.Proof != "":
			state, proof = badgeCell("good", "Uses the new value"), wordCell(e.Proof).with(joined(e.By, e.At.UTC().Format("2006-01-02 15:04")))
		case e.Why != "":
			state, proof = badgeCell("warn", "Not yet"), wordCell(e.Why)
		case !e.Told.IsZero():
			state, proof = badgeCell("info", "Told"), whenCell(moment(e.Told, v.now), "")
		}
		row := Row{Cells: []Cell{linkCell(e.Consumer, consumerPath(e.Consumer)).with(e.Reference), state, proof, {}}}
		if open && e.Proof == "" && !e.Follows && v.may(access.ProposeRotation) {
			l := Link{Text: plain("Confirm by hand"), Href: at(rotationPath(r.ID)+"/confirm", "consumer", e.Consumer)}
			row.Cells[3] = Cell{Link: &l}
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		for _, u := range r.Terms.Consumers {
			rows = append(rows, Row{Cells: []Cell{linkCell(u.Consumer, consumerPath(u.Consumer)).with(u.Reference), badgeCell("none", "Not told yet"), {}, {}}})
		}
	}
	return table("Consumers", columns("Consumer", "State", "Evidence", "Act"), rows, Empty{Title: "Nobody is known to use it", Detail: "So nobody has to move before the old one goes. That is not the same as unused."})
}

func attemptsTable(r api.Rotation, now time.Time) Table {
	var rows []Row
	for _, a := range r.Attempts {
		tone := map[api.AttemptState]string{api.AttemptStateAdopted: "good", api.AttemptStateAbandoned: "warn", api.AttemptStateDeclined: "warn"}[a.State]
		rows = append(rows, Row{Cells: []Cell{codeCell(a.Marker), badgeCell(tone, string(a.State)), whenCell(moment(a.Sent, now), ""), codeCell(a.KeyID), wordCell(a.Why)}})
	}
	return table("Attempts to issue", columns("Marker", "State", "Sent", "Key id", "Why"), rows, Empty{Title: "None yet"})
}

// rotationTrail is what the audit log has of it, for whoever may read it.
func rotationTrail(v *visit, r api.Rotation) (sheet, error) {
	s := sheet{ID: "trail", Title: "What happened"}
	if !v.may(access.ReadAudit) {
		s.Lead = plain("The audit log, which auditors and administrators read, has every event of it.")
		return s, nil
	}
	page, err := v.api.AuditPage(v.Context(), api.ListAuditEventsParams{Subject: r.ID, Limit: mostHappenings})
	if err != nil {
		return s, err
	}
	for _, e := range slices.Backward(page.Value) {
		s.Trail = append(s.Trail, happening{At: moment(e.Time, v.now), Tone: outcomeTone(e.Outcome), What: words(e.Action + " by " + e.Name), Detail: words(brief(e.Detail)), Href: eventPath(e.Seq)})
	}
	s.More = Link{Text: plain("In the audit log"), Href: at("/audit", "subject", r.ID)}
	return s, nil
}

func eventPath(seq int64) string { return fmt.Sprintf("/audit/%d", seq) }
