package api

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestAPageTokenLeadsToWhereThePageEnded(t *testing.T) {
	u, err := url.Parse("/v1/credentials?expiring=30d&limit=2")
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]string{{"1767225600000", "k1"}, {"", ""}, {"name with ü, & and =", "\x00"}} {
		link, err := url.Parse(next(u, keys...))
		if err != nil {
			t.Fatal(err)
		}
		if link.Query().Get("expiring") != "30d" || link.Query().Get("limit") != "2" {
			t.Errorf("next page %s has lost the filters", link)
		}
		got, err := after(link, len(keys))
		if err != nil || !slices.Equal(got, keys) {
			t.Errorf("after = %q, %v, want %q", got, err, keys)
		}
	}
}

func TestAPageTokenHoldsForItsListOnly(t *testing.T) {
	u, _ := url.Parse("/v1/credentials?expiring=30d")
	link := next(u, "1", "k1")
	token := link[strings.Index(link, "after=")+len("after=") : strings.Index(link, "&")]
	for name, address := range map[string]string{
		"another filter":  "/v1/credentials?expiring=60d&after=" + token,
		"no filter":       "/v1/credentials?after=" + token,
		"another list":    "/v1/rotations?expiring=30d&after=" + token,
		"not base64":      "/v1/credentials?expiring=30d&after=%21%21",
		"not JSON":        "/v1/credentials?expiring=30d&after=AAAA",
		"not a list":      "/v1/credentials?expiring=30d&after=e30",
		"a cut-off token": "/v1/credentials?expiring=30d&after=" + token[:len(token)-3],
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := after(u, 2); err == nil {
			t.Errorf("%s: the token was taken and gave %q", name, keys)
		}
	}
	same, _ := url.Parse("/v1/credentials?limit=7&expiring=30d&after=" + token)
	if _, err := after(same, 2); err != nil {
		t.Errorf("another page size: %v", err)
	}
	if _, err := after(same, 1); err == nil {
		t.Error("a token with two keys was taken for one with one")
	}
}

func FuzzPageToken(f *testing.F) {
	u, _ := url.Parse("/v1/credentials")
	link, _ := url.Parse(next(u, "1", "k"))
	for _, seed := range []string{"", "AAAA", "e30", "W10", link.Query().Get("after"), strings.Repeat("A", 4000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		keys, ok := parsePageToken(token)
		if !ok {
			return
		}
		if len(token) > maxPageToken || len(keys) == 0 {
			t.Fatalf("took %q", token)
		}
		q := url.Values{"after": {token}}
		got, err := after(&url.URL{Path: u.Path, RawQuery: q.Encode()}, len(keys)-1)
		if err == nil && (keys[0] != fingerprint(u.Path, url.Values{}) || !slices.Equal(got, keys[1:])) {
			t.Fatalf("token %q of another list gave %q", token, got)
		}
	})
}
