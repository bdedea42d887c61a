package ui

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

// listView is a page with a filter, a table and its neighbours.
type listView struct {
	Filter Filter
	Views  []Link
	Keep   *keepForm
	Export []Link
	Table  Table
	Pager  Pager
}

// keepForm keeps the filter as a view.
type keepForm struct {
	Filter string
	Share  bool
	Mine   []keptView
}

type keptView struct {
	ID, Where string
	Name      Text
}

var (
	allEnds  = []api.Ends{api.EndsExpired, api.EndsWithin2, api.EndsWithin7, api.EndsWithin14, api.EndsWithin30, api.EndsWithin60, api.EndsWithin90, api.EndsLater, api.EndsNever, api.EndsUnknown}
	allKinds = []api.CredentialKind{api.CredentialKindClientSecret, api.CredentialKindCertificate, api.CredentialKindSamlSigning, api.CredentialKindAccessKey, api.CredentialKindFederated, api.CredentialKindOwner}
)

// credentials lists credentials, the first to end first.
func (c *Console) credentials(w http.ResponseWriter, v *visit) error {
	q, err := selection(v.URL.Query())
	if err != nil {
		return err
	}
	q.After, q.Limit = v.query("after"), pageSize
	page, err := v.api.CredentialPage(v.Context(), q)
	if err != nil {
		return err
	}
	views, err := v.api.Views(v.Context())
	if err != nil {
		return err
	}
	var rows []Row
	for _, r := range page.Value {
		rows = append(rows, credentialRow(r, v.now))
	}
	list := listView{Filter: credentialFilter(v.URL.Query()), Export: exports(v.URL.Query()), Pager: pager(v.Request, len(rows), "credential", client.Position(page.NextLink))}
	empty := Empty{Title: "No credential is like that", Detail: "Take a filter away to see more.", Action: Link{Text: plain("Show all"), Href: "/credentials"}}
	if list.Filter.Clear == "" {
		empty = Empty{Title: "No credentials are known yet", Detail: "They come with the first reading of the tenant."}
	}
	list.Table = table("Credentials, the first to end first", []Column{{Title: "Application"}, {Title: "Credential"}, {Title: "Ends"}, {Title: "State", Narrow: true}, {Title: "Who uses it"}, {Title: "Owner"}, {Title: "Kept in"}, {Title: "Last use"}}, rows, empty)
	list.views(v, views)
	return c.show(w, v, "list", Page{Title: "Credentials", Section: "credentials", Body: list})
}

// selection is what the address selects. Dates may be given without a time.
func selection(q url.Values) (p api.ListCredentialsParams, err error) {
	on := func(name string) bool { return q.Get(name) == "true" }
	p = api.ListCredentialsParams{
		Expiring: q.Get("expiring"), Expired: on("expired"), Kind: api.CredentialKind(q.Get("kind")), Owner: q.Get("owner"), NoOwner: on("noOwner"), App: q.Get("app"),
		Vault: q.Get("vault"), Unused: on("unused"), Unmanaged: on("unmanaged"), Ends: api.Ends(q.Get("ends")), State: api.CredentialState(q.Get("state")),
		Used: api.UsedWhen(q.Get("used")), Impact: api.Impact(q.Get("impact")), Consumer: q.Get("consumer"), Shared: on("shared"), Stray: on("stray"), Search: strings.TrimSpace(q.Get("search")),
	}
	if p.From, err = day(q.Get("from")); err != nil {
		return p, err
	}
	p.Before, err = day(q.Get("before"))
	return p, err
}

func day(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, errDate
	}
	return t, nil
}

