package ui

import (
	"net/http"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

// findings lists what is against the rules, the worst first.
func (c *Console) findings(w http.ResponseWriter, v *visit) error {
	q := api.ListFindingsParams{Rule: v.query("rule"), Severity: api.Severity(v.query("severity")), State: api.FindingState(v.query("state")), Application: v.query("application"), After: v.query("after"), Limit: pageSize}
	page, err := v.api.FindingPage(v.Context(), q)
	if err != nil {
		return err
	}
	rules, err := v.api.Rules(v.Context())
	if err != nil {
		return err
	}
	var rows []Row
	for _, f := range page.Value {
		rows = append(rows, findingRow(f, v.now))
	}
	empty := Empty{Title: "Nothing is against the rules", Detail: "Every rule was applied to everything that is known."}
	if filtered(v.URL.Query()) {
		empty = Empty{Title: "No finding is like that", Detail: "Take a filter away to see more.", Action: Link{Text: plain("Show all"), Href: "/findings"}}
	}
	list := listView{Filter: findingFilter(v, rules), Pager: pager(v.Request, len(rows), "finding", client.Position(page.NextLink)), Table: table("Findings, the worst first", columns("What is wrong", "Severity", "State", "Rule", "Where", "Since"), rows, empty)}
	for _, t := range []struct{ text, href string }{{"All", "/findings"}, {"Open", "/findings?state=open"}, {"Open and severe", "/findings?severity=high&state=open"}, {"Acknowledged", "/findings?state=acknowledged"}} {
		list.Views = append(list.Views, Link{Text: plain(t.text), Href: t.href, Current: v.URL.RequestURI() == t.href})
	}
	return c.show(w, v, "list", Page{Title: "Findings", Section: "findings", Lead: "What is against the rules, with the reason and the cure. They close by themselves when it is put right.", Actions: []Link{{Text: plain("The rules"), Href: "/policy"}}, Body: list})
}

func findingRow(f api.Finding, now time.Time) Row {
	row := Row{Cells: []Cell{linkCell(cmpOr(f.Title, f.Subject), findingPath(f.ID)).with(f.Reason), severityCell(f.Severity), findingState(f), linkCell(f.Rule, at("/findings", "rule", f.Rule)), wordCell(f.Place), whenCell(when(f.Since, now), "")}}
	if f.State == api.FindingStateOpen && f.Severity == api.SeverityHigh {
		row.Tone = "bad"
	}
	return row
}

func findingPath(id string) string { return "/findings/" + escape(id) }

func findingWord(s api.FindingState) string {
	switch s {
	case api.FindingStateOpen:
		return "Open"
	case api.FindingStateAcknowledged:
		return "Acknowledged"
	}
	return "Resolved"
}

func findingState(f api.Finding) Cell {
	tone := map[api.FindingState]string{api.FindingStateOpen: "warn", api.FindingStateAcknowledged: "info", api.FindingStateResolved: "good"}[f.State]
	return badgeCell(tone, findingWord(f.State))
}

func severityWord(s api.Severity) string {
	switch s {
	case api.SeverityHigh:
		return "High"
	case api.SeverityMedium:
		return "Medium"
	}
	return "Low"
}

func findingFilter(v *visit, rules []api.PolicyRule) Filter {
	titles := map[string]string{}
	byRule := []Option{{Text: "All"}}
	for _, r := range rules {
		titles[r.Code] = r.Title
		byRule = append(byRule, Option{Value: r.Code, Text: visible(cut(r.Title, shortText))})
	}
	return filterOf("/findings", v.URL.Query(), []Field{
		{Name: "state", Label: "State", Kind: "select", Options: options("All", findingWord, api.FindingStateOpen, api.FindingStateAcknowledged, api.FindingStateResolved)},
		{Name: "severity", Label: "Severity", Kind: "select", Options: options("All", severityWord, api.SeverityHigh, api.SeverityMedium, api.SeverityLow)},
		{Name: "rule", Label: "Rule", Kind: "select", Options: byRule},
	}, map[string]func(string) string{
		"state": func(s string) string { return "State: " + findingWord(api.FindingState(s)) }, "severity": func(s string) string { return "Severity: " + severityWord(api.Severity(s)) },
		"rule": func(s string) string { return "Rule: " + cmpOr(titles[s], s) }, "application": func(s string) string { return "Application: " + v.called(s) },
	})
}

// finding shows one.
func (c *Console) finding(w http.ResponseWriter, v *visit) error {
	f, err := v.api.Finding(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	rules, err := v.api.Rules(v.Context())
	if err != nil {
		return err
	}
	tone := map[api.Severity]string{api.SeverityHigh: "bad", api.SeverityMedium: "warn"}[f.Severity]
	if f.State == api.FindingStateResolved {
		tone = "good"
	}
	view := sheetsView{Answer: &answer{State: Badge{tone, findingWord(f.State)}, Sentence: words(f.Reason), Detail: words(joined(findingWord(f.State), severityWord(f.Severity)+" severity"))}}
	view.Sheets = []sheet{{ID: "cure", Title: "What to do", Cure: cureLines(f.Cure)}}
	for _, r := range rules {
		if r.Code == f.Rule {
			view.Sheets = append(view.Sheets, sheet{ID: "why", Title: "Why this is a rule", Lead: sentence(r.Why), More: Link{Text: plain("The rule"), Href: "/policy#" + r.Code}})
		}
	}
	view.Side = []sheet{facts("facts", "What it is about", findingFacts(v, f))}
	p := Page{Title: cmpOr(f.Title, f.Subject), Section: "findings", Lead: "A finding of the rule " + visible(f.Rule), Crumbs: []Link{{Text: plain("Findings"), Href: "/findings"}}, Body: view}
	if f.State == api.FindingStateOpen && v.may(access.JudgeFinding) {
		p.Actions = append(p.Actions, Link{Text: plain("Acknowledge"), Href: findingPath(f.ID) + "/acknowledge"})
	}
	if f.KeyID != "" && f.Application != "" && v.may(access.ProposeRotation) && f.State != api.FindingStateResolved {
		p.Actions = append(p.Actions, Link{Text: plain("Plan rotation"), Href: at("/rotations/new", "application", f.Application, "credential", f.KeyID), Tone: "primary"})
	}
	if f.Application != "" && v.may(access.ReadTrail) {
		p.Actions = append(p.Actions, Link{Text: plain("Records"), Href: at("/audit/timeline", "application", f.Application)})
	}
	if (f.Rule == "hard-coded" || f.Rule == "unusual-use") && f.State != api.FindingStateResolved && v.may(access.OpenIncident) {
		p.Actions = append(p.Actions, Link{Text: plain("It has leaked"), Href: at("/incidents/new", "applications", cmpOr(f.KeyID, f.Application), "plan", "emergency", "reason", f.Reason), Tone: "danger"})
	}
	return c.show(w, v, "sheet", p)
}

func findingFacts(v *visit, f api.Finding) Facts {
	now := v.now
	list := Facts{{"Rule", []Cell{linkCell(f.Rule, at("/findings", "rule", f.Rule))}}, {"Severity", []Cell{severityCell(f.Severity)}}, {"State", []Cell{findingState(f)}}, {"Since", []Cell{whenCell(when(f.Since, now), "")}}}
	if f.Application != "" {
		list = append(list, Fact{"Application", []Cell{linkCell(v.called(f.Application), applicationPath(f.Application))}})
	}
	if f.KeyID != "" {
		list = append(list, Fact{"Credential", []Cell{linkCell(f.KeyID, credentialPath(api.Credential{KeyID: f.KeyID}))}})
	}
	if f.Place != "" {
		list = append(list, Fact{"Where", []Cell{wordCell(f.Place)}})
	}
	if f.AcknowledgedBy != "" {
		list = append(list, Fact{"Acknowledged by", []Cell{wordCell(f.AcknowledgedBy).with(f.AcknowledgedWhy)}})
	}
	if !f.Resolved.IsZero() {
		list = append(list, Fact{"Resolved", []Cell{whenCell(when(f.Resolved, now), "")}})
	}
	return append(list, Fact{"Id", []Cell{codeCell(f.ID)}})
}

// acknowledge says that a finding is known and may stay.
func (c *Console) acknowledge(w http.ResponseWriter, v *visit) error {
	f, err := v.api.Finding(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	q := Confirm{Title: "Acknowledge this finding?", Section: "findings", Button: "Acknowledge", Cancel: findingPath(f.ID), What: lines(f.Reason, "You say that it is known and may stay. It opens again if it gets worse."),
		Crumbs: []Link{{Text: plain("Findings"), Href: "/findings"}, {Text: words(cmpOr(f.Title, f.Subject)), Href: findingPath(f.ID)}}}
	q.Fields = []Field{{Name: "reason", Label: "Why it may stay", Kind: "area", Required: true, Longest: 1000, Hint: "It stands beside the finding with your name."}}
	return c.act(w, v, q, func() (string, Notice, error) {
		_, err := v.api.AcknowledgeFinding(v.Context(), f.ID, v.field("reason"))
		return findingPath(f.ID), good("It is acknowledged."), err
	})
}
