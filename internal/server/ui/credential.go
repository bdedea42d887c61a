package ui

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
)

// credentialView is everything of one credential.
type credentialView struct {
	State    Badge
	Sentence string // what happens when it ends
	Next     Link
	Facts    Facts
	Breaks   []breakage
	Quiet    Empty // shown where nobody is known to use it
	Graph    graph
	Findings Table
	Places   Table
	Renewals Table
	Trail    []happening
	Told     string // what the timeline cannot show to this reader
}

// breakage is who stops when the credential ends.
type breakage struct {
	Name Link
	How  Text
}

// happening is an entry of the timeline.
type happening struct {
	At     *When
	Tone   string
	What   Text
	Detail Text
	Href   string
	sort   time.Time
}

// Icon is the shape of its tone.
func (h happening) Icon() string { return toneIcon(h.Tone) }

// credential shows one credential.
func (c *Console) credential(w http.ResponseWriter, v *visit) error {
	id := v.PathValue("id")
	if of := v.query("of"); of != "" {
		id = of + "/" + id
	}
	d, err := v.api.Credential(v.Context(), id)
	if err != nil {
		return err
	}
	cr := d.Credential
	view := credentialView{
		State: endBadge(cr, v.now), Facts: credentialFacts(d, v.now), Next: nextStep(v, cr), Sentence: consequence(cr, v.now),
		Findings: findingsTable(d.Findings), Places: placesTable(d, v.now), Renewals: renewals(d.Rotations, v.now), Graph: blast(cr, v.now),
		Quiet: Empty{Title: "Nobody is known to use it", Detail: "That is not the same as unused. Tag the vault entry with consumer=NAME, or bind it in the configuration, and rekey will know."},
	}
	for _, u := range cr.Consumers {
		view.Breaks = append(view.Breaks, breakage{link(u.Consumer, consumerPath(u.Consumer)), words(joined(u.Reference, u.Source))})
	}
	if view.Trail, view.Told, err = c.happenings(v, d); err != nil {
		return err
	}
	p := Page{
		Title: cr.Application.Name, Section: "credentials", Lead: kindWord(cr.Kind) + " " + visible(cut(credentialName(cr), shortText)), Body: view,
		Crumbs: []Link{{Text: plain("Credentials"), Href: "/credentials"}},
	}
	if renewable(cr.Kind) && v.may(access.ProposeRotation) && cr.Gone.IsZero() {
		p.Actions = append(p.Actions, view.Next)
	}
	if v.may(access.OpenIncident) && cr.Gone.IsZero() {
		p.Actions = append(p.Actions, Link{Text: plain("It has leaked"), Href: at("/incidents/new", "applications", cr.KeyID, "plan", "emergency")})
	}
	p.Actions = append(p.Actions, Link{Text: plain("Application"), Href: applicationPath(cr.Application.ObjectID)})
	return c.show(w, v, "credential", p)
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// consequence says in a sentence what is at stake.
func consequence(c api.Credential, now time.Time) string {
	who := ""
	switch n := len(c.Consumers); n {
	case 0:
		who = "nobody is known to use it"
	case 1:
		who = visible(cut(c.Consumers[0].Consumer, shortText)) + " stops"
	default:
		who = fmt.Sprintf("%s and %d more stop", visible(cut(c.Consumers[0].Consumer, shortText)), n-1)
	}
	switch {
	case !c.Gone.IsZero():
		return "It is no longer in the directory, since " + relative(c.Gone, now) + "."
	case c.Expires.IsZero():
		return "Its end is not known; when it is gone, " + who + "."
	case c.Expires.Before(now):
		return "It ended " + relative(c.Expires, now) + ": " + who + "."
	}
	return "It ends " + relative(c.Expires, now) + ": then " + who + "."
}

func credentialFacts(d api.CredentialDetail, now time.Time) Facts {
	c := d.Credential
	var owners []Cell
	for _, o := range c.Owners {
		owners = append(owners, wordCell(ownerName(o)).with(o.Mail))
	}
	if len(owners) == 0 {
		owners = []Cell{badgeCell("warn", "Nobody")}
	}
	purpose := ""
	for _, e := range d.Entries {
		if t := e.Tags["purpose"]; t != "" {
			purpose = t
		}
	}
	f := Facts{
		{"Ends", []Cell{whenCell(when(c.Expires, now), "not known")}},
		{"Began", []Cell{whenCell(when(c.Starts, now), "not known")}},
		{"Last use", []Cell{whenCell(when(c.LastUsed, now), "none recorded, which is not unused")}},
		{"Owner", owners},
		{"Purpose", []Cell{textCell(words(purpose).or("not written down: tag the vault entry with purpose="))}},
		{"Type", []Cell{wordCell(kindWord(c.Kind))}},
		{"Key id", []Cell{codeCell(c.KeyID)}},
		{"Application id", []Cell{codeCell(c.Application.ClientID)}},
	}
	if c.Hint != "" {
		f = append(f, Fact{"Begins with", []Cell{codeCell(c.Hint)}})
	}
	if c.Thumbprint != "" {
		f = append(f, Fact{"Thumbprint", []Cell{codeCell(c.Thumbprint)}})
	}
	if !c.Unmanaged.IsZero() {
		f = append(f, Fact{"Appeared without rekey", []Cell{whenCell(when(c.Unmanaged, now), "")}})
	}
	return f
}

func findingsTable(list []api.Finding) Table {
	var rows []Row
	for _, f := range list {
		rows = append(rows, Row{Cells: []Cell{linkCell(f.Reason, at("/findings", "rule", f.Rule, "application", f.Application)).with(f.Cure), severityCell(f.Severity), wordCell(string(f.State))}})
	}
	return table("Findings", columns("What is wrong", "Severity", "State"), rows, Empty{Title: "Nothing is against the rules"})
}

func severityCell(s api.Severity) Cell {
	switch s {
	case api.SeverityHigh:
		return badgeCell("bad", "High")
	case api.SeverityMedium:
		return badgeCell("warn", "Medium")
	}
	return badgeCell("info", "Low")
}

func placesTable(d api.CredentialDetail, now time.Time) Table {
	var rows []Row
	for _, p := range d.Credential.Places {
		row := []Cell{linkCell(vaultName(p.Vault)+"/"+p.Name, at("/vaults/"+escape(p.Vault), "name", p.Name)), wordCell(evidenceWord(p.How))}
		ends, state := whenCell(nil, "not known"), badgeCell("none", "Not read")
		for _, e := range d.Entries {
			if e.Place.Vault != p.Vault || e.Place.Name != p.Name {
				continue
			}
			ends, state = whenCell(when(e.Expires, now), "no end date"), badgeCell("good", "Enabled")
			if !e.Enabled {
				state = badgeCell("warn", "Disabled")
			}
		}
		rows = append(rows, Row{Cells: append(row, ends, state)})
	}
	return table("Where the value is kept", columns("Place", "How that is known", "The vault's end", "State"), rows, Empty{Title: "Where its value is kept is not known", Detail: "It may be in a place that rekey does not read. Hard-coded values are found by rekey scan."})
}

func evidenceWord(how string) string {
	switch how {
	case "rotation":
		return "rekey put it there"
	case "tag":
		return "a tag says so"
	case "fingerprint":
		return "the value is the same"
	case "thumbprint":
		return "the certificate is the same"
	case "hint":
		return "its first characters fit only this"
	}
	return how
}

func renewals(list []api.Rotation, now time.Time) Table {
	var rows []Row
	for _, r := range list {
		rows = append(rows, Row{Cells: []Cell{
			linkCell(r.ID, "/rotations/"+escape(r.ID)).with(r.Reason), rotationState(r), wordCell(r.By.Name), whenCell(moment(r.Asked, now), ""), wordCell(joined(r.Needs, r.Problem)),
		}})
	}
	return table("Rotations of the application", columns("Rotation", "State", "Asked by", "Asked", "Waits for"), rows, Empty{Title: "It has not been renewed by rekey"})
}

func rotationState(r api.Rotation) Cell {
	switch r.State {
	case api.RotationStateDone:
		return badgeCell("good", "Done")
	case api.RotationStateOpen:
		if r.Needs != "" {
			return badgeCell("warn", "Waits at "+r.Current)
		}
		return badgeCell("info", "At "+r.Current)
	case api.RotationStateRefused:
		return badgeCell("none", "Refused")
	case api.RotationStateCancelled:
		return badgeCell("none", "Cancelled")
	}
	return badgeCell("none", "Void")
}

const mostHappenings = 60

// happenings is the credential's whole timeline: its own dates, the rotations, and what
// the audit log has for whoever may read it.
func (c *Console) happenings(v *visit, d api.CredentialDetail) (list []happening, told string, err error) {
	cr := d.Credential
	add := func(t time.Time, tone, what, detail, href string) {
		if !t.IsZero() {
			list = append(list, happening{At: moment(t, v.now), Tone: tone, What: words(what), Detail: words(detail), Href: href, sort: t})
		}
	}
	add(cr.Starts, "info", "Valid from here", "", "")
	end, tone := "Ends", "warn"
	if cr.Expires.Before(v.now) {
		end, tone = "Ended", "bad"
	}
	add(cr.Expires, tone, end, "", "")
	add(cr.LastUsed, "good", "Last recorded sign-in", "", "")
	add(cr.Unmanaged, "warn", "Seen for the first time; rekey did not make it", "", "")
	add(cr.Gone, "none", "No longer in the directory", "", "")
	for _, r := range d.Rotations {
		if r.Terms.Old.KeyID != cr.KeyID && (r.Issued == nil || r.Issued.KeyID != cr.KeyID) {
			continue
		}
		to := "/rotations/" + escape(r.ID)
		add(r.Asked, "info", "Rotation asked for by "+r.By.Name, r.Reason, to)
		if r.Consent != nil {
			add(r.Consent.At, "good", "Approved by "+r.Consent.By.Name, "", to)
		}
		add(r.Switched, "good", "Consumers could read the new value", "", to)
		add(r.Removed, "good", "The old credential was withdrawn", "", to)
		add(r.Ended, "info", "Rotation ended: "+string(r.State), r.Problem, to)
	}
	if v.may(access.ReadAudit) {
		for _, subject := range []string{cr.KeyID, cr.Application.ObjectID} {
			page, err := v.api.AuditPage(v.Context(), api.ListAuditEventsParams{Subject: subject, Limit: mostHappenings})
			if err != nil {
				return nil, "", err
			}
			for _, e := range page.Value {
				if key := e.Detail["keyId"]; key != "" && key != cr.KeyID {
					continue
				}
				add(e.Time, outcomeTone(e.Outcome), e.Action+" by "+e.Name, details(e.Detail), at("/audit", "subject", subject))
			}
		}
	} else {
		told = "The audit log, which auditors and administrators read, holds more."
	}
	slices.SortStableFunc(list, func(a, b happening) int { return b.sort.Compare(a.sort) })
	if len(list) > mostHappenings {
		list, told = list[:mostHappenings], "Only the newest are shown; the audit log has all of them."
	}
	return list, told, nil
}

func outcomeTone(o api.AuditOutcome) string {
	switch o {
	case api.AuditOutcomeDone:
		return "good"
	case api.AuditOutcomeFailed:
		return "bad"
	case api.AuditOutcomeRefused:
		return "warn"
	}
	return "info"
}

func details(d map[string]string) string {
	var parts []string
	for k, v := range d {
		parts = append(parts, k+" "+v)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
