package ui

import "net/http"

const year = 365 * 24 * 60 * 60 // seconds

// themes is the theme that was chosen, and the choices.
func themes(r *http.Request) (string, []Link) {
	chosen := "auto"
	if k, err := r.Cookie(cookieName(r, "theme")); err == nil && (k.Value == "light" || k.Value == "dark") {
		chosen = k.Value
	}
	list := []Link{
		{Text: plain("System"), Href: "auto", Icon: "theme"},
		{Text: plain("Light"), Href: "light", Icon: "sun"},
		{Text: plain("Dark"), Href: "dark", Icon: "moon"},
	}
	for i := range list {
		list[i].Current = list[i].Href == chosen
	}
	return chosen, list
}

// setTheme keeps the choice in this browser. It needs nobody to be signed in.
func (c *Console) setTheme(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	theme, age := r.PostFormValue("theme"), year
	switch theme {
	case "light", "dark":
	default:
		theme, age = "", -1
	}
	http.SetCookie(w, cookie(r, "theme", theme, age))
	http.Redirect(w, r, local(r.PostFormValue("return")), http.StatusSeeOther)
}
