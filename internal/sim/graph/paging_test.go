package graph

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rekey.example/rekey/internal/sim/world"
)

// pages follows links to the end and gives the names of each page.
func (x *tenant) pages(path string, headers ...string) [][]string {
	x.Helper()
	var list [][]string
	for path != "" {
		p := x.get(path, headers...)
		list = append(list, p.names())
		path = p.string("@odata.nextLink")
		if len(list) > 100 {
			x.Fatal("the links never end")
		}
	}
	return list
}

func many(x *tenant, n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("app %02d", (i*7)%n))
		x.add(names[i])
	}
	return names
}

func TestPagesHoldEverythingOnce(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	names := many(x, 23)
	for _, top := range []int{1, 5, 22, 23, 24, 999} {
		pages := x.pages(fmt.Sprintf("/applications?$top=%d", top))
		if got := slices.Concat(pages...); !slices.Equal(got, names) {
			t.Errorf("$top=%d: %v", top, got)
		}
		for i, p := range pages[:len(pages)-1] {
			if len(p) != top {
				t.Errorf("$top=%d: page %d has %d", top, i, len(p))
			}
		}
	}
	if n := len(x.get("/applications").names()); n != 23 {
		t.Errorf("without $top: %d", n)
	}
	for _, top := range []string{"0", "1000", "x", "-1"} {
		x.want(400, "GET", "/applications?$top="+top, "")
	}
}

func TestNextLinkKeepsTheQueryAndComesFirst(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	many(x, 5)
	p := x.get("/applications?$select=id,displayName&$top=2&$filter=startswith(displayName,%27app%27)")
	if next, value := strings.Index(p.text, "@odata.nextLink"), strings.Index(p.text, `"value"`); next < 0 || next > value {
		t.Errorf("the link does not come before the items: %s", p.text)
	}
	link, err := url.Parse(p.string("@odata.nextLink"))
	if err != nil || link.Host != "graph.microsoft.com" {
		t.Fatalf("link %s", p.string("@odata.nextLink"))
	}
	for name, want := range map[string]string{"$select": "id,displayName", "$top": "2", "$filter": "startswith(displayName,'app')"} {
		if got := link.Query().Get(name); got != want {
			t.Errorf("%s=%s, want %s", name, got, want)
		}
	}
	if got := x.want(400, "GET", "/applications?$skiptoken=abc", "").code(); got != "Directory_ExpiredPageToken" {
		t.Errorf("a false token: %s", got)
	}
}

// What is deleted while somebody pages neither repeats nor hides the rest.
func TestPagesSurviveChanges(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	names := many(x, 9)
	for _, order := range []string{"", "&$orderby=displayName", "&$orderby=displayName desc"} {
		first := x.get("/applications?$top=3" + order)
		victim := first.names()[1]
		x.w.Change(func() {
			for _, a := range x.w.Directory.Applications {
				if a.Name == victim {
					x.w.Directory.DeleteApplication(a)
					x.w.Directory.RestoreApplication(a) // to the end of the order
					return
				}
			}
		})
		rest := slices.Concat(x.pages(first.string("@odata.nextLink"))...)
		for _, name := range names {
			n := 0
			for _, got := range append(first.names(), rest...) {
				if got == name {
					n++
				}
			}
			if n != 1 && name != victim {
				t.Errorf("%q: %s came %d times", order, name, n)
			}
		}
	}
}

func TestOrder(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	names := many(x, 11)
	up := slices.Sorted(slices.Values(names))
	if got := slices.Concat(x.pages("/applications?$orderby=displayName&$top=4")...); !slices.Equal(got, up) {
		t.Errorf("ascending: %v", got)
	}
	slices.Reverse(up)
	if got := slices.Concat(x.pages("/applications?$orderby=displayName desc&$top=4")...); !slices.Equal(got, up) {
		t.Errorf("descending: %v", got)
	}
	a := x.add("aaa")
	x.want(204, "PATCH", "/applications/"+a.ID, `{"displayName":"zzz"}`)
	if got := x.get("/applications?$orderby=displayName desc&$top=1").names(); !slices.Equal(got, []string{"zzz"}) {
		t.Errorf("after a change of name: %v", got)
	}
	x.want(400, "GET", "/applications?$orderby=notes", "")
}

