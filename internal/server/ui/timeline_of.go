package ui

import (
	"net/http"
	"strings"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
)

// records is the timeline of one application or credential: rekey's own log and the
// clouds' records side by side.
func (c *Console) records(w http.ResponseWriter, v *visit) error {
	q := api.ListTimelineParams{Application: v.query("application"), Credential: v.query("credential"), Entry: v.query("entry"), Uses: v.query("uses") == "true", After: v.query("after"), Limit: pageSize}
	if q.Application+q.Credential+q.Entry == "" {
		return errNoPage
	}
	page, err := v.api.TimelinePage(v.Context(), q)
	if err != nil {
		return err
	}
	var rows []Row
	for _, e := range page.Value {
		var seen []string
		for _, s := range e.Sources {
			seen = append(seen, s.Source)
		}
		row := Row{Cells: []Cell{wordCell(e.What).with(joined(e.Through, e.Place, e.KeyID)), wordCell(e.Who), wordCell(e.Outcome), textCell(words(strings.Join(seen, ", "))), whenCell(moment(e.Time, v.now), "")}}
		if e.Rotation != "" {
			row.Cells[0] = linkCell(e.What, rotationPath(e.Rotation)).with(joined(e.Through, e.Place, e.KeyID))
		}
		rows = append(rows, row)
	}
	list := listView{Pager: pager(v.Request, len(rows), "record", client.Position(page.NextLink)), Table: table("Records, the newest first", columns("What", "Who", "Outcome", "Seen by", "When"), rows, Empty{Title: "Nothing is recorded of it", Detail: "Where the clouds' records are not read, only rekey's own acts stand here."})}
	list.Filter = filterOf("/audit/timeline", v.URL.Query(), []Field{{Name: "uses", Label: "Sign-ins as well", Kind: "check"}, hiddenField("application", typed(q.Application)), hiddenField("credential", typed(q.Credential)), hiddenField("entry", typed(q.Entry))}, map[string]func(string) string{})
	return c.show(w, v, "list", Page{Title: "Records: " + page.Subject, Section: "audit", Crumbs: []Link{{Text: plain("Audit"), Href: "/audit"}}, Lead: "What rekey did and what the clouds recorded, side by side.", Body: list})
}
