package ui

import (
	"net/http"
	"strings"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
)

// policyView is every rule, and the form to try a name.
type policyView struct {
	Try   form
	Trial *trial
	Rules []ruleView
}

// trial is what the naming convention says of a name.
type trial struct {
	Answer     *answer
	Problems   []Text
	Suggestion Text
	Template   string
}

type ruleView struct {
	Code, Title string
	Severity    Cell
	Off         bool
	Seen        bool // nothing computes it, so that it has no examples
	Why, Cure   Text
	Open        Link
	Examples    Table
}

// policy shows the rules with their reasons, cures and examples.
func (c *Console) policy(w http.ResponseWriter, v *visit) error {
	rules, err := v.api.Rules(v.Context())
	if err != nil {
		return err
	}
	o, err := v.api.Overview(v.Context())
	if err != nil {
		return err
	}
	open := map[string]int{}
	for _, n := range o.Hygiene.Findings {
		open[n.Rule] = n.Open
	}
	name := v.query("name")
	view := policyView{Try: form{Action: "/policy", Read: true, Fields: []Field{{Name: "name", Label: "Name", Kind: "text", Value: shown(name), Required: true, Longest: 256, Hint: "Such as D365_Basware_InvoiceExport"}}, Buttons: []button{{Text: "Try it", Tone: "primary"}}}}
	var said []Notice
	if name != "" {
		t, err := v.api.TryName(v.Context(), name)
		if err != nil {
			return err
		}
		view.Trial = tried(t)
	}
	for _, r := range rules {
		view.Rules = append(view.Rules, ruleOf(r, open[r.Code]))
	}
	p := Page{Title: "Policy", Section: "policy", Lead: "Every rule: why it is one, what to do, and examples of what it says.", Notices: said, Body: view}
	if v.may(access.CheckPolicy) {
		p.Actions = []Link{{Text: plain("Check now"), Href: "/policy/check"}}
	}
	return c.show(w, v, "policy", p)
}

func tried(t api.NameTrial) *trial {
	out := &trial{Answer: &answer{State: Badge{"good", "Keeps to the rule"}, Sentence: words("“" + t.Name + "” keeps to the convention.")}, Template: visible(t.Template)}
	if !t.Ok {
		out.Answer = &answer{State: Badge{"warn", "Does not"}, Sentence: words("“" + t.Name + "” does not keep to the convention.")}
	}
	for _, p := range t.Problems {
		out.Problems = append(out.Problems, sentence(p))
	}
	if t.Suggestion != "" && t.Suggestion != t.Name {
		out.Suggestion = words(t.Suggestion)
	}
	return out
}

func ruleOf(r api.PolicyRule, open int) ruleView {
	v := ruleView{Code: visible(r.Code), Title: visible(cut(r.Title, shortText)), Severity: severityCell(r.Severity), Off: !r.Applies, Why: words(r.Why), Cure: words(r.Cure), Open: link(count(open, "open finding"), at("/findings", "rule", r.Code, "state", "open"))}
	v.Why.Cut, v.Why.Short, v.Cure.Cut, v.Cure.Short = false, v.Why.Full, false, v.Cure.Full
	var rows []Row
	for _, e := range r.Examples {
		verdict := badgeCell("good", "Nothing")
		if e.Finds != "" {
			verdict = severityCell(cmpSeverity(e.Severity, r.Severity))
		}
		rows = append(rows, Row{Cells: []Cell{wordCell(e.Says), verdict, wordCell(strings.TrimSpace(e.Finds))}})
	}
	v.Seen = len(r.Examples) == 0
	v.Examples = table("Examples of "+v.Title, columns("Case", "Finding", "It says"), rows, Empty{Title: "No examples"})
	return v
}

func cmpSeverity(a, b api.Severity) api.Severity {
	if a != "" {
		return a
	}
	return b
}

// checkPolicy applies all rules now.
func (c *Console) checkPolicy(w http.ResponseWriter, v *visit) error {
	q := Confirm{Title: "Apply every rule now?", Section: "policy", Button: "Check now", Cancel: "/policy", Crumbs: []Link{{Text: plain("Policy"), Href: "/policy"}}, What: lines("Everything that is known is judged. Findings open and close by that; nothing else changes.")}
	return c.act(w, v, q, func() (string, Notice, error) {
		r, err := v.api.CheckPolicy(v.Context())
		return "/findings?state=open", good("Checked: " + count(r.Opened, "finding") + " opened, " + number(r.Resolved) + " resolved."), err
	})
}
