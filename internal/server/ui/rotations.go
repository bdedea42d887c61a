package ui

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

// rotationsView is the board of all that is under way, and the list.
type rotationsView struct {
	Lanes  []lane
	Note   string
	Filter Filter
	Table  Table
	Pager  Pager
}

// lane is a column of the board with what stands in it.
type lane struct {
	Title, Number, Href string
	Some                bool
	Cards               []card
	More                Link
}

// card is a rotation on the board.
type card struct {
	Name Link
	Tone string
	Says Text
	Who  Text // who blocks it
}

const (
	cardsOfLane = 4
	boardLimit  = 1000 // open rotations that the board reads
)

var lanesOf = []api.RotationStage{
	api.RotationStageApproval, api.RotationStageMaking, api.RotationStageMoving, api.RotationStageOverlap, api.RotationStageWithdrawing, api.RotationStageWatching, api.RotationStageUndoing,
}

// rotations shows the board and the list, or what the address selects of the list.
func (c *Console) rotations(w http.ResponseWriter, v *visit) error {
	q := api.ListRotationsParams{
		State: api.RotationState(v.query("state")), Stage: api.RotationStage(v.query("stage")), Application: v.query("application"),
		Waiting: v.query("waiting") == "true", After: v.query("after"), Limit: pageSize,
	}
	page, err := v.api.RotationPage(v.Context(), q)
	if err != nil {
		return err
	}
	var rows []Row
	for _, r := range page.Value {
		rows = append(rows, rotationRow(r, v.now))
	}
	view := rotationsView{Filter: rotationFilter(v), Pager: pager(v.Request, len(rows), "rotation", client.Position(page.NextLink))}
	empty := Empty{Title: "No rotation is like that", Detail: "Take a filter away to see more.", Action: Link{Text: plain("Show all"), Href: "/rotations"}}
	if view.Filter.Clear == "" {
		empty = Empty{Title: "Nothing was rotated yet", Detail: "Propose one: nothing happens before another administrator has approved it."}
		if v.query("after") == "" {
			if view.Lanes, view.Note, err = c.board(v); err != nil {
				return err
			}
		}
	}
	view.Table = table("Rotations, the newest first", columns("Application", "State", "Plan", "Asked by", "Asked", "Waits for"), rows, empty)
	p := Page{Title: "Rotations", Section: "rotations", Live: 10, Body: view}
	if v.may(access.ProposeRotation) {
		p.Actions = []Link{{Text: plain("Propose a rotation"), Href: "/rotations/new", Tone: "primary"}}
	}
	if v.may(access.ReadSchedule) {
		p.Actions = append(p.Actions, Link{Text: plain("Schedule"), Href: "/schedule"})
	}
	return c.show(w, v, "rotations", p)
}

func rotationRow(r api.Rotation, now time.Time) Row {
	old := api.Credential{Label: r.Terms.Old.Label, Hint: r.Terms.Old.Hint, KeyID: r.Terms.Old.KeyID}
	row := Row{Cells: []Cell{
		linkCell(r.Terms.Application.Name, rotationPath(r.ID)).with(kindWord(r.Terms.Old.Kind) + " " + credentialName(old)),
		rotationState(r), wordCell(planWord(r.Terms.Plan)), wordCell(r.By.Name), whenCell(moment(r.Asked, now), ""), wordCell(waits(r)),
	}}
	if r.State == api.RotationStateOpen && r.Needs != "" {
		row.Tone = "warn"
	}
	return row
}

func rotationPath(id string) string { return "/rotations/" + escape(id) }

func rotationFilter(v *visit) Filter {
	states := []api.RotationState{api.RotationStateOpen, api.RotationStateDone, api.RotationStateRefused, api.RotationStateCancelled, api.RotationStateVoid}
	return filterOf("/rotations", v.URL.Query(), []Field{
		{Name: "state", Label: "State", Kind: "select", Options: options("All", endWord, states...)},
		{Name: "stage", Label: "How far it is", Kind: "select", Options: options("Wherever", stageWord, lanesOf...)},
		{Name: "waiting", Label: "Waits for a person", Kind: "check"},
	}, map[string]func(string) string{
		"state": func(s string) string { return "State: " + endWord(api.RotationState(s)) }, "stage": func(s string) string { return stageWord(api.RotationStage(s)) },
		"waiting": is("Waits for a person"), "application": func(id string) string { return "Application: " + v.called(id) },
	})
}

// called is the name of an application whose object id stands in an address.
func (v *visit) called(id string) string {
	d, err := v.api.Application(v.Context(), id)
	if err != nil {
		return id
	}
	return d.Application.Name
}

func endWord(s api.RotationState) string {
	switch s {
	case api.RotationStateOpen:
		return "Under way"
	case api.RotationStateDone:
		return "Done"
	case api.RotationStateRefused:
		return "Refused"
	case api.RotationStateCancelled:
		return "Cancelled"
	}
	return "Void"
}

