package ui

import (
	"errors"
	"net/http"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
)

// ofPeople is the page before an act on a person or a session.
func ofPeople(title, button string, danger bool, what ...string) Confirm {
	return Confirm{Title: title, Section: "people", Button: button, Danger: danger, Cancel: "/people", Crumbs: []Link{{Text: plain("People"), Href: "/people"}}, What: lines(what...)}
}

// invite lets somebody sign in here, by a link that is shown once.
func (c *Console) invite(w http.ResponseWriter, v *visit) error {
	q := ofPeople("Invite somebody", "Make the invitation", false, "For people whom the directory does not sign in. They get a link, choose a passkey or a password with it, and sign in here.")
	q.Fields = []Field{
		{Name: "login", Label: "Sign-in name", Kind: "text", Required: true, Longest: 128, Hint: "What they type"}, {Name: "name", Label: "Name", Kind: "text", Longest: 128, Hint: "What people call them"},
		{Name: "role", Label: "Role", Kind: "select", Options: roleChoices()}, {Name: "owner", Label: "Object id in the directory", Kind: "text", Longest: 36, Hint: "A user sees the applications that it owns"},
	}
	if v.Method != http.MethodPost || !entered(v, q.Fields) {
		return c.asking(w, v, q, 0)
	}
	made, err := v.api.InvitePerson(v.Context(), api.PersonRequest{Login: v.given("login"), Name: v.given("name"), Role: api.GivenRole(v.given("role")), Owner: v.given("owner")})
	if e, ok := errors.AsType[*client.Error](err); ok && correctable(e) {
		return c.asking(w, v, q, e.Status, beside(e, q.Fields)...)
	}
	if err != nil {
		return err
	}
	return c.invited(w, v, made)
}

// invited shows an invitation, once.
func (c *Console) invited(w http.ResponseWriter, v *visit, made api.Invitation) error {
	view := sheetsView{Answer: &answer{State: Badge{"good", "Made"}, Sentence: plain("The invitation is shown here once. Copy it now."), Detail: plain("Send it to the person only, by a way that you trust.")}}
	view.Sheets = []sheet{{ID: "invitation", Title: "Invitation", Raw: origin(v.Request) + made.Path, Facts: Facts{{"For", []Cell{wordCell(made.Person.Name).with(made.Person.Login)}}, {"Role", []Cell{wordCell(string(made.Person.Role))}}, {"Ends", []Cell{whenCell(moment(made.Expires, v.now), "")}}}, Links: []Link{{Text: plain("Back to people"), Href: "/people"}}}}
	return c.show(w, v, "sheet", Page{Title: "Invitation", Section: "people", Crumbs: []Link{{Text: plain("People"), Href: "/people"}}, Body: view})
}

// inviteAgain makes another invitation for somebody who has lost the ways to sign in.
func (c *Console) inviteAgain(w http.ResponseWriter, v *visit) error {
	if v.Method != http.MethodPost {
		return c.asking(w, v, ofPeople("Invite them again?", "Make another invitation", false, "For somebody who has lost password and passkeys. An earlier invitation ends."), 0)
	}
	made, err := v.api.InvitePersonAgain(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	return c.invited(w, v, made)
}

// lockPerson keeps somebody out.
func (c *Console) lockPerson(w http.ResponseWriter, v *visit) error {
	return c.act(w, v, ofPeople("Lock them out?", "Lock out", true, "They cannot sign in any more, and their sessions end at once."), func() (string, Notice, error) {
		p, err := v.api.LockPerson(v.Context(), v.PathValue("id"), true)
		return "/people", good(p.Name + " is locked out."), err
	})
}

// unlockPerson lets somebody in again.
func (c *Console) unlockPerson(w http.ResponseWriter, v *visit) error {
	return c.act(w, v, ofPeople("Let them in again?", "Let in again", false, "They can sign in as before."), func() (string, Notice, error) {
		p, err := v.api.LockPerson(v.Context(), v.PathValue("id"), false)
		return "/people", good(p.Name + " may sign in again."), err
	})
}

// endSession signs somebody out.
func (c *Console) endSession(w http.ResponseWriter, v *visit) error {
	return c.act(w, v, ofPeople("End this session?", "End it", true, "Whoever has it is signed out at once, and has to sign in again."), func() (string, Notice, error) {
		return "/people", good("The session is ended."), v.api.EndSession(v.Context(), v.PathValue("id"))
	})
}

func roleChoices() []Option {
	return []Option{{Value: "user", Text: "User: own applications, proposes"}, {Value: "auditor", Text: "Auditor: sees all but values, changes nothing"}, {Value: "administrator", Text: "Administrator: approves, configures"}}
}
