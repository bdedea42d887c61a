package rotation

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// ItemState is where one item stands.
type ItemState string

// The states. All but the first two are final.
const (
	ItemWaiting ItemState = "waiting" // for a person, or to be proposed
	ItemGoing   ItemState = "going"
	ItemDone    ItemState = "done"
	ItemKept    ItemState = "kept"   // it stays, as the incident says
	ItemFailed  ItemState = "failed" // could not
)

// State is where an item stands now.
func (t *Item) State() ItemState {
	r := t.Shown
	switch {
	case t.Kept:
		return ItemKept
	case t.Tried && t.Rotation == "":
		return ItemFailed
	case r == nil:
		return ItemWaiting
	case r.State == Open && r.Needs != "":
		return ItemWaiting
	case r.State == Open:
		return ItemGoing
	case r.State == Done:
		return ItemDone
	}
	return ItemFailed
}

// Counts are how many items stand where: N of N.
type Counts struct {
	Items, Waiting, Going, Done, Kept, Failed int
	Live                                      int // of those to be renewed, whose new value consumers can read
	Withdrawn                                 int // whose old value is withdrawn
}

// Counts counts the items.
func (i *Incident) Counts() (c Counts) {
	for _, t := range i.Items {
		c.Items++
		switch t.State() {
		case ItemWaiting:
			c.Waiting++
		case ItemGoing:
			c.Going++
		case ItemDone:
			c.Done++
		case ItemKept:
			c.Kept++
		case ItemFailed:
			c.Failed++
		}
		if r := t.Shown; r != nil && !t.Along && !r.Switched.IsZero() {
			c.Live++
		}
		if r := t.Shown; r != nil && r.Pivoted() {
			c.Withdrawn++
		}
	}
	return c
}

// tokenLife is how long a token that was given out may still be taken: Entra gives
// them 60 to 90 minutes.
// https://learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes
const tokenLife = 90 * time.Minute

// Line is one item of the completeness report.
type Line struct {
	Named, Application, ObjectID string
	Kind, KeyID, Label           string
	State                        ItemState
	Rotation, NewKeyID           string
	What                         string    // became of it, in words
	Evidence                     string    // what was seen
	Refused                      string    // the code that the old value was refused with
	Withdrawn                    time.Time // zero: not
	TokensUntil                  time.Time // tokens given out before live on until then
	Kept, Removed                []string  // others who can act as the application
	Cure                         string    // what to do, if it could not be dealt with
}

// Report has a line for everything that was named.
func (i *Incident) Report() []Line {
	list := make([]Line, 0, len(i.Items))
	for _, t := range i.Items {
		list = append(list, t.line())
	}
	return list
}

var refusedWith = regexp.MustCompile(`is refused \(([A-Za-z0-9]{1,64})\)`)

func (t *Item) line() Line {
	l := Line{Named: t.Named, State: t.State(), Rotation: t.Rotation, What: t.Problem, Cure: t.Cure}
	if q := t.Request; q != nil {
		l.Application, l.ObjectID = q.Application.Name, string(q.Application.ObjectID)
		l.Kind, l.KeyID, l.Label = noun(q.Old.Kind), q.Old.KeyID, q.Old.Label
	}
	r := t.Shown
	if r == nil {
		return l
	}
	if !t.Along {
		l.others(r)
	}
	l.What, l.Withdrawn = t.became(r), r.Removed
	if r.Issued != nil {
		l.NewKeyID = r.Issued.KeyID
	}
	if !r.Removed.IsZero() {
		l.TokensUntil = r.Removed.Add(tokenLife)
	}
	for _, s := range r.Steps {
		switch s.Name {
		case "withdraw", "revoke", "watch", "deposit":
			if s.Evidence != "" {
				l.Evidence = join(l.Evidence, s.Evidence)
			}
		}
	}
	if m := refusedWith.FindStringSubmatch(l.Evidence); m != nil && !t.Along {
		l.Refused = m[1]
	}
	return l
}

func (l *Line) others(r *Rotation) {
	for _, o := range r.Terms.Others {
		text := o.String()
		if o.Object != r.Terms.Application.ObjectID {
			text += " of the " + string(o.Holder) + " object " + string(o.Object)
		}
		if o.Keep {
			l.Kept = append(l.Kept, text)
		} else {
			l.Removed = append(l.Removed, text)
		}
	}
}

