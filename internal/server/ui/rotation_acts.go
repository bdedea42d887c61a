package ui

import (
	"net/http"

	"rekey.example/rekey/api"
)

// ofRotation is the page before an act on a rotation.
func ofRotation(r api.Rotation, title, button string, danger bool, what ...string) Confirm {
	return Confirm{
		Title: title, Section: "rotations", Button: button, Danger: danger, Cancel: rotationPath(r.ID), What: lines(what...),
		Crumbs: []Link{{Text: plain("Rotations"), Href: "/rotations"}, {Text: words(r.Terms.Application.Name), Href: rotationPath(r.ID)}},
		Facts: Facts{
			{"Application", []Cell{linkCell(r.Terms.Application.Name, applicationPath(r.Terms.Application.ObjectID))}},
			{"Renews", []Cell{wordCell(oldName(r))}}, {"At step", []Cell{wordCell(r.Current)}}, {"Asked by", []Cell{wordCell(r.By.Name)}},
		},
	}
}

// cancelRotation stops one before consumers have seen the new value.
func (c *Console) cancelRotation(w http.ResponseWriter, v *visit) error {
	r, err := v.api.Rotation(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	q := ofRotation(r, "Cancel this rotation?", "Cancel the rotation", true, "What was made for it is removed again.", "The old credential stays as it is, and its value stays where it is.")
	q.Fields = []Field{{Name: "reason", Label: "Why", Kind: "area", Longest: 1000, Hint: "It stands in the audit log."}}
	return c.act(w, v, q, func() (string, Notice, error) {
		_, err := v.api.Cancel(v.Context(), r.ID, v.field("reason"))
		return rotationPath(r.ID), good("It is cancelled. What was made for it is taken back."), err
	})
}

// confirmConsumer takes a person's word that a consumer uses the new value.
func (c *Console) confirmConsumer(w http.ResponseWriter, v *visit) error {
	r, err := v.api.Rotation(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	consumer := v.query("consumer")
	q := ofRotation(r, "Confirm that it uses the new value?", "Confirm", false, `You say that "`+consumer+`" uses the new value.`, "When everybody has moved and the overlap has passed, the old credential is withdrawn: if your word is wrong, the consumer stops then.")
	q.Fields = []Field{{Name: "proof", Label: "How you know", Kind: "area", Required: true, Longest: 1000, Hint: "Such as: restarted at 10:40, the run after it was good. It stands in the audit log with your name."}}
	return c.act(w, v, q, func() (string, Notice, error) {
		_, err := v.api.Confirm(v.Context(), r.ID, consumer, v.field("proof"))
		return rotationPath(r.ID), good("Your word for “" + consumer + "” is recorded."), err
	})
}

// permitWithdraw is an administrator's written word that the old credential may go.
func (c *Console) permitWithdraw(w http.ResponseWriter, v *visit) error {
	r, err := v.api.Rotation(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	q := ofRotation(r, "Permit to withdraw although it may be in use?", "Permit it in writing", true, "rekey has not ruled out that somebody still signs in with the old credential.", "With your word it is withdrawn all the same. That cannot be taken back, and whoever still uses it stops.")
	q.Facts = append(q.Facts, Fact{"What rekey says", []Cell{textCell(words(joined(r.Problem, r.Needs)).or("nothing holds it up now"))}})
	q.Fields = []Field{{Name: "reason", Label: "Why it may go", Kind: "area", Required: true, Longest: 1000, Hint: "It stands in the audit log with your name, and on the rotation."}}
	return c.act(w, v, q, func() (string, Notice, error) {
		_, err := v.api.Permit(v.Context(), r.ID, v.field("reason"))
		return rotationPath(r.ID), good("It is permitted, in your name."), err
	})
}