func credentialRow(c api.Credential, now time.Time) Row {
	state := endBadge(c, now)
	var consumers, owners, places []Cell
	for _, u := range c.Consumers {
		consumers = append(consumers, linkCell(u.Consumer, consumerPath(u.Consumer)))
	}
	for _, o := range people(c.Owners) {
		owners = append(owners, wordCell(ownerName(o)))
	}
	for _, p := range c.Places {
		places = append(places, linkCell(vaultName(p.Vault)+"/"+p.Name, at("/vaults/"+escape(p.Vault), "name", p.Name)))
	}
	row := Row{Cells: []Cell{
		linkCell(c.Application.Name, credentialPath(c)).with(shortHolder(c.Application)),
		wordCell(credentialName(c)).with(kindWord(c.Kind)),
		whenCell(when(c.Expires, now), "–"),
		{Badge: &state},
		few(consumers, 2), few(owners, 2), few(places, 2),
		whenCell(when(c.LastUsed, now), "none recorded"),
	}}
	if len(owners) == 0 {
		row.Cells[5] = badgeCell("warn", "Nobody")
	}
	if state.Tone == "bad" || state.Tone == "warn" {
		row.Tone = state.Tone
	}
	return row
}

func shortHolder(a api.ApplicationRef) string {
	if a.Holder == api.HolderKindApplications {
		return ""
	}
	return holderWord(a.Holder)
}

func credentialFilter(q url.Values) Filter {
	fields := []Field{
		{Name: "search", Label: "Search", Kind: "search", Placeholder: "Name, owner, label or id", Longest: 200},
		{Name: "ends", Label: "Ends", Kind: "select", Options: options("Whenever", endsTitle, allEnds...)},
		{Name: "impact", Label: "What it hits", Kind: "select", Options: options("Whatever", impactWord, api.ImpactBreaks, api.ImpactUsed, api.ImpactQuiet)},
		{Name: "kind", Label: "Type", Kind: "select", Options: options("All", kindWord, allKinds...)},
		{Name: "state", Label: "State", Kind: "select", Options: options("All", stateWord, api.CredentialStateValid, api.CredentialStateExpired, api.CredentialStateEarly, api.CredentialStateUnknown)},
		{Name: "used", Label: "Last use", Kind: "select", Options: options("Whenever", usedWord, api.UsedWhenRecent, api.UsedWhenLongAgo, api.UsedWhenNone)},
		{Name: "owner", Label: "Owner", Kind: "text", Placeholder: "Name or address", Longest: 200},
		{Name: "app", Label: "Application", Kind: "text", Longest: 200},
		{Name: "vault", Label: "Vault", Kind: "text", Longest: 200},
		{Name: "noOwner", Label: "Without an owner", Kind: "check"},
	}
	return filterOf("/credentials", q, fields, map[string]func(string) string{
		"search": named("Search"), "ends": func(s string) string { return "Ends: " + endsTitle(api.Ends(s)) }, "expiring": named("Ends within"), "expired": is("Expired"),
		"from": named("Ends from"), "before": named("Ends before"), "state": func(s string) string { return stateWord(api.CredentialState(s)) },
		"kind": func(s string) string { return kindWord(api.CredentialKind(s)) }, "impact": func(s string) string { return impactWord(api.Impact(s)) },
		"consumer": named("Used by"), "owner": named("Owner"), "noOwner": is("Without an owner"), "app": named("Application"), "vault": named("Vault"),
		"used": func(s string) string { return "Last use: " + usedWord(api.UsedWhen(s)) }, "unused": is("Unused for 90 days"), "shared": is("Shared consumer"),
		"unmanaged": is("Appeared without rekey"), "stray": is("Orphan markers"),
	})
}

func stateWord(s api.CredentialState) string {
	switch s {
	case api.CredentialStateValid:
		return "Valid"
	case api.CredentialStateExpired:
		return "Expired"
	case api.CredentialStateEarly:
		return "Not yet valid"
	}
	return "End unknown"
}

// exports are the same rows as files.
func exports(q url.Values) (list []Link) {
	for _, f := range []struct{ format, text string }{{"csv", "CSV"}, {"xlsx", "Excel"}, {"ics", "Calendar"}} {
		c := url.Values{}
		for k, v := range q {
			if k != "after" && k != "trail" {
				c[k] = v
			}
		}
		c.Set("format", f.format)
		list = append(list, Link{Text: plain(f.text), Href: "/credentials/export?" + c.Encode(), Icon: "download"})
	}
	return list
}

