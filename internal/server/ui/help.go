package ui

import "net/http"

// help explains the pages and the words, in the same place from every page.
func (c *Console) help(w http.ResponseWriter, v *visit) error {
	return c.show(w, v, "help", Page{Title: "Help", Lead: "What the pages show, and the words they use."})
}
