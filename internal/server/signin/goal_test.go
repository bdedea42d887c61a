package signin

import (
	"fmt"
	"net/url"
	"testing"
)

// TestNobodyIsSentElsewhere: whatever stands in return=, the browser stays here.
func TestNobodyIsSentElsewhere(t *testing.T) {
	list := []string{
		"", "//evil.com", "///evil.com", "////evil.com", "/\\evil.com", "\\\\evil.com", "\\/evil.com", "/\\/evil.com", "https://evil.com", "http://evil.com", "https:evil.com",
		"https:/evil.com", "https:///evil.com", "HTTPS://evil.com", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "ftp://evil.com", "file:///etc/passwd",
		"/\t/evil.com", "/\n/evil.com", "/\r/evil.com", "/ /evil.com", "\t//evil.com", " //evil.com", "\n//evil.com", "/\x00/evil.com", "/\x7f/evil.com", "/\u2028/evil.com",
		"/\u3002evil.com", "//evil\u3002com", "/\uff0fevil.com", "\uff0f\uff0fevil.com", "/\u2215evil.com", "evil.com", "evil.com/", ".evil.com", "@evil.com", "/..//evil.com",
		"/../evil.com", "/a/../../evil.com", "/./..//evil.com", "/x/..", "/%0a/evil.com", "/%0d%0aLocation:%20https://evil.com", "/%09/evil.com", "/%00", "/%5cevil.com", "/%5c/evil.com",
		"/%5C%5Cevil.com", "/%2fevil.com", "/%2f%2fevil.com", "/%2F/evil.com", "/%2e%2e//evil.com", "/%2e%2e/x", "/signin", "/signin/", "/signin?return=//evil.com", "/signin/again?return=/x",
		"/signout", "/signout?x", "/setup", "/setup#x", "/signin/entra", "/signin/return?code=x", "http:\\\\evil.com", "https:\\\\evil.com", "/\u00a0/evil.com", "?x=//evil.com",
		"#//evil.com", "?", "#", ":", "://evil.com", "mailto:a@evil.com", "/\ufffd", "/\xff", "\xff//evil.com", "//evil.com/..", "//evil.com:80/",
		"//user@evil.com", "//[::1]/", "/\\[::1]/", "//0x7f.1/", "//localhost", "https://rekey.contoso.com", "//rekey.contoso.com/", "intent://x", "blob:x", "about:blank",
		"view-source:x", "/\v/evil.com", "/\f/evil.com", "/\b/evil.com", "/\u202e/evil.com", "/é", "/\u200b/evil.com", "//%65vil.com", "/%", "/%zz",
	}
	for i := range 2 {
		list = append(list, fmt.Sprintf("/%0*d", longestGoal+i, 0))
	}
	for _, text := range list {
		got := goal(text)
		u, err := url.Parse("https://rekey.contoso.com/signin")
		if err != nil {
			t.Fatal(err)
		}
		to, err := u.Parse(got)
		if err != nil || to.Host != "rekey.contoso.com" || to.Scheme != "https" || len(got) > 1 && (got[1] == '/' || got[1] == '\\') {
			t.Errorf("%q leads to %q", text, got)
		}
		if got != "/" && text != "/%2e%2e/x" && len(got) > 0 && got[0] != '/' {
			t.Errorf("%q leads to %q", text, got)
		}
	}
	for _, text := range []string{"/", "/credentials", "/credentials?expiring=7d&owner=Nora", "/rotations/r-1#steps", "/a/b/", "/signing", "/x?return=https%3A%2F%2Fa.b"} {
		if got := goal(text); got != text {
			t.Errorf("%q leads to %q", text, got)
		}
	}
	t.Logf("%d addresses lead nowhere else", len(list))
}

func FuzzGoal(f *testing.F) {
	f.Add("/x")
	f.Add("//evil.com")
	f.Add("/\\evil.com")
	base := mustURL("https://rekey.contoso.com/signin")
	f.Fuzz(func(t *testing.T, text string) {
		to, err := base.Parse(goal(text))
		if err != nil || to.Host != base.Host || to.Scheme != base.Scheme {
			t.Errorf("%q leads to %v", text, to)
		}
	})
}
