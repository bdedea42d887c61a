package ui

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"rekey.example/rekey/client"
)

// act shows the page before an act, or acts: a GET asks, a POST does. What is wrong with
// what was entered stands beside its field, and nothing has to be entered again.
func (c *Console) act(w http.ResponseWriter, v *visit, q Confirm, do func() (to string, said Notice, err error)) error {
	if v.Method != http.MethodPost {
		return c.asking(w, v, q, 0)
	}
	if !entered(v, q.Fields) {
		return c.asking(w, v, q, http.StatusUnprocessableEntity)
	}
	to, said, err := do()
	if err == nil {
		return c.see(w, v, to, said)
	}
	e, ok := errors.AsType[*client.Error](err)
	if !ok || !correctable(e) {
		return err
	}
	return c.asking(w, v, q, e.Status, beside(e, q.Fields)...)
}

// asking is the page before an act with what is to be said on it.
func (c *Console) asking(w http.ResponseWriter, v *visit, q Confirm, status int, said ...Notice) error {
	for _, f := range q.Fields {
		if f.Problem != "" {
			said = append(said, Notice{Tone: "bad", Title: sentence("Nothing was done yet. " + f.Label + ": " + f.Problem)})
		}
	}
	return c.show(w, v, "confirm", Page{Title: q.Title, Section: q.Section, Crumbs: q.Crumbs, Notices: said, Status: status, Body: confirmation{Confirm: q, Action: v.URL.RequestURI()}})
}

// typed is what was entered without what nobody can see in it, but for the ends of lines.
func typed(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && hidden(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}

// given reads what a form was sent with, or an address.
func (v *visit) given(name string) string {
	if v.Method == http.MethodPost {
		return typed(v.field(name))
	}
	return typed(v.query(name))
}

// entered puts what was posted into the fields and reports whether all that is needed
// is there.
func entered(v *visit, fields []Field) bool {
	whole := true
	for i := range fields {
		f := &fields[i]
		if f.Hidden() {
			continue
		}
		f.Value, f.Checked = v.given(f.Name), v.given(f.Name) == "true"
		for j := range f.Options {
			f.Options[j].Chosen = f.Options[j].Value == f.Value
		}
		if f.Required && f.Value == "" {
			f.Problem, whole = "write something here", false
			if f.Select() {
				f.Problem = "choose one"
			}
		}
	}
	return whole
}

// correctable reports whether the person who sent a form can do something about it.
func correctable(e *client.Error) bool {
	return e.Status == 400 || e.Status == 409 || e.Status == 422 || e.Status == 404 || e.Status == 502 || e.Status == 429
}

// beside puts what the API found wrong beside the fields; what belongs to none is a
// message of the page.
func beside(e *client.Error, fields []Field) (rest []Notice) {
	for _, wrong := range e.Invalid {
		found := false
		for i := range fields {
			if fields[i].Name == wrong.Name && !fields[i].Hidden() {
				fields[i].Problem, found = visible(wrong.Reason), true
			}
		}
		if !found {
			rest = append(rest, Notice{Tone: "bad", Title: sentence(wrong.Name + " " + wrong.Reason), Detail: words(e.Hint)})
		}
	}
	if len(e.Invalid) == 0 {
		rest = append(rest, Notice{Tone: "bad", Title: sentence("Nothing was done: " + e.Error()), Detail: words(e.Hint)})
	}
	return rest
}

// coded reports whether an error is the API's answer with one of these codes.
func coded(err error, codes ...string) bool {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}
