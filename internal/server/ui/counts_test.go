package ui_test

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	figure  = regexp.MustCompile(`<a class="(?:tile|bucket)[^"]*" href="(/credentials[^"]*)">(.*?)</a>`)
	twin    = regexp.MustCompile(`<td role="cell" data-label="(?:Breaks|In use|No use known|All)" class="number"><a href="(/credentials[^"]*)"><bdi>([0-9,]+)</bdi></a>`)
	digits  = regexp.MustCompile(`>([0-9][0-9,]*)<`)
	rowHead = regexp.MustCompile(`<th scope="row"`)
	nextOf  = regexp.MustCompile(`href="([^"]*)" rel="next"`)
)

// rows counts the rows of a list through all of its pages.
func (w *town) rows(target string) (n int) {
	w.t.Helper()
	for range 100 {
		page := w.page(target)
		n += len(rowHead.FindAllString(page, -1))
		m := nextOf.FindStringSubmatch(page)
		if m == nil {
			return n
		}
		target = html.UnescapeString(m[1])
	}
	w.t.Fatalf("%s does not end", target)
	return 0
}

// TestEveryNumberIsThatOfItsList follows each number of the front page.
func TestEveryNumberIsThatOfItsList(t *testing.T) {
	w := newTown(t, 120)
	home := w.page("/")
	wellFormed(t, "/", home)
	followed := map[string]int{}
	add := func(href, text string) {
		n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
		if err != nil {
			t.Fatalf("%q is no number", text)
		}
		followed[html.UnescapeString(href)] = n
	}
	for _, m := range figure.FindAllStringSubmatch(home, -1) {
		d := digits.FindStringSubmatch(m[2])
		if d == nil {
			t.Fatalf("a tile without a number: %s", m[0])
		}
		add(m[1], d[1])
	}
	for _, m := range twin.FindAllStringSubmatch(home, -1) {
		add(m[1], m[2])
	}
	if len(followed) < 25 {
		t.Fatalf("only %d numbers lead anywhere", len(followed))
	}
	some := 0
	for href, n := range followed {
		if n > 0 {
			some++
		}
		if got := w.rows(href); got != n {
			t.Errorf("%s is said to have %d rows and has %d", href, n, got)
		}
	}
	if some < 8 {
		t.Errorf("only %d numbers are more than nothing", some)
	}
	sentence := regexp.MustCompile(`data-say="([0-9,]+) credential[^"]*"><a href="([^"]*)"`).FindStringSubmatch(home)
	if sentence == nil {
		t.Fatal("the first sentence counts nothing")
	}
	if n, _ := strconv.Atoi(sentence[1]); w.rows(html.UnescapeString(sentence[2])) != n {
		t.Errorf("the first sentence says %s, and its list differs", sentence[0])
	}
}

// TestBackAndForth: the way through a list leads back to where it came from.
func TestBackAndForth(t *testing.T) {
	w := newTown(t, 160)
	first := w.page("/credentials")
	next := func(page string) string {
		m := nextOf.FindStringSubmatch(page)
		if m == nil {
			t.Fatal("there is no next page")
		}
		return html.UnescapeString(m[1])
	}
	prev := regexp.MustCompile(`href="([^"]*)" rel="prev"`)
	second := w.page(next(first))
	third := w.page(next(second))
	back := w.page(html.UnescapeString(prev.FindStringSubmatch(third)[1]))
	table := func(page string) string { return page[strings.Index(page, "<tbody"):strings.Index(page, "</tbody>")] }
	if table(back) != table(second) {
		t.Error("the page before the third is not the second")
	}
	if home := w.page(html.UnescapeString(prev.FindStringSubmatch(back)[1])); table(home) != table(first) {
		t.Error("the page before the second is not the first")
	}
}
