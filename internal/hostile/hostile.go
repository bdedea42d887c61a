// Package hostile has names that somebody could give to an application, a person
// or a secret to harm whoever reads them: markup, formulas, terminal controls,
// reversed text, line breaks of mail headers and calendars, and plain length.
//
// It is for tests: whatever shows a name shows all of these, and nothing happens.
package hostile

import (
	"fmt"
	"strings"
)

// seeds are the ideas; Names varies them.
var seeds = []string{
	// markup
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`, `'-alert(1)-'`, `javascript:alert(1)`, `</title><script>alert(1)</script>`,
	`<a href="javascript:alert(1)">x</a>`, `<iframe srcdoc="<script>alert(1)</script>">`, `<style>*{display:none}</style>`, `<!--`, `]]>`, `<?xml version="1.0"?>`, `&lt;script&gt;`, `&#x3c;b&#x3e;`,
	`<meta http-equiv=refresh content="0;url=//evil.example">`, `{{7*7}}`, `${7*7}`, `<%= 7*7 %>`, `{{constructor.constructor('alert(1)')()}}`, `{{DATE(2026-01-01T00:00:00Z)}}`,
	// markdown, chat
	`[pay here](https://evil.example)`, `![x](https://evil.example/p.png)`, `<https://evil.example|Approve>`, `<!channel>`, `<!everyone>`, `<@U12345>`, `@here`, "```\nrm -rf /\n```", `*bold* _it_ ~gone~`, `# heading`, `> quote`, "`code`", `https://evil.example/login`,
	// mail and HTTP headers
	"x\r\nBcc: everybody@evil.example", "x\nSubject: you won", "x\r\n\r\n<html>", "=?utf-8?q?=0d=0aBcc:_a=40evil.example?=", "x\r\n.\r\nMAIL FROM:<a@evil.example>", `"a@evil.example" <b@contoso.com>`, "a@evil.example, b@evil.example",
	// calendars
	"x\r\nEND:VEVENT\r\nBEGIN:VEVENT", "x\nATTACH:https://evil.example/a.exe", `x\nDESCRIPTION:no`, "x;VALUE=URI:https://evil.example", "a,b;c:d\\e", "x\r\nBEGIN:VALARM\r\nACTION:PROCEDURE",
	// tables
	"=1+1", "=HYPERLINK(\"https://evil.example\")", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "a,b", "a\"b", "a;b",
	// terminals
	"\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b[2J\x1b[H", "\x9b31m", "a\x08\x08b", "a\rb", "bell\x07", "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
	// text that reads otherwise
	"\u202egnp.exe", "\u2066hidden\u2069", "zero\u200bwidth", "\ufeffbom", "\u200fRTL \u05d0\u05d1\u05d2", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301\u0301\u0301\u0301", "\u0430dmin", "\u2028line\u2029par", "\u00a0", "\U000e0041tag",
	// bytes, queries, paths
	"\x00nul", "a\x00b", "\xff\xfe", "\xc0\xaf", "\xed\xa0\x80", "'; DROP TABLE alert; --", `" OR 1=1`, "../../etc/passwd", `C:\Windows\system32`, "%00", "%0d%0aSet-Cookie:a=b", "$(id)", "`id`", "; rm -rf /", "%s%n%x", "\\u003cscript\\u003e", "null", "true", "{}", "[]", `{"a":1}`, `\`, `"`, "'",
}

// Names returns 500 names and more, the same each time.
func Names() []string {
	var list []string
	for _, s := range seeds {
		list = append(list, s, "D365_"+s+"_prod", s+s, strings.ToUpper(s), "\u202e"+s+" \u2066x")
	}
	list = append(list, "", " ", "\n", "\r\n", strings.Repeat("A", 10_000), strings.Repeat("\U0001f600", 3_000), strings.Repeat("<b>", 3_000), strings.Repeat("é", 5_000), strings.Repeat("a b ", 2_500))
	for i := range 40 {
		list = append(list, fmt.Sprintf("c%cc%02x", rune(i%0x20), i))
	}
	return list
}
