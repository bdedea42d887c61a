package api

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"rekey.example/rekey/internal/inventory"
)

// writeICS writes the ends as a calendar of whole days (RFC 5545). Each has the same
// UID whenever it is written, so that importing it again moves it instead of adding it.
func writeICS(to io.Writer, now time.Time, walk func(func(*inventory.Row) error) error) error {
	lines := func(list ...string) error {
		for _, l := range list {
			if _, err := io.WriteString(to, folded(l)+"\r\n"); err != nil {
				return err
			}
		}
		return nil
	}
	if err := lines("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//rekey//credentials//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH", "X-WR-CALNAME:Credentials that end"); err != nil {
		return err
	}
	err := walk(func(r *inventory.Row) error {
		if r.Expires.IsZero() {
			return nil
		}
		sum := sha256.Sum256([]byte(r.Tenant + "/" + string(r.Holder) + "/" + r.KeyID))
		day := r.Expires.UTC()
		what := []string{"Ends: " + r.Expires.UTC().Format(time.RFC3339), "Type: " + string(r.Kind), "Key id: " + r.KeyID, "App id: " + string(r.Application.ClientID)}
		if r.Label != "" {
			what = append(what, "Name: "+r.Label)
		}
		title := r.Application.Name + ": credential ends"
		if len(r.Consumers) > 0 {
			title = r.Consumers[0].Consumer + " stops: credential of " + r.Application.Name + " ends"
			for _, c := range r.Consumers {
				what = append(what, "Used by: "+c.Consumer)
			}
		}
		return lines("BEGIN:VEVENT", "UID:"+hex.EncodeToString(sum[:16])+"@rekey", "DTSTAMP:"+now.Format("20060102T150405Z"),
			"DTSTART;VALUE=DATE:"+day.Format("20060102"), "DTEND;VALUE=DATE:"+day.AddDate(0, 0, 1).Format("20060102"),
			"SUMMARY:"+escaped(title), "DESCRIPTION:"+escaped(strings.Join(what, "\n")), "TRANSP:TRANSPARENT", "END:VEVENT")
	})
	if err != nil {
		return err
	}
	return lines("END:VCALENDAR")
}

// escaped is a text as a calendar holds it. Nothing in it can begin a line of its own.
func escaped(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(s)
}

const octets = 73 // of a line; the rest goes on in the next, behind a space

// folded cuts a long line between characters.
func folded(line string) string {
	var b strings.Builder
	for len(line) > octets {
		n := octets
		for n > 0 && !utf8.RuneStart(line[n]) {
			n--
		}
		if n == 0 {
			n = octets
		}
		b.WriteString(line[:n] + "\r\n ")
		line = line[n:]
	}
	b.WriteString(line)
	return b.String()
}