// board reads what is under way and puts it into lanes. Its numbers are those of the
// lists they lead to, for both are read now.
func (c *Console) board(v *visit) (lanes []lane, note string, err error) {
	if v.may(access.ReadSchedule) {
		l, err := dueLane(v)
		if err != nil {
			return nil, "", err
		}
		lanes = append(lanes, l)
	}
	all := map[api.RotationStage][]api.Rotation{}
	read := 0
	for r, err := range v.api.Rotations(v.Context(), api.ListRotationsParams{State: api.RotationStateOpen, Limit: 200}) {
		if err != nil {
			return nil, "", err
		}
		if read++; read > boardLimit {
			note = "Only the newest " + number(boardLimit) + " rotations under way are on the board; the list below has all of them."
			break
		}
		all[r.Stage] = append(all[r.Stage], r)
	}
	for _, s := range lanesOf {
		if s == api.RotationStageUndoing && len(all[s]) == 0 {
			continue
		}
		lanes = append(lanes, laneOf(s, all[s], v.now))
	}
	return lanes, note, nil
}

// dueLane is what the schedule counts as due today, the overdue with it.
func dueLane(v *visit) (lane, error) {
	s, err := v.api.Schedule(v.Context(), 1)
	if err != nil || len(s.Days) == 0 {
		return lane{}, err
	}
	today := s.Days[0]
	date := today.Date.UTC().Format(time.DateOnly)
	l := lane{Title: "Due", Number: number(today.Due), Href: at("/schedule", "date", date), Some: today.Due > 0}
	if today.Due == 0 {
		return l, nil
	}
	due, err := v.api.DuePage(v.Context(), api.ListDueParams{Date: date, Limit: cardsOfLane})
	for _, d := range due.Value {
		l.Cards = append(l.Cards, card{Name: link(d.Credential.Application.Name, credentialPath(d.Credential)), Says: words("ends " + relative(d.Ends, v.now)), Who: plain(dueWord(d.State))})
	}
	if today.Due > len(l.Cards) {
		l.More = Link{Text: plain("All " + number(today.Due)), Href: l.Href}
	}
	return l, err
}

func laneOf(s api.RotationStage, list []api.Rotation, now time.Time) lane {
	l := lane{Title: stageWord(s), Number: number(len(list)), Href: at("/rotations", "stage", string(s)), Some: len(list) > 0}
	for i, r := range list {
		if i == cardsOfLane {
			l.More = Link{Text: plain("All " + number(len(list))), Href: l.Href}
			break
		}
		k := card{Name: link(r.Terms.Application.Name, rotationPath(r.ID)), Says: words(whereItIs(r, now)), Who: words(blocks(r))}
		if r.Needs != "" {
			k.Tone = "warn"
		}
		l.Cards = append(l.Cards, k)
	}
	return l
}

// whereItIs is the one line about a rotation that matters where it is.
func whereItIs(r api.Rotation, now time.Time) string {
	switch r.Stage {
	case api.RotationStageApproval:
		return "asked " + relative(r.Asked, now) + "; the proposal ends " + relative(r.Terms.Expires, now)
	case api.RotationStageOverlap:
		d, err := time.ParseDuration(r.Terms.Timing.Overlap)
		if left := r.Switched.Add(d).Sub(now); err == nil && !r.Switched.IsZero() && left > 0 {
			return "both valid for " + lasting(left) + " more at least"
		}
		return "both valid; the time has passed"
	case api.RotationStageWithdrawing:
		return "the old one is about to go"
	}
	title, _ := stepWords(r.Current)
	if t := began(r); !t.IsZero() {
		return title + " since " + relative(t, now)
	}
	return title
}

func began(r api.Rotation) time.Time {
	for _, s := range r.Steps {
		if s.Name == r.Current {
			return s.Began
		}
	}
	return time.Time{}
}

// blocks is who has to do something, or which consumers have not moved.
func blocks(r api.Rotation) string {
	if r.Needs != "" {
		return "waits for " + needed(r)
	}
	if r.Stage != api.RotationStageMoving && r.Stage != api.RotationStageOverlap {
		return r.Problem
	}
	missing := ""
	n := 0
	for _, e := range r.Consumers {
		if e.Proof == "" {
			n++
			missing = cmpOr(missing, e.Consumer)
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "waits for " + missing
	}
	return "waits for " + missing + " and " + count(n-1, "other")
}

// needed is who or what has to act, without the command that the page has as a button.
func needed(r api.Rotation) string {
	who, _, _ := strings.Cut(r.Needs, ": rekey ")
	return who
}

// waits is what a rotation in a list waits for.
func waits(r api.Rotation) string {
	if r.Needs != "" {
		return needed(r)
	}
	return r.Problem
}

func dueWord(s api.DueState) string {
	switch s {
	case api.DueStateDue:
		return "Due"
	case api.DueStateFrozen:
		return "Due, but frozen"
	case api.DueStateNoPlace:
		return "Place not known"
	case api.DueStateNotRotated:
		return "rekey does not renew it"
	case api.DueStatePostponed:
		return "Postponed"
	case api.DueStateRefused:
		return "Refused by a person"
	case api.DueStateUnderWay:
		return "A rotation is under way"
	}
	return "Later"
}

// filtered reports whether an address selects anything at all.
func filtered(q url.Values) bool {
	for k := range q {
		if k != "after" && k != "trail" && q.Get(k) != "" {
			return true
		}
	}
	return false
}
