package ui

import (
	"fmt"
	"net/http"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
)

const longestName = 256 // characters that the API takes

// consumerPath is the page of a consumer, or of those with such a name if it is longer
// than an address should be.
func consumerPath(name string) string {
	if r := []rune(name); len(r) > longestName {
		return at("/consumers", "name", string(r[:80]))
	}
	return at("/consumers/one", "name", name)
}

// consumers lists who uses credentials.
func (c *Console) consumers(w http.ResponseWriter, v *visit) error {
	q := api.ListConsumersParams{Name: v.query("name"), Shared: v.query("shared") == "true", After: v.query("after"), Limit: pageSize}
	page, err := v.api.ConsumerPage(v.Context(), q)
	if err != nil {
		return err
	}
	var rows []Row
	for _, u := range page.Value {
		row := Row{Cells: []Cell{
			linkCell(u.Name, consumerPath(u.Name)), numberCell(u.Credentials, consumersCredentials(u.Name)), numberCell(u.Applications, ""), whenCell(when(u.Ends, v.now), "no end known"),
		}}
		if left := u.Ends.Sub(v.now); !u.Ends.IsZero() && left < 7*24*time.Hour {
			row.Tone = "bad"
		} else if !u.Ends.IsZero() && left < 30*24*time.Hour {
			row.Tone = "warn"
		}
		rows = append(rows, row)
	}
	list := listView{
		Filter: filterOf("/consumers", v.URL.Query(), []Field{{Name: "name", Label: "Name", Kind: "search", Longest: 200}, {Name: "shared", Label: "Uses several applications", Kind: "check"}},
			map[string]func(string) string{"name": named("Name"), "shared": is("Uses several applications")}),
		Table: table("Consumers by name", []Column{{Title: "Consumer"}, {Title: "Credentials", Number: true}, {Title: "Applications", Number: true}, {Title: "The first ends"}}, rows,
			Empty{Title: "No consumer is known", Detail: "Tag vault entries with consumer=NAME, write “used by: NAME” into an application's notes, or bind them in the configuration. References of App Services are found by themselves."}),
		Pager: pager(v.Request, len(rows), "consumer", client.Position(page.NextLink)),
	}
	return c.show(w, v, "list", Page{Title: "Consumers", Section: "consumers", Lead: "Who uses credentials, and so what stops when one ends.", Body: list})
}

// consumersCredentials is the list of what a consumer uses.
func consumersCredentials(name string) string {
	if len([]rune(name)) > longestName {
		return consumerPath(name)
	}
	return at("/credentials", "consumer", name)
}

// consumerView is one consumer and what it depends on.
type consumerView struct {
	Graph  graph
	Table  Table
	All    Link
	Answer Badge
	Says   string
}

// consumer shows what one consumer depends on.
func (c *Console) consumer(w http.ResponseWriter, v *visit) error {
	name := v.query("name")
	if name == "" {
		return errNoPage
	}
	page, err := v.api.CredentialPage(v.Context(), api.ListCredentialsParams{Consumer: name, Limit: pageSize})
	if err != nil {
		return err
	}
	if len(page.Value) == 0 {
		return errNoPage
	}
	view := consumerView{All: Link{Text: plain("As a list, to filter and export"), Href: at("/credentials", "consumer", name)}}
	var rows []Row
	columns, links := [][]spot{{{name, "consumer", consumerPath(name), "info"}}, {}, {}}, [][][2]int{{}, {}}
	apps := map[string]int{}
	for i, cr := range page.Value {
		rows = append(rows, credentialRow(cr, v.now))
		state := endBadge(cr, v.now)
		columns[1] = append(columns[1], spot{credentialName(cr), kindWord(cr.Kind) + ", " + state.Text, credentialPath(cr), state.Tone})
		links[0] = append(links[0], [2]int{0, i})
		j, known := apps[cr.Application.ObjectID]
		if !known {
			j = len(columns[2])
			apps[cr.Application.ObjectID] = j
			columns[2] = append(columns[2], spot{cr.Application.Name, holderWord(cr.Application.Holder), applicationPath(cr.Application.ObjectID), ""})
		}
		links[1] = append(links[1], [2]int{i, j})
	}
	view.Graph = drawn(columns, links)
	first := page.Value[0]
	view.Graph.Summary = fmt.Sprintf("It depends on %s of %s.", count(len(page.Value), "credential"), count(len(apps), "application"))
	view.Answer = endBadge(first, v.now)
	switch {
	case first.Expires.IsZero():
		view.Says = "None of its credentials has an end that is known."
	case first.Expires.Before(v.now):
		view.Says = "Its first credential ended " + relative(first.Expires, v.now) + "."
	default:
		view.Says = "Its first credential ends " + relative(first.Expires, v.now) + "."
	}
	view.Table = table("What it depends on", columnsOfCredentials, rows, Empty{})
	return c.show(w, v, "consumer", Page{Title: name, Section: "consumers", Crumbs: []Link{{Text: plain("Consumers"), Href: "/consumers"}}, Body: view})
}

var columnsOfCredentials = []Column{{Title: "Application"}, {Title: "Credential"}, {Title: "Ends"}, {Title: "State", Narrow: true}, {Title: "Who uses it"}, {Title: "Owner"}, {Title: "Kept in"}, {Title: "Last use"}}
