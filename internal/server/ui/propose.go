package ui

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
)

// proposeView is the form, and beneath it what it would do.
type proposeView struct {
	Form   form
	Draft  *sheet
	Change Text // what differs from what was looked at before
}

var planNames = []api.PlanName{api.PlanNamePlanned, api.PlanNameNext, api.PlanNameEmergency, api.PlanNameRevoke}

// newRotation shows the form, then the plan that it leads to, and only then records it.
func (c *Console) newRotation(w http.ResponseWriter, v *visit) error {
	q := rotationRequest(v.given)
	fields, err := proposalFields(v, q)
	if err != nil {
		return err
	}
	view := proposeView{Form: form{Action: "/rotations/new", Fields: fields, Buttons: []button{{Text: "Look at the plan", Name: "do", Value: "look", Tone: "primary"}}, Cancel: Link{Text: plain("Leave it"), Href: "/rotations"}}}
	if v.Method != http.MethodPost {
		return c.proposing(w, v, view, 0)
	}
	if !entered(v, fields) {
		return c.proposing(w, v, view, http.StatusUnprocessableEntity)
	}
	p, err := v.api.Plan(v.Context(), q)
	if err != nil {
		return c.cannotPropose(w, v, view, q, err)
	}
	seen := v.field("seen")
	if v.field("do") == "send" && seen == print(p.Terms) {
		r, err := v.api.Propose(v.Context(), q, v.field("key"))
		if err != nil {
			return c.cannotPropose(w, v, view, q, err)
		}
		if r.Consent != nil {
			return c.see(w, v, rotationPath(r.ID), Notice{Tone: "warn", Title: plain("It has begun: the glass is broken, and that is written down.")})
		}
		return c.see(w, v, rotationPath(r.ID), good("It is proposed. Another administrator has to approve it."))
	}
	if v.field("do") == "send" {
		view.Change = plain("The plan is no longer the one you looked at: the tenant, the vault or your entries have changed. Nothing was sent. Look at it again below.")
	}
	view.draft(v, q, p)
	return c.proposing(w, v, view, 0)
}

func (c *Console) proposing(w http.ResponseWriter, v *visit, view proposeView, status int, said ...Notice) error {
	for _, f := range view.Form.Fields {
		if f.Problem != "" {
			said = append(said, Notice{Tone: "bad", Title: sentence("Nothing was done yet. " + f.Label + ": " + f.Problem)})
		}
	}
	if view.Change.Full != "" {
		said = append(said, Notice{Tone: "warn", Title: view.Change})
	}
	return c.show(w, v, "propose", Page{
		Title: "Propose a rotation", Section: "rotations", Lead: "You see the whole plan first. Nothing happens before another administrator has approved it.",
		Crumbs: []Link{{Text: plain("Rotations"), Href: "/rotations"}}, Status: status, Notices: said, Body: view,
	})
}

// draft shows what the form would do, and the button that sends it.
func (p *proposeView) draft(v *visit, q api.RotationRequest, made api.Proposal) {
	s := sheet{ID: "draft", Title: "The plan", Lines: planLines(made.Terms, v.now)}
	s.Facts = Facts{
		{"Application", []Cell{linkCell(made.Terms.Application.Name, applicationPath(made.Terms.Application.ObjectID))}},
		{"Renews", []Cell{linkCell(credentialName(api.Credential{Label: made.Terms.Old.Label, Hint: made.Terms.Old.Hint, KeyID: made.Terms.Old.KeyID}), "/credentials/"+escape(made.Terms.Old.KeyID)).with(kindWord(made.Terms.Old.Kind))}},
		{"May be approved until", []Cell{whenCell(moment(made.Terms.Expires, v.now), "")}},
		{"Hash of this draft", []Cell{codeCell(made.Hash).with("The time until which it may be approved is part of it, so that it is another one once it is sent.")}},
	}
	var warnings []Row
	for _, w := range made.Warnings {
		warnings = append(warnings, Row{Tone: "warn", Cells: []Cell{wordCell(w)}})
	}
	if len(warnings) > 0 {
		t := table("Warnings", columns("To think about first"), warnings, Empty{})
		s.Table = &t
	}
	key := v.field("key")
	if key == "" {
		key = rand.Text()
	}
	send := form{Action: "/rotations/new", Buttons: []button{{Text: "Propose it", Name: "do", Value: "send", Tone: "primary"}}}
	if q.BreakGlass != "" {
		send.Buttons[0] = button{Text: "Break the glass and begin", Name: "do", Value: "send", Tone: "danger"}
	}
	send.Fields = []Field{hiddenField("seen", print(made.Terms)), hiddenField("key", key)}
	for _, f := range p.Form.Fields {
		send.Fields = append(send.Fields, hiddenField(f.Name, v.given(f.Name)))
	}
	s.Forms = []form{send}
	p.Draft = &s
}