// export hands the file on from the API as it comes.
func (c *Console) export(w http.ResponseWriter, v *visit) error {
	p, err := selection(v.URL.Query())
	if err != nil {
		return err
	}
	format := api.ExportFormat(v.query("format"))
	kind := map[api.ExportFormat]string{
		api.ExportFormatCsv: "text/csv; charset=utf-8", api.ExportFormatIcs: "text/calendar; charset=utf-8",
		api.ExportFormatXlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	}[format]
	if kind == "" {
		return errNoPage
	}
	out := &file{w: w, control: http.NewResponseController(w), kind: kind, name: "rekey-credentials-" + v.now.UTC().Format(time.DateOnly) + "." + string(format)}
	err = v.api.ExportCredentials(v.Context(), api.ExportCredentialsParams{
		Format: format, Expiring: p.Expiring, Expired: p.Expired, Kind: p.Kind, Owner: p.Owner, NoOwner: p.NoOwner, App: p.App, Vault: p.Vault, Unused: p.Unused,
		Unmanaged: p.Unmanaged, Ends: p.Ends, From: p.From, Before: p.Before, State: p.State, Used: p.Used, Impact: p.Impact, Consumer: p.Consumer,
		Shared: p.Shared, Stray: p.Stray, Search: p.Search,
	}, out)
	if err != nil && out.begun {
		panic(http.ErrAbortHandler) // half a file must not pass for a whole one
	}
	return err
}

// file is an answer to be kept. A slow reader has as long as it goes on reading.
type file struct {
	w          http.ResponseWriter
	control    *http.ResponseController
	kind, name string
	begun      bool
}

func (f *file) Write(b []byte) (int, error) {
	if !f.begun {
		f.begun = true
		f.w.Header().Set("Content-Type", f.kind)
		f.w.Header().Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
	}
	_ = f.control.SetWriteDeadline(time.Now().Add(time.Minute)) // where there are no deadlines, none is needed
	return f.w.Write(b)
}

// views are the filters that were kept, as tabs, and the form to keep this one.
func (l *listView) views(v *visit, kept []api.View) {
	here := v.URL.Query()
	for _, k := range []string{"after", "trail"} {
		here.Del(k)
	}
	for name := range here {
		if here.Get(name) == "" {
			here.Del(name)
		}
	}
	now := here.Encode()
	add := func(text Text, filter string) {
		l.Views = append(l.Views, Link{Text: text, Href: strings.TrimSuffix("/credentials?"+filter, "?"), Current: filter == now})
	}
	add(plain("All"), "")
	add(plain("Breaks within 30 days"), "expiring=30d&impact=breaks")
	add(plain("Still valid"), "state=valid")
	if v.Actor.Name != "" {
		add(plain("Mine"), url.Values{"owner": {v.Actor.Name}}.Encode())
	}
	l.Keep = &keepForm{Filter: now, Share: v.may(access.ShareView)}
	for _, k := range kept {
		add(words(k.Name), k.Filter)
		if k.Mine {
			where := "yours"
			if k.Shared {
				where = "seen by all"
			}
			l.Keep.Mine = append(l.Keep.Mine, keptView{ID: k.ID, Name: words(k.Name), Where: where})
		}
	}
	if now == "" && len(l.Keep.Mine) == 0 {
		l.Keep = nil
	}
}

// keepView keeps the filter that is shown, or forgets one.
func (c *Console) keepView(w http.ResponseWriter, v *visit) error {
	if id := v.field("drop"); id != "" {
		if err := v.api.DropView(v.Context(), id); err != nil {
			return err
		}
		return c.see(w, v, "/credentials", good("The view is forgotten."))
	}
	k, err := v.api.KeepView(v.Context(), api.ViewRequest{Name: v.field("name"), Filter: v.field("filter"), Shared: v.field("shared") == "true"})
	if err != nil {
		return err
	}
	return c.see(w, v, "/credentials?"+k.Filter, good("The view “"+k.Name+"” is kept."))
}
