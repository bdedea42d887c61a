package ui

import "net/http"

// home answers: does anything need me?
func (c *Console) home(w http.ResponseWriter, v *visit) error {
	if _, err := v.api.Status(v.Context()); err != nil {
		return err
	}
	return c.show(w, v, "home", Page{Title: "Home", Section: "home"})
}