// print is the same for two plans that do the same, whenever they were made.
func print(t api.Terms) string {
	t.Expires = time.Time{}
	raw, err := json.Marshal(t)
	if err != nil {
		panic(err) // plain data always encodes
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func (c *Console) cannotPropose(w http.ResponseWriter, v *visit, view proposeView, q api.RotationRequest, err error) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok || !correctable(e) {
		return err
	}
	var said []Notice
	switch {
	case coded(err, "rotation_open"):
		n := Notice{Tone: "bad", Title: words(e.Error()), Detail: plain("Only one rotation of an application is under way at a time.")}
		if d, err := v.api.Application(v.Context(), q.Application); err == nil {
			n.Action = Link{Text: plain("See the one that is under way"), Href: at("/rotations", "application", d.Application.ObjectID, "state", "open")}
		}
		said = append(said, n)
	case coded(err, "ambiguous", "not_found") && q.Credential == "":
		for i := range view.Form.Fields {
			if n := view.Form.Fields[i].Name; n == "application" || n == "credential" {
				view.Form.Fields[i].Problem = visible(e.Error())
				break
			}
		}
	default:
		said = beside(e, view.Form.Fields)
	}
	return c.proposing(w, v, view, e.Status, said...)
}

func rotationRequest(get func(string) string) api.RotationRequest {
	q := api.RotationRequest{
		Application: get("application"), Credential: get("credential"), Plan: api.PlanName(get("plan")), Place: get("place"), Label: get("label"),
		Lifetime: get("lifetime"), Overlap: get("overlap"), Reason: get("reason"), BreakGlass: get("breakGlass"),
	}
	if q.Plan == api.PlanNameEmergency {
		switch get("others") {
		case "keep":
			q.Keep = []string{"*"}
		case "remove":
			q.Remove = []string{"*"}
		}
	}
	return q
}

// proposalFields are the fields of the form. Where the application is known, its
// credentials are offered.
func proposalFields(v *visit, q api.RotationRequest) ([]Field, error) {
	var fields []Field
	app := Field{Name: "application", Label: "Application", Kind: "text", Value: q.Application, Required: true, Longest: 256, Hint: "Its name, client id or object id."}
	fields = append(fields, app)
	key := Field{Name: "credential", Label: "Credential", Kind: "text", Value: q.Credential, Longest: 64, Hint: "Its key id. Needed only if the application has several."}
	if q.Application != "" {
		d, err := v.api.Application(v.Context(), q.Application)
		if err == nil {
			key = credentialChoice(d, q.Credential, v.now)
			fields[0].Hint = "It is " + visible(cut(d.Application.Name, shortText)) + "."
		} else if !coded(err, "not_found", "ambiguous") {
			return nil, err
		}
	}
	plan := Field{Name: "plan", Label: "Plan", Kind: "select", Value: string(q.Plan)}
	for _, p := range planNames {
		plan.Options = append(plan.Options, Option{Value: string(p), Text: planChoice(p), Chosen: p == q.Plan})
	}
	others := Field{Name: "others", Label: "Others who can act as the application", Kind: "select", Hint: "Asked for in an emergency only: other credentials, federated ones and owners.", Options: []Option{{Value: "", Text: "Not an emergency"}, {Value: "keep", Text: "They stay"}, {Value: "remove", Text: "They are removed as well"}}}
	for i := range others.Options {
		others.Options[i].Chosen = others.Options[i].Value == v.field("others")
	}
	return append(fields, key, plan,
		Field{Name: "reason", Label: "Why", Kind: "area", Value: q.Reason, Required: true, Longest: 1000, Hint: "Whoever approves reads it, and so does the audit."},
		Field{Name: "place", Label: "Where the new value goes", Kind: "text", Value: q.Place, Longest: 256, Placeholder: "VAULT/NAME", Hint: "Empty: where the old one is kept."},
		Field{Name: "lifetime", Label: "Valid for", Kind: "text", Value: q.Lifetime, Longest: 28, Placeholder: "180d", Hint: "Such as 180d or 26w. Empty: as the configuration says."},
		Field{Name: "overlap", Label: "Both valid for at least", Kind: "text", Value: q.Overlap, Longest: 28, Placeholder: "24h", Hint: "Empty: as the plan says."},
		Field{Name: "label", Label: "Label of the new credential", Kind: "text", Value: q.Label, Longest: 60, Hint: "Empty: the old one's."},
		others,
		Field{Name: "breakGlass", Label: "Break the glass", Kind: "area", Value: q.BreakGlass, Longest: 1000, Hint: "In an emergency only: why you alone decide. It begins at once, and everybody is told."},
	), nil
}

func credentialChoice(d api.ApplicationDetail, chosen string, now time.Time) Field {
	f := Field{Name: "credential", Label: "Credential", Kind: "select", Required: true, Value: chosen, Hint: "The one that is renewed, and the only one that is withdrawn."}
	f.Options = []Option{{Text: "Choose one"}}
	for _, c := range d.Credentials {
		if !renewable(c.Kind) || !c.Gone.IsZero() {
			continue
		}
		text := kindWord(c.Kind) + " " + visible(cut(credentialName(c), shortText))
		if !c.Expires.IsZero() {
			text += ", " + plural(boolInt(c.Expires.After(now)), "ends ", "ended ") + relative(c.Expires, now)
		}
		f.Options = append(f.Options, Option{Value: c.KeyID, Text: text, Chosen: c.KeyID == chosen})
	}
	if len(f.Options) == 2 && chosen == "" {
		f.Options[1].Chosen = true
	}
	return f
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func planChoice(p api.PlanName) string {
	switch p {
	case api.PlanNamePlanned:
		return "Planned: renew without anybody noticing"
	case api.PlanNameNext:
		return "Next: a second value beside the current one"
	case api.PlanNameEmergency:
		return "Emergency: renew now, the old one goes soon"
	}
	return "Revoke: end it now, without a new one"
}