// became says what became of an item, in words.
func (t *Item) became(r *Rotation) string {
	along := ""
	if t.Along {
		along = " with " + r.Terms.Old.KeyID
	}
	switch {
	case r.State == Done && r.Terms.Plan == "revoke":
		return "revoked" + along
	case r.State == Done && t.Along:
		return "removed" + along
	case r.State == Done:
		return "renewed, the old one is withdrawn"
	case r.State != Open:
		return join(string(r.State), r.Problem)
	}
	step := "at its end"
	if s := r.Current(); s != nil {
		step = "at " + s.Name
	}
	text := join(step+along, r.Problem)
	if r.Needs != "" {
		text = join(text, "needs "+r.Needs)
	}
	return text
}

func join(a, b string) string {
	if a == "" || b == "" {
		return cmp.Or(a, b)
	}
	return a + "; " + b
}

// WriteCSV writes the report for a spreadsheet. A text that one would take for a
// formula gets an apostrophe in front.
func (i *Incident) WriteCSV(w io.Writer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil { // Excel takes UTF-8 for something else without it
		return err
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	rows := [][]string{{"named", "application", "object_id", "kind", "key_id", "label", "state", "what", "evidence", "refused_with", "withdrawn", "tokens_until", "rotation", "new_key_id", "others_removed", "others_kept", "what_to_do"}}
	for _, l := range i.Report() {
		rows = append(rows, []string{
			l.Named, l.Application, l.ObjectID, l.Kind, l.KeyID, l.Label, string(l.State), l.What, l.Evidence, l.Refused, stamp(l.Withdrawn), stamp(l.TokensUntil),
			l.Rotation, l.NewKeyID, strings.Join(l.Removed, "; "), strings.Join(l.Kept, "; "), l.Cure,
		})
	}
	for _, row := range rows {
		for n, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(cell)[0]) {
				row[n] = "'" + cell
			}
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// WriteMarkdown writes the report for people.
func (i *Incident) WriteMarkdown(w io.Writer) error {
	c := i.Counts()
	var b strings.Builder
	fmt.Fprintf(&b, "# Incident %s\n\n%s\n\nOpened %s by %s, plan %s, others: %s. State: %s.\n\n", i.ID, text(i.Reason), stamp(i.Opened), text(i.By.Name), i.Plan, i.Others, i.State)
	switch {
	case i.BreakGlass != "":
		fmt.Fprintf(&b, "Decided by one person alone: %s\n\n", text(i.BreakGlass))
	case i.Consent != nil:
		fmt.Fprintf(&b, "Approved %s by %s, list %s.\n\n", stamp(i.Consent.At), text(i.Consent.By.Name), i.Hash)
	}
	fmt.Fprintf(&b, "%d named: %d done, %d kept, %d could not, %d going on, %d waiting. %d of %d accounted for.\n\n", c.Items, c.Done, c.Kept, c.Failed, c.Going, c.Waiting, c.Items, c.Items)
	b.WriteString("| Named | Application | Credential | State | What became of it | Refused with | Withdrawn | Tokens given out live until |\n|---|---|---|---|---|---|---|---|\n")
	for _, l := range i.Report() {
		fmt.Fprintf(&b, "| %s | %s | %s %s | %s | %s | %s | %s | %s |\n", text(l.Named), text(l.Application), l.Kind, text(l.KeyID), l.State, text(join(l.What, l.Cure)), l.Refused, stamp(l.Withdrawn), stamp(l.TokensUntil))
	}
	b.WriteString("\n## Others who can act as these applications\n\n")
	for _, l := range i.Report() {
		if len(l.Kept)+len(l.Removed) > 0 {
			fmt.Fprintf(&b, "- %s: removed %s; kept %s\n", text(l.Application), text(cmp.Or(strings.Join(l.Removed, ", "), "nobody")), text(cmp.Or(strings.Join(l.Kept, ", "), "nobody")))
		}
	}
	b.WriteString("\n## What was seen\n\n")
	for _, l := range i.Report() {
		if l.Evidence != "" {
			fmt.Fprintf(&b, "- %s %s: %s\n", text(l.Application), text(l.KeyID), text(l.Evidence))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text is a foreign text in Markdown: on one line, and nothing but text.
func text(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		case strings.ContainsRune("\\`*_{}[]<>#|!&~", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
