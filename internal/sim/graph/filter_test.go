package graph

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

func TestFilter(t *testing.T) {
	made := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	list := []*world.Application{
		{Holder: world.Holder{ID: "00000000-0000-4000-8000-00000000000a", AppID: "10000000-0000-4000-8000-00000000000a", Name: "Alpha", Created: made, Owners: []string{"o1"}, Tags: []string{"prod"}}, IdentifierURIs: []string{"api://alpha"}},
		{Holder: world.Holder{ID: "00000000-0000-4000-8000-00000000000b", AppID: "10000000-0000-4000-8000-00000000000b", Name: "Beta's", Created: made.AddDate(0, 1, 0), Audience: "AzureADMultipleOrgs"}, Description: "second"},
		{Holder: world.Holder{ID: "00000000-0000-4000-8000-00000000000c", AppID: "10000000-0000-4000-8000-00000000000c", Name: "gamma", Created: made.AddDate(0, 2, 0), Tags: []string{"test", "prod"}}, Disabled: true},
	}
	for _, k := range []struct{ filter, want string }{
		{"displayName eq 'Alpha'", "Alpha"},
		{"displayName eq 'ALPHA'", "Alpha"},
		{"displayName eq 'Beta''s'", "Beta's"},
		{"displayName ne 'Alpha'", "Beta's gamma"},
		{"displayname gt 'beta'", "Beta's gamma"},
		{"appId eq '10000000-0000-4000-8000-00000000000C'", "gamma"},
		{"appId eq 10000000-0000-4000-8000-00000000000c", "gamma"},
		{"id in ('00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000c')", "Alpha gamma"},
		{"startswith(displayName,'al')", "Alpha"},
		{"startsWith(displayName, 'al') or endswith(displayName,'MMA')", "Alpha gamma"},
		{"identifierUris/any(s:s eq 'api://alpha')", "Alpha"},
		{"identifierUris/any(s: startswith(s,'api:'))", "Alpha"},
		{"tags/any(t:t eq 'prod') and not (displayName eq 'Alpha')", "gamma"},
		{"tags/all(t:t eq 'prod')", "Alpha Beta's"},
		{"tags/any()", "Alpha gamma"},
		{"not tags/any()", "Beta's"},
		{"createdDateTime ge 2026-06-01T00:00:00Z and createdDateTime lt 2026-07-01", "Beta's"},
		{"createdDateTime le 2026-05-01T12:00:00.0000000Z", "Alpha"},
		{"description eq null", "Alpha gamma"},
		{"description ne null", "Beta's"},
		{"isDisabled eq true", "gamma"},
		{"isDisabled", "gamma"},
		{"signInAudience eq 'AzureADMyOrg'", "Alpha gamma"},
		{"owners/$count eq 0", "Beta's gamma"},
		{"owners/any(o:o/id eq 'o1')", "Alpha"},
		{"displayName eq 'x' or displayName eq 'gamma' and isDisabled eq true", "gamma"},
		{"(displayName eq 'Alpha' or displayName eq 'gamma') and isDisabled eq false", "Alpha"},
	} {
		f, err := parseFilter(applicationSchema, k.filter)
		if err != nil {
			t.Errorf("%s: %v", k.filter, err)
			continue
		}
		var got []string
		for _, a := range list {
			if f.match(applicationSource(nil, a)) {
				got = append(got, a.Name)
			}
		}
		if strings.Join(got, " ") != k.want {
			t.Errorf("%s: got %v, want %s", k.filter, got, k.want)
		}
	}
}

func TestFilterRefusals(t *testing.T) {
	for _, k := range []struct {
		filter      string
		unsupported bool
	}{
		{"", false}, {"displayName", false}, {"displayName eq", false}, {"displayName eq Alpha", false}, {"displayName eq 'Alpha", false},
		{"nothing eq 'x'", false}, {"displayName eq 'x' and", false}, {"displayName eq 'x')", false}, {"(displayName eq 'x'", false},
		{"createdDateTime ge 'yesterday'", false}, {"isDisabled eq 1", false}, {"displayName in ()", false}, {"displayName in ('a'", false},
		{"tags/any(t:x eq 'a')", false}, {"displayName/any(t:t eq 'a')", false}, {"startswith(displayName)", false}, {"startswith(isDisabled,'t')", false},
		{"tags/any(t:tags/any(u:u eq 'a'))", false}, {"#", false}, {"'x' eq displayName", false}, {strings.Repeat("(", 100) + "isDisabled" + strings.Repeat(")", 100), false},
		{"passwordCredentials/any(p:p/keyId eq 'x')", true}, {"notes eq 'x'", true}, {"contains(displayName,'x')", true},
		{"isDisabled gt true", true}, {"displayName gt null", true},
	} {
		_, err := parseFilter(applicationSchema, k.filter)
		_, is := errors.AsType[unsupported](err)
		if err == nil || is != k.unsupported {
			t.Errorf("%q: %v (unsupported %t, want %t)", k.filter, err, is, k.unsupported)
		}
	}
}

