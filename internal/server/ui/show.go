package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Page is what a page shows within the frame.
type Page struct {
	Title   string
	Lead    string // one sentence under the title
	Section string // entry of the navigation it belongs to
	Crumbs  []Link // the way from the section to here, without the page itself
	Actions []Link // buttons beside the title
	Notices []Notice
	Live    int // seconds after which the script looks again; 0: never
	Status  int // 0: 200
	Body    any // for the template's body
}

// frame is what is the same on every page.
type frame struct {
	Page
	Heading                Text
	Style, Script, Favicon string
	Theme                  string // auto, light, dark
	Themes                 []Link
	Here                   string
	Nav                    []group
	Flash                  *Notice
	Person                 Text
	Role, Tenant           string
	SignOut, Extend        string
	Ends                   string // of the session, RFC 3339
	Version                string
	Help                   string
}

// parse reads every page's template together with the frame and the parts.
func parse() (map[string]*template.Template, error) {
	shared, err := template.ParseFS(templateFiles, "templates/base.html", "templates/parts.html", "templates/icons.html", "templates/sheets.html")
	if err != nil {
		return nil, fmt.Errorf("cannot read the console's frame: %w", err)
	}
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("cannot list the console's templates: %w", err)
	}
	all := map[string]*template.Template{}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".html")
		switch name {
		case "base", "parts", "icons", "sheets":
			continue
		}
		t, err := template.Must(shared.Clone()).ParseFS(templateFiles, path.Join("templates", f.Name()))
		if err != nil {
			return nil, fmt.Errorf("cannot read the console's template %q: %w", name, err)
		}
		all[name] = t
	}
	return all, nil
}

// show answers with a page. It is made as a whole first, so that a fault in the
// middle does not leave half of it.
func (c *Console) show(w http.ResponseWriter, v *visit, name string, p Page) error {
	f := frame{
		Page: p, Heading: words(p.Title), Style: StylePath, Script: scriptPath, Favicon: faviconPath,
		Here: back(v.Request), Nav: c.navigation(v.Actor, p.Section), Person: words(v.Actor.Name), Role: string(v.Actor.Role),
		Tenant: c.config.Tenant, SignOut: c.config.SignOut, Extend: c.config.Extend, Version: c.config.Version, Help: "/help",
	}
	if p.Section != "" {
		f.Help += "#" + p.Section
	}
	f.Theme, f.Themes = themes(v.Request)
	if !v.Ends.IsZero() {
		f.Ends = v.Ends.UTC().Format(time.RFC3339)
	}
	f.Flash = takeFlash(w, v.Request)
	t := c.templates[name]
	if t == nil {
		return fmt.Errorf("there is no template %q", name)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "base", f); err != nil {
		return fmt.Errorf("cannot make the page %q: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	if p.Status != 0 {
		w.WriteHeader(p.Status)
	}
	_, err := w.Write(out.Bytes())
	if err != nil {
		c.config.Logger.Debug("a page was not taken", "page", name, "error", err.Error())
	}
	return nil
}

// see answers a POST: the browser is sent to a page that says what happened.
func (c *Console) see(w http.ResponseWriter, v *visit, address string, n Notice) error {
	putFlash(w, v.Request, n)
	http.Redirect(w, v.Request, local(address), http.StatusSeeOther)
	return nil
}
