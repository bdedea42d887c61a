package ui

import (
	"errors"
	"net/http"
	"strings"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
)

// errShownOnce ends an act whose result stands on the very answer.
var errShownOnce = errors.New("it is shown once")

// people lists who can sign in, who is signed in, and the tokens.
func (c *Console) people(w http.ResponseWriter, v *visit) error {
	people, err := v.api.People(v.Context())
	if err != nil {
		return err
	}
	sessions, err := v.api.Sessions(v.Context())
	if err != nil {
		return err
	}
	tokens, err := v.api.Tokens(v.Context())
	if err != nil {
		return err
	}
	view := sheetsView{Sheets: []sheet{listed("persons", "Who can sign in", peopleTable(v, people)), listed("sessions", "Who is signed in", sessionsTable(v, sessions)), listed("tokens", "API tokens", tokensTable(v, tokens))}}
	view.Sheets[2].Lead = plain("rekey keeps only a hash of each; a token is shown once, when it is made.")
	p := Page{Title: "People", Section: "people", Lead: "Who may act, and as what.", Body: view}
	if v.may(access.ManagePeople) {
		p.Actions = append(p.Actions, Link{Text: plain("Invite somebody"), Href: "/people/invite", Tone: "primary"})
	}
	if v.may(access.ManageTokens) {
		p.Actions = append(p.Actions, Link{Text: plain("Make a token"), Href: "/people/tokens/new"})
	}
	return c.show(w, v, "sheet", p)
}

func peopleTable(v *visit, people []api.Person) Table {
	var rows []Row
	for _, p := range people {
		state, way := badgeCell("good", "May sign in"), wordCell("at the directory")
		if !p.Locked.IsZero() {
			state = badgeCell("warn", "Locked out").with("since " + relative(p.Locked, v.now))
		}
		if p.Kind == api.PersonKindLocal {
			way = wordCell("here").with(count(p.Passkeys, "passkey"))
		}
		row := Row{Cells: []Cell{wordCell(p.Name).with(p.Login), state, wordCell(string(p.Role)), way, whenCell(moment(p.Seen, v.now), "never"), {}}}
		if v.may(access.ManagePeople) {
			row.Cells[5] = personActs(p)
		}
		rows = append(rows, row)
	}
	return table("People", columns("Person", "State", "Role", "Signs in", "Last seen", "Act"), rows, Empty{Title: "Nobody has signed in yet", Detail: "Whoever the directory gives a role appears here when they sign in."})
}

func personActs(p api.Person) Cell {
	base := "/people/" + escape(p.ID)
	act := func(text, href string) Cell { return Cell{Link: &Link{Text: plain(text), Href: href}} }
	lock := act("Lock out", base+"/lock")
	if !p.Locked.IsZero() {
		lock = act("Let in again", base+"/unlock")
	}
	if p.Kind != api.PersonKindLocal {
		return lock
	}
	return Cell{Items: []Cell{lock, act("Invite again", base+"/invitation")}}
}

func sessionsTable(v *visit, sessions []api.Session) Table {
	var rows []Row
	for _, s := range sessions {
		name := wordCell(s.Name).with(s.Agent)
		row := Row{Cells: []Cell{name, wordCell(string(s.Role)), wordCell(s.How), wordCell(s.Address), whenCell(moment(s.Created, v.now), ""), whenCell(moment(s.Seen, v.now), ""), whenCell(moment(s.Ends, v.now), ""), {}}}
		switch {
		case s.Current:
			row.Cells[7] = badgeCell("info", "This one")
		case v.may(access.ManageSessions):
			row.Cells[7] = linkCell("End it", "/people/sessions/"+escape(s.ID)+"/end")
		}
		rows = append(rows, row)
	}
	return table("Sessions", columns("Person", "Role", "By", "From", "Began", "Last seen", "Ends", "Act"), rows, Empty{Title: "Nobody is signed in with a browser"})
}

