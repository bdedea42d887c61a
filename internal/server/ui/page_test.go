package ui_test

import (
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"
)

// ends are elements without an end tag.
var void = regexp.MustCompile(`<(meta|link|input|br|hr|img)\b([^>]*?)/?>`)
var bare = regexp.MustCompile(` (selected|checked|required|hidden|open|readonly|autofocus)([ />])`)

// wellFormed checks that every element of a page ends where it should, by reading it as XML.
func wellFormed(t *testing.T, what, page string) {
	t.Helper()
	text := void.ReplaceAllString(page, "<$1$2/>")
	for range 2 { // neighbours share the space between them
		text = bare.ReplaceAllString(text, ` $1=""$2`)
	}
	text = strings.Replace(text, "<!doctype html>", "", 1)
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = xml.HTMLEntity
	ids := map[string]bool{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			line := strings.Split(text, "\n")
			n, _ := d.InputPos()
			t.Errorf("%s is not well-formed: %v\n%s", what, err, line[min(n, len(line))-1])
			return
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range start.Attr {
			switch {
			case a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on"):
				t.Errorf("%s has <%s %s>", what, start.Name.Local, a.Name.Local)
			case a.Name.Local == "id" && ids[a.Value]:
				t.Errorf("%s has the id %q twice", what, a.Value)
			case a.Name.Local == "id":
				ids[a.Value] = true
			}
		}
	}
}