// The filters of az 2.45, which sends them without the header of advanced queries.
func TestFiltersOfTheAzureCLIAreNotAdvanced(t *testing.T) {
	for s, filters := range map[*schema][]string{
		applicationSchema: {"appId eq '8d4f7c11-52a6-4b8e-9f0a-2f6f5f1b7c01'", "startswith(displayName,'x')", "identifierUris/any(s:s eq 'api://x')", "startswith(displayName,'x') and appId eq 'y'"},
		principalSchema:   {"servicePrincipalNames/any(c:c eq 'x')", "displayName eq 'x'", "startswith(displayName,'x')"},
		userSchema:        {"userPrincipalName eq 'ada@contoso.com'", "startswith(displayName,'x')"},
	} {
		for _, text := range filters {
			if f, err := parseFilter(s, text); err != nil || f.advanced {
				t.Errorf("%s: advanced or wrong: %v", text, err)
			}
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		"displayName eq 'x'", "not (tags/any(t:t ne 'x') or id in ('a','b'))", "createdDateTime ge 2026-01-01T00:00:00Z",
		"owners/$count eq 0", "tags/all(x:startswith(x,''''))", "appId eq 10000000-0000-4000-8000-00000000000c", "a/any(b:b/c eq null)",
	} {
		f.Add(s)
	}
	a := &world.Application{Holder: world.Holder{ID: "x", Name: "n", Tags: []string{"t"}, Owners: []string{"o"}}}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFilter(applicationSchema, text)
		if err != nil {
			return
		}
		once := parsed.match(applicationSource(nil, a))
		again, err := parseFilter(applicationSchema, text)
		if err != nil || again.match(applicationSource(nil, a)) != once {
			t.Errorf("%q means two things", text)
		}
	})
}

func TestTokens(t *testing.T) {
	page := pageToken{set: "applications", at: 12345, key: "name\x00id"}
	if got, err := parsePageToken(page.String()); err != nil || got != page {
		t.Errorf("page token %+v, %v", got, err)
	}
	delta := deltaToken{set: "applications", first: true, at: 7, since: 9, issued: time.Unix(1_790_000_000, 0), selected: "id,appId"}
	if got, err := parseDeltaToken(delta.String()); err != nil || got != delta {
		t.Errorf("delta token %+v, %v", got, err)
	}
	if _, err := parsePageToken(delta.String()); err == nil {
		t.Error("a delta token is taken for a page token")
	}
	text := page.String()
	for i := range text {
		edited := []byte(text)
		edited[i] ^= 1
		if _, err := parsePageToken(string(edited)); err == nil {
			t.Errorf("edited at %d and still taken", i)
		}
		if _, err := parsePageToken(text[:i]); err == nil {
			t.Errorf("cut at %d and still taken", i)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add(pageToken{set: "applications", at: 3}.String())
	f.Add(deltaToken{set: "servicePrincipals", at: 3, issued: time.Unix(1, 0)}.String())
	f.Add("UA")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := parsePageToken(text); err == nil && p.at < 0 {
			t.Errorf("page token %q reads as %+v", text, p)
		}
		if d, err := parseDeltaToken(text); err == nil && (d.at < 0 || d.since < 0) {
			t.Errorf("delta token %q reads as %+v", text, d)
		}
	})
}

func TestDirectLookUpsStillFilter(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	x.add("b")
	if got := x.get("/applications?$filter=appId eq '" + strings.ToUpper(a.AppID) + "'").names(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("by appId: %v", got)
	}
	if got := x.get("/applications?$filter=id eq '" + a.AppID + "'").names(); len(got) != 0 {
		t.Errorf("by a wrong id: %v", got)
	}
	for _, query := range []string{"$filter=id eq", "$select=zzz", "$expand=zzz", "$skip=1"} {
		x.want(400, "GET", "/applications?"+query, "")
	}
}
