package ui

import "net/http"

// ask shows the page before an act that cannot be taken back. Its form posts to the
// same address. A second visit with problems in the fields shows them beside each.
func (c *Console) ask(w http.ResponseWriter, v *visit, q Confirm) error {
	p := Page{Title: q.Title, Section: q.Section, Crumbs: q.Crumbs, Body: confirmation{Confirm: q, Action: v.URL.RequestURI()}}
	for _, f := range q.Fields {
		if f.Problem != "" {
			p.Status = http.StatusUnprocessableEntity
			p.Notices = append(p.Notices, Notice{Tone: "bad", Title: plain("Nothing was done yet: " + f.Label + ": " + f.Problem)})
		}
	}
	return c.show(w, v, "confirm", p)
}

type confirmation struct {
	Confirm
	Action string
}

// Tone is that of the button.
func (c confirmation) Tone() string {
	if c.Danger {
		return "danger"
	}
	return "primary"
}
