package main

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAListOfApplicationsIsRead(t *testing.T) {
	for text, want := range map[string][]string{
		"a\nb\r\n\n# no\nA\n  c d \n":                   {"a", "b", "c d"},
		"\ufeffapp name,owner\r\nD365,Nora\r\nSAP,\r\n": {"D365", "SAP"},
		"name;client id\n\"x;y\";111\nz;222\n":          {"111", "222"},
		"\"App id\",\"App name\"\n1,\"two, or more\"\n": {"1"},
		"Invoices, and more\n":                          {"Invoices, and more"},
		"Display name\n=cmd\n":                          {"=cmd"},
	} {
		if got, err := parseNames([]byte(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
	}
	for _, wrong := range []string{"", "\n#x\n", "\xff\xfe", strings.Repeat("x\n", mostNamed+2), strings.Repeat("x", longestList+1), strings.Repeat("x", longestName+1), "name\n\"open", "app,x\n" + strings.Repeat("a,b\n", mostNamed+1)} {
		if got, err := parseNames([]byte(wrong)); err == nil {
			t.Errorf("%.20q: %.3q", wrong, got)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"a\nb", "name,x\n\"a\nb\",c\n", "client id;y\n1;2", "\ufeff", "\"name\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := parseNames(raw)
		if err != nil {
			return
		}
		if len(list) == 0 || len(list) > mostNamed+1 {
			t.Fatalf("%d names", len(list))
		}
		seen := map[string]bool{}
		for _, name := range list {
			if name == "" || seen[strings.ToLower(name)] || utf8.RuneCountInString(name) > longestName || !utf8.ValidString(name) {
				t.Fatalf("%q", name)
			}
			seen[strings.ToLower(name)] = true
		}
	})
}
