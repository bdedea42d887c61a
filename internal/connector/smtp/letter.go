package smtp

import (
	"bytes"
	"embed"
	"fmt"
	html "html/template"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
)

//go:embed letter.html
var files embed.FS

var page = html.Must(html.ParseFS(files, "letter.html"))

// Limits of what stands in a mail.
const (
	longestSubject  = 180
	longestHeadline = 300
	longestText     = 2000
	longestFact     = 500
)

// letter makes the mail of a message: plain text and HTML that say the same,
// nothing that is loaded from anywhere, and the ends as an attachment.
func (s *Server) letter(m connector.Message) (*gomail.Msg, error) {
	to, err := mail.ParseAddress(m.To)
	if err != nil || !strings.Contains(to.Address, "@") || strings.ContainsAny(to.Address, "\r\n") {
		return nil, &connector.UndeliverableError{Why: fmt.Sprintf("%q is not a mail address", rest.Clean(m.To, 100)), Recipient: true}
	}
	m = cleaned(m)
	l := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	l.FromMailAddress(s.from)
	l.ToMailAddress(&mail.Address{Address: to.Address})
	l.Subject(m.Subject)
	l.SetDateWithValue(m.Made)
	l.SetMessageIDWithValue(m.ID + "@" + s.domain)
	if m.Thread != "" {
		root := "<" + s.ref(m.Tenant+" "+m.Thread+" "+to.Address) + ">"
		l.SetGenHeader(gomail.HeaderInReplyTo, root)
		l.SetGenHeader(gomail.HeaderReferences, root)
	}
	l.SetGenHeader("List-Id", "rekey alerts <alerts.rekey."+s.domain+">")
	l.SetGenHeader("Auto-Submitted", "auto-generated")
	l.SetGenHeader("X-Auto-Response-Suppress", "All") // what Exchange understands
	if !m.Digest && !m.Test {
		l.SetImportance(gomail.ImportanceHigh)
	}
	l.SetBodyString(gomail.TypeTextPlain, plain(m))
	var b bytes.Buffer
	if err := page.Execute(&b, m); err != nil {
		return nil, connector.Undeliverable("the mail cannot be made")
	}
	l.AddAlternativeString(gomail.TypeTextHTML, b.String())
	if s.Calendar != nil {
		if ics := s.Calendar(m); len(ics) > 0 {
			if err := l.AttachReader("ends.ics", bytes.NewReader(ics), gomail.WithFileContentType("text/calendar; charset=utf-8; method=PUBLISH")); err != nil {
				return nil, connector.Undeliverable("the calendar cannot be attached")
			}
		}
	}
	return l, nil
}

// cleaned is a message whose texts are each one line, without control characters
// and not longer than anybody reads.
func cleaned(m connector.Message) connector.Message {
	m.Subject, m.Intro, m.Name = rest.Clean(m.Subject, longestSubject), rest.Clean(m.Intro, longestText), rest.Clean(m.Name, 100)
	if m.Subject == "" {
		m.Subject = "rekey"
	}
	items := make([]connector.Item, len(m.Items))
	for n, i := range m.Items {
		i.Headline, i.Text, i.Application = rest.Clean(i.Headline, longestHeadline), rest.Clean(i.Text, longestText), rest.Clean(i.Application, 200)
		facts := make([]connector.Fact, len(i.Facts))
		for k, f := range i.Facts {
			facts[k] = connector.Fact{Name: rest.Clean(f.Name, 60), Value: rest.Clean(f.Value, longestFact)}
		}
		i.Facts = facts
		items[n] = i
	}
	m.Items = items
	return m
}

// plain is the mail for those who read text.
func plain(m connector.Message) string {
	var b strings.Builder
	if m.Intro != "" {
		b.WriteString(m.Intro + "\n\n")
	}
	for _, i := range m.Items {
		fmt.Fprintf(&b, "%s\n", i.Headline)
		fmt.Fprintf(&b, "  Severity: %s", i.Severity)
		if i.Act == connector.Escalated {
			b.WriteString("; nobody has answered yet")
		}
		if i.Again {
			b.WriteString("; perhaps for the second time")
		}
		b.WriteString("\n")
		for _, f := range i.Facts {
			fmt.Fprintf(&b, "  %s: %s\n", f.Name, f.Value)
		}
		if i.Text != "" {
			fmt.Fprintf(&b, "  %s\n", i.Text)
		}
		if i.Link != "" {
			fmt.Fprintf(&b, "  %s\n", i.Link)
		}
		b.WriteString("\n")
	}
	if m.More > 0 {
		fmt.Fprintf(&b, "and %d more\n\n", m.More)
	}
	fmt.Fprintf(&b, "-- \nrekey, for %s\n", m.Name)
	if m.Link != "" {
		fmt.Fprintf(&b, "All alerts: %s\n", m.Link)
	}
	return b.String()
}
