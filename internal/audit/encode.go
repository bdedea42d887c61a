package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// row is an event as it is stored. The body is what is hashed; the columns are
// copies of its first fields to search by; hashes are those of the tree that
// the event completes.
type row struct {
	seq     int64
	tenant  string
	time    int64 // milliseconds
	actor   string
	action  string
	subject string
	body    []byte
	hashes  []byte
}

// Limits of one event. Directories take names far longer than anyone reads; a
// sync must neither fail over one nor fill the log with it.
const (
	maxText = 4 << 10   // bytes of a title or of one detail; longer ones are cut
	maxBody = 256 << 10 // bytes of the whole
)

func newRow(seq int64, e Event) (row, error) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	for _, s := range []*string{&e.Tenant, &e.Actor, &e.Action, &e.Subject} {
		*s = storable(*s)
	}
	e.Title = clip(e.Title)
	if len(e.Detail) > 0 {
		detail := make(map[string]string, len(e.Detail))
		for k, v := range e.Detail {
			detail[k] = clip(v)
		}
		e.Detail = detail
	}
	body, err := json.Marshal(e)
	if err != nil {
		return row{}, fmt.Errorf("cannot encode audit event %s: %w", e.Action, err)
	}
	if len(body) > maxBody {
		return row{}, fmt.Errorf("cannot record audit event %s: it has %d bytes, at most %d are taken", e.Action, len(body), maxBody)
	}
	return row{seq: seq, tenant: e.Tenant, time: e.Time.UnixMilli(), actor: e.Actor, action: e.Action, subject: e.Subject, body: body}, nil
}

// storable replaces what PostgreSQL does not take in a text, so that the column
// and the body say the same on both databases.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for cut > maxText-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// columns are a row's copies of the body, as they were read.
type columns struct {
	tenant, actor, action, subject []byte
	time                           int64
}

// agree reports whether the columns say what the body says. Bodies are written
// by newRow, so the columns, encoded again, are nearly always how it begins;
// only what does not begin so is decoded.
func (c *columns) agree(body, scratch []byte) (ok bool, buffer []byte) {
	b := append(scratch[:0], `{"tenant":`...)
	b = appendString(b, c.tenant)
	b = append(b, `,"time":"`...)
	b = time.UnixMilli(c.time).UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","actor":`...)
	b = appendString(b, c.actor)
	b = append(b, `,"action":`...)
	b = appendString(b, c.action)
	b = append(b, `,"subject":`...)
	b = appendString(b, c.subject)
	b = append(b, ',')
	return bytes.HasPrefix(body, b) || c.agreeDecoded(body), b
}

// appendString is for the texts that need no escaping; the others are quoted so
// that they match no body, which sends them to the decoder.
func appendString(b, s []byte) []byte {
	for _, c := range s {
		if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return append(b, '?')
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func (c *columns) agreeDecoded(body []byte) bool {
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return false
	}
	return e.Tenant == string(c.tenant) && e.Actor == string(c.actor) && e.Action == string(c.action) &&
		e.Subject == string(c.subject) && e.Time.UnixMilli() == c.time
}