func TestAdvancedQueriesNeedTheHeaderAndTheCount(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	many(x, 12)
	const eventual = "ConsistencyLevel"
	for _, query := range []string{
		"$filter=displayName ne 'x'",
		"$filter=not startswith(displayName,'x')",
		"$filter=endsWith(displayName,'1')",
		"$filter=startswith(displayName,'app')&$orderby=displayName",
		"$search=%22displayName:app%22",
	} {
		if p := x.want(400, "GET", "/applications?"+query, ""); p.code() != "Request_UnsupportedQuery" {
			t.Errorf("%s: %s", query, p.text)
		}
		x.get("/applications?"+query+"&$count=true", eventual, "eventual")
	}
	if p := x.want(400, "GET", "/applications/$count", ""); p.code() != "Request_BadRequest" {
		t.Errorf("$count: %s", p.text)
	}
	p := x.get("/applications/$count", eventual, "eventual")
	if p.text != "12" || p.header.Get("Content-Type") != "text/plain" {
		t.Errorf("$count: %q %s", p.text, p.header.Get("Content-Type"))
	}
	p = x.get("/applications?$top=5&$count=true&$filter=startswith(displayName,'app 0')", eventual, "eventual")
	if p.json["@odata.count"] != 10.0 || len(p.names()) != 5 {
		t.Errorf("count %v on a page of %d", p.json["@odata.count"], len(p.names()))
	}
	if p := x.get("/applications?$count=true"); strings.Contains(p.text, "@odata.count") {
		t.Error("a count without the header")
	}
}

func TestSearchFindsWordsByTheirBeginning(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	for _, name := range []string{"DocuSign connector", "Sign-in helper", "Design system"} {
		x.add(name)
	}
	for search, want := range map[string][]string{
		"%22displayName:sign%22":                                  {"Sign-in helper"},
		"%22displayName:docu%22 OR %22displayName:design%22":      {"DocuSign connector", "Design system"},
		"%22displayName:sign helper%22":                           {"Sign-in helper"},
		"%22displayName:docu%22 AND %22displayName:connectors%22": {},
	} {
		if got := x.get("/applications?$search="+search, "ConsistencyLevel", "eventual").names(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", search, got, want)
		}
	}
	for _, bad := range []string{"displayName:x", "%22displayName%22", "%22displayName:x", "%22notes:x%22", "%22displayName:x%22 AND"} {
		x.want(400, "GET", "/applications?$search="+bad, "", "ConsistencyLevel", "eventual")
	}
}

func TestForeignLink(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	many(x, 3)
	if err := x.w.Faults.Set(world.Fault{Name: world.ForeignLink, Value: "evil.example", Times: 1}); err != nil {
		t.Fatal(err)
	}
	x.get("/applications") // no link, no fault
	if link := x.get("/applications?$top=1").string("@odata.nextLink"); !strings.HasPrefix(link, "https://evil.example/v1.0/applications?") {
		t.Errorf("link %s", link)
	}
	if link := x.get("/applications?$top=1").string("@odata.nextLink"); !strings.HasPrefix(link, "https://graph.microsoft.com/") {
		t.Errorf("link %s", link)
	}
}

// The encoding that is kept must never be shown for an object that changed, even
// if it was changed behind the service's back.
func TestKeptEncodingFollowsChanges(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a", func(a *world.Application) { a.Passwords = []*world.Password{{KeyID: "k", Name: "n", Hint: "abc"}} })
	for i, change := range []func(){
		func() { a.Name = "b" },
		func() { a.Passwords[0].Name = "m" },
		func() { a.Passwords[0].Ends = a.Created },
		func() { a.Tags = append(a.Tags, "t") },
		func() { a.Notes = "note" },
		func() { a.Passwords = nil },
	} {
		before := x.get("/applications").text
		x.w.Change(change)
		if after := x.get("/applications").text; after == before {
			t.Errorf("change %d is not shown: %s", i, after)
		}
	}
}
