package ui_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTemplatesHoldNoLogic: no style, no script, no handler, no function but if and range.
func TestTemplatesHoldNoLogic(t *testing.T) {
	files, err := filepath.Glob("templates/*.html")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	action := regexp.MustCompile(`\{\{-?\s*(.*?)\s*-?\}\}`)
	allowed := regexp.MustCompile(`^(else|end|(if|range|else if|with) \.[A-Za-z.]*|range \.|\.[A-Za-z.]*|define "[a-z-]+"|template "[a-z-]+"( \.[A-Za-z.]*)?)$`)
	named := regexp.MustCompile(`^template "icon" "[a-z]+"$`)
	markup := regexp.MustCompile(`(?i)\sstyle=|<style|\son[a-z]+=|javascript:|https?://(www\.w3\.org)?`)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		for _, m := range markup.FindAllString(text, -1) {
			if m != "http://www.w3.org" {
				t.Errorf("%s holds %q", file, m)
			}
		}
		for _, m := range action.FindAllStringSubmatch(text, -1) {
			if !allowed.MatchString(m[1]) && !named.MatchString(m[1]) {
				t.Errorf("%s: {{%s}} is more than a template should do", file, m[1])
			}
		}
		if n := strings.Count(text, "<script"); n != 0 && !(n == 1 && strings.Contains(text, `<script type="module" src="{{.Script}}"></script>`)) {
			t.Errorf("%s holds a script", file)
		}
	}
}