func tokensTable(v *visit, tokens []api.Token) Table {
	var rows []Row
	for _, t := range tokens {
		state, live := badgeCell("good", "Valid"), false
		switch {
		case !t.Revoked.IsZero():
			state = badgeCell("none", "Revoked")
		case t.Expires.Before(v.now):
			state = badgeCell("none", "Ended")
		default:
			live = true
		}
		may := textCell(words(string(t.Role)))
		if len(t.Actions) > 0 {
			may = may.with("only " + strings.Join(t.Actions, ", "))
		}
		row := Row{Cells: []Cell{wordCell(t.Name).with(t.ID), state, wordCell(t.Person), may, textCell(words(strings.Join(t.Sources, ", ")).or("anywhere")), whenCell(when(t.Expires, v.now), "never"), whenCell(moment(t.LastUsed, v.now), "never"), {}}}
		if live && v.may(access.ManageTokens) {
			row.Cells[7] = linkCell("Revoke", "/people/tokens/"+escape(t.ID)+"/revoke")
		}
		rows = append(rows, row)
	}
	return table("API tokens", columns("Token", "State", "Person", "May", "From", "Ends", "Last use", "Act"), rows, Empty{Title: "There are no tokens", Detail: "Programs and people without a browser act with one."})
}

// newToken makes a token and shows it, once.
func (c *Console) newToken(w http.ResponseWriter, v *visit) error {
	q := Confirm{Title: "Make a token", Section: "people", Button: "Make it", Cancel: "/people", Crumbs: []Link{{Text: plain("People"), Href: "/people"}}, What: lines("The token is shown once. Whoever has it acts as the person, with the role.")}
	role := Field{Name: "role", Label: "Role", Kind: "select", Options: roleChoices()}
	q.Fields = []Field{{Name: "name", Label: "Name", Kind: "text", Required: true, Longest: 64, Hint: "What uses it"}, role, {Name: "person", Label: "Person", Kind: "text", Longest: 128, Hint: "Who stands behind it. Empty: you"}, {Name: "lifetime", Label: "Valid for", Kind: "text", Longest: 28, Placeholder: "90d", Hint: "Empty: as long as is usual"}, {Name: "sources", Label: "From", Kind: "text", Longest: 1000, Hint: "Networks such as 10.1.0.0/16, with commas. Empty: anywhere"}}
	if v.Method != http.MethodPost {
		return c.asking(w, v, q, 0)
	}
	var made api.NewToken
	shown := false
	err := c.act(w, v, q, func() (string, Notice, error) {
		r := api.TokenRequest{Name: v.field("name"), Role: api.GivenRole(v.field("role")), Person: v.field("person"), Lifetime: v.field("lifetime")}
		for s := range strings.SplitSeq(v.field("sources"), ",") {
			if s = strings.TrimSpace(s); s != "" {
				r.Sources = append(r.Sources, s)
			}
		}
		var err error
		if made, err = v.api.CreateToken(v.Context(), r); err == nil {
			shown, err = true, errShownOnce
		}
		return "", Notice{}, err
	})
	if !shown {
		return err
	}
	view := sheetsView{Answer: &answer{State: Badge{"good", "Made"}, Sentence: plain("The token is shown here once. Copy it now."), Detail: plain("rekey keeps only a hash of it.")}}
	view.Sheets = []sheet{{ID: "token", Title: "The token", Raw: made.Secret, Facts: Facts{{"Name", []Cell{wordCell(made.Token.Name)}}, {"Person", []Cell{wordCell(made.Token.Person)}}, {"Role", []Cell{wordCell(string(made.Token.Role))}}, {"Ends", []Cell{whenCell(when(made.Token.Expires, v.now), "never")}}}, Links: []Link{{Text: plain("Back to all tokens"), Href: "/people"}}}}
	return c.show(w, v, "sheet", Page{Title: "The new token", Section: "people", Crumbs: q.Crumbs, Body: view})
}

// revokeToken ends a token.
func (c *Console) revokeToken(w http.ResponseWriter, v *visit) error {
	id := v.PathValue("id")
	q := Confirm{Title: "Revoke this token?", Section: "people", Button: "Revoke it", Danger: true, Cancel: "/people", Crumbs: []Link{{Text: plain("People"), Href: "/people"}}, What: lines("Whatever uses it is refused from now on. This cannot be taken back; make another one instead."), Facts: Facts{{"Token", []Cell{codeCell(id)}}}}
	return c.act(w, v, q, func() (string, Notice, error) {
		return "/people", good("The token is revoked."), v.api.RevokeToken(v.Context(), id)
	})
}
