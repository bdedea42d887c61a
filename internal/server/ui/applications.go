package ui

import (
	"net/http"
	"net/url"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
)

// applications lists what can hold credentials.
func (c *Console) applications(w http.ResponseWriter, v *visit) error {
	q := api.ListApplicationsParams{Name: v.query("name"), Owner: v.query("owner"), NoOwner: v.query("noOwner") == "true", Holder: api.HolderKind(v.query("holder")), After: v.query("after"), Limit: pageSize}
	page, err := v.api.ApplicationPage(v.Context(), q)
	if err != nil {
		return err
	}
	var rows []Row
	for _, a := range page.Value {
		rows = append(rows, applicationRow(a, v.now))
	}
	list := listView{Filter: applicationFilter(v.URL.Query()), Pager: pager(v.Request, len(rows), "application", client.Position(page.NextLink)),
		Table: table("Applications by name", columns("Application", "Kind", "Owner", "Made", "Application id"), rows, Empty{Title: "No application is like that", Action: Link{Text: plain("Show all"), Href: "/applications"}})}
	return c.show(w, v, "list", Page{Title: "Applications", Section: "applications", Lead: "App registrations, service principals, and Azure resources with two keys.", Body: list})
}

func applicationFilter(q url.Values) Filter {
	return filterOf("/applications", q, []Field{
		{Name: "name", Label: "Name or id", Kind: "search", Longest: 200},
		{Name: "owner", Label: "Owner", Kind: "text", Longest: 200},
		{Name: "holder", Label: "Kind", Kind: "select", Options: options("All", holderWord, api.HolderKindApplications, api.HolderKindServicePrincipals, api.HolderKindResources)},
		{Name: "noOwner", Label: "Without an owner", Kind: "check"},
	}, map[string]func(string) string{
		"name": named("Name"), "owner": named("Owner"), "noOwner": is("Without an owner"), "holder": func(s string) string { return holderWord(api.HolderKind(s)) },
	})
}

func applicationRow(a api.Application, now time.Time) Row {
	var owners []Cell
	for _, o := range a.Owners {
		owners = append(owners, wordCell(ownerName(o)))
	}
	row := Row{Cells: []Cell{linkCell(a.Name, applicationPath(a.ObjectID)), wordCell(holderWord(a.Holder)).with(a.Kind), few(owners, 2), whenCell(when(a.Created, now), "not known"), codeCell(a.ClientID)}}
	if len(owners) == 0 {
		row.Cells[2] = badgeCell("warn", "Nobody")
	}
	return row
}

// applicationView is one application with its credentials.
type applicationView struct {
	Facts    Facts
	Table    Table
	Findings Table
	Notes    Text
}

// application shows one application.
func (c *Console) application(w http.ResponseWriter, v *visit) error {
	d, err := v.api.Application(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	a := d.Application
	var owners []Cell
	for _, o := range a.Owners {
		owners = append(owners, wordCell(ownerName(o)).with(o.Mail))
	}
	if len(owners) == 0 {
		owners = []Cell{badgeCell("warn", "Nobody")}
	}
	view := applicationView{Findings: findingsTable(d.Findings), Notes: words(a.Notes)}
	view.Facts = Facts{
		{"Owner", owners}, {"Kind", []Cell{wordCell(joined(holderWord(a.Holder), a.Kind))}}, {"Made", []Cell{whenCell(when(a.Created, v.now), "not known")}},
		{"Application id", []Cell{codeCell(a.ClientID)}}, {"Object id", []Cell{codeCell(a.ObjectID)}}, {"Who may sign in", []Cell{textCell(words(a.Audience).or("not known"))}},
	}
	if !a.Enabled {
		view.Facts = append(view.Facts, Fact{"State", []Cell{badgeCell("warn", "Switched off")}})
	}
	if a.Sso != "" {
		view.Facts = append(view.Facts, Fact{"Single sign-on", []Cell{wordCell(a.Sso)}})
	}
	var rows []Row
	for _, cr := range d.Credentials {
		row := credentialRow(cr, v.now)
		to := link(credentialName(cr), credentialPath(cr))
		row.Cells[1] = Cell{Link: &to}.with(kindWord(cr.Kind))
		row.Cells = row.Cells[1:]
		rows = append(rows, row)
	}
	view.Table = table("Its credentials", columnsOfCredentials[1:], rows, Empty{Title: "It has no credentials"})
	return c.show(w, v, "application", Page{Title: a.Name, Section: "applications", Crumbs: []Link{{Text: plain("Applications"), Href: "/applications"}}, Body: view})
}
