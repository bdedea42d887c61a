package ui

import (
	"net/http"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
)

// vaults lists the vaults.
func (c *Console) vaults(w http.ResponseWriter, v *visit) error {
	all, err := v.api.Vaults(v.Context())
	if err != nil {
		return err
	}
	var rows []Row
	for _, s := range all {
		to := "/vaults/" + escape(s.Vault)
		rows = append(rows, Row{Cells: []Cell{
			linkCell(vaultName(s.Vault), to).with(s.Vault), numberCell(s.Entries, to), numberCell(s.Entries-s.Matched, at(to, "unmatched", "true")), numberCell(s.Ending, ""), numberCell(s.Disabled, ""),
			whenCell(moment(s.Read, v.now), "not known"),
		}})
	}
	t := table("Vaults", []Column{{Title: "Vault"}, {Title: "Entries", Number: true}, {Title: "Credential not known", Number: true}, {Title: "End within 30 days", Number: true}, {Title: "Disabled", Number: true}, {Title: "Last read"}}, rows,
		Empty{Title: "No vault has been read", Detail: "List the vaults under vaults: in the configuration; rekey doctor checks whether each can be read."})
	return c.show(w, v, "list", Page{Title: "Vaults", Section: "vaults", Lead: "Where values are kept. rekey never shows one.", Body: listView{Table: t, Filter: Filter{Action: "/vaults"}, Pager: Pager{Note: count(len(rows), "vault")}}})
}

// vault lists what one vault holds.
func (c *Console) vault(w http.ResponseWriter, v *visit) error {
	host := v.PathValue("vault")
	path := "/vaults/" + escape(host)
	page, err := v.api.EntryPage(v.Context(), host, api.ListVaultEntriesParams{Name: v.query("name"), Unmatched: v.query("unmatched") == "true", After: v.query("after"), Limit: pageSize})
	if err != nil {
		return err
	}
	var rows []Row
	for _, k := range page.Value {
		rows = append(rows, entryRow(k, v.now))
	}
	list := listView{
		Filter: filterOf(path, v.URL.Query(), []Field{{Name: "name", Label: "Name", Kind: "search", Longest: 200}, {Name: "unmatched", Label: "Credential not known", Kind: "check"}},
			map[string]func(string) string{"name": named("Name"), "unmatched": is("Credential not known")}),
		Table: table("Entries by name", columns("Entry", "Holds", "How that is known", "Ends", "State", "Written"), rows, Empty{Title: "No entry is like that", Action: Link{Text: plain("Show all"), Href: path}}),
		Pager: pager(v.Request, len(rows), "entry", client.Position(page.NextLink)),
	}
	list.Pager.Note = count(len(rows), "row")
	return c.show(w, v, "list", Page{Title: vaultName(host), Section: "vaults", Lead: visible(host), Crumbs: []Link{{Text: plain("Vaults"), Href: "/vaults"}}, Body: list})
}

func entryRow(k api.KeptEntry, now time.Time) Row {
	e := k.Entry
	holds := textCell(plain("not known"))
	if k.Application != nil {
		holds = linkCell(k.Application.Name, credentialPath(api.Credential{KeyID: k.KeyID, Application: *k.Application, Kind: kindOf(*k.Application)}))
	}
	state := badgeCell("good", "Enabled")
	if !e.Enabled {
		state = badgeCell("warn", "Disabled")
	}
	row := Row{Cells: []Cell{wordCell(e.Place.Name).with(joined(e.Kind, e.Tags["purpose"])), holds, wordCell(evidenceWord(k.How)), whenCell(when(e.Expires, now), "no end date"), state, whenCell(when(e.Updated, now), "not known")}}
	if !e.Expires.IsZero() && e.Expires.Before(now) {
		row.Tone = "bad"
	}
	return row
}

// kindOf is enough of the kind to find the credential's page.
func kindOf(a api.ApplicationRef) api.CredentialKind {
	if a.Holder == api.HolderKindResources {
		return api.CredentialKindAccessKey
	}
	return api.CredentialKindClientSecret
}
