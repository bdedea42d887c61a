package ui

import (
	"errors"
	"net/http"
	"strings"

	"rekey.example/rekey/api"
)

// errShownOnce ends an act whose result stands on the very answer.
var errShownOnce = errors.New("it is shown once")

// people lists the tokens, by whom and for whom.
func (c *Console) people(w http.ResponseWriter, v *visit) error {
	tokens, err := v.api.Tokens(v.Context())
	if err != nil {
		return err
	}
	var rows []Row
	live := 0
	for _, t := range tokens {
		state := badgeCell("good", "Valid")
		switch {
		case !t.Revoked.IsZero():
			state = badgeCell("none", "Revoked")
		case t.Expires.Before(v.now):
			state = badgeCell("none", "Ended")
		default:
			live++
		}
		row := Row{Cells: []Cell{wordCell(t.Name).with(t.ID), state, wordCell(t.Person), wordCell(string(t.Role)), textCell(words(strings.Join(t.Sources, ", ")).or("anywhere")), whenCell(when(t.Expires, v.now), "never"), whenCell(moment(t.LastUsed, v.now), "never"), {}}}
		if state.Badge.Text == "Valid" {
			l := Link{Text: plain("Revoke"), Href: "/people/tokens/" + escape(t.ID) + "/revoke"}
			row.Cells[7] = Cell{Link: &l}
		}
		rows = append(rows, row)
	}
	view := sheetsView{Sheets: []sheet{listed("tokens", "API tokens", table("API tokens", columns("Token", "State", "Person", "Role", "From", "Ends", "Last use", "Act"), rows, Empty{Title: "There are no tokens", Detail: "Programs and people without a browser act with one."}))}}
	view.Sheets[0].Lead = plain(count(live, "token") + " can be used now. rekey keeps only a hash of each.")
	return c.show(w, v, "sheet", Page{Title: "People", Section: "people", Lead: "Who may act, and as what.", Body: view, Actions: []Link{{Text: plain("Make a token"), Href: "/people/tokens/new", Tone: "primary"}}})
}

// newToken makes a token and shows it, once.
func (c *Console) newToken(w http.ResponseWriter, v *visit) error {
	q := Confirm{Title: "Make a token", Section: "people", Button: "Make it", Cancel: "/people", Crumbs: []Link{{Text: plain("People"), Href: "/people"}}, What: lines("The token is shown once. Whoever has it acts as the person, with the role.")}
	role := Field{Name: "role", Label: "Role", Kind: "select", Options: []Option{{Value: "user", Text: "User: own applications, proposes"}, {Value: "auditor", Text: "Auditor: sees all but values, changes nothing"}, {Value: "administrator", Text: "Administrator: approves, configures"}}}
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
