package ui

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

// diagnoseView is the page that somebody in trouble reaches: what does not work, and
// the chain link by link with the first that is broken.
type diagnoseView struct {
	Answer *answer
	Cure   []cureLine
	Choose []choice
	Walk   []stepLine
	Sheets []sheet
	Form   form
	Again  bool
	Next   []Link
}

// cureLine is a sentence, or a command to copy.
type cureLine struct{ Says, Command string }

// choice is a cause that cannot be told from another yet.
type choice struct {
	Title Text
	Cure  []cureLine
}

const longestPaste = 20_000 // characters; of a log the end tells most

// diagnose takes an error text and walks the chain.
func (c *Console) diagnose(w http.ResponseWriter, v *visit) error {
	get := v.query
	if v.Method == http.MethodPost {
		get = v.field
	}
	view := diagnoseView{Form: form{Action: "/diagnose", Fields: diagnoseFields(v.given), Buttons: []button{{Text: "Find the broken link", Tone: "primary"}}}}
	page := func(status int, said ...Notice) error {
		return c.show(w, v, "diagnose", Page{Title: "Diagnose", Section: "diagnose", Lead: "Something cannot sign in or read its secret? Paste the error. rekey walks the chain and names the first broken link and the cure. Nothing is changed.", Status: status, Notices: said, Body: view})
	}
	if v.Method != http.MethodPost {
		return page(0)
	}
	entered(v, view.Form.Fields)
	q := api.DiagnosisRequest{Text: get("text"), Application: get("application"), Entry: get("entry"), Endpoint: get("endpoint"), Hint: get("hint")}
	if q.Text+q.Application+q.Entry+q.Endpoint == "" {
		view.Form.Fields[0].Problem = "paste an error, or name an application, a vault entry or an endpoint"
		return page(http.StatusUnprocessableEntity)
	}
	if n := get("length"); n != "" {
		var err error
		if q.Length, err = strconv.Atoi(n); err != nil {
			view.Form.Fields[5].Problem = "must be a number"
			return page(http.StatusUnprocessableEntity)
		}
	}
	d, err := v.api.Diagnose(v.Context(), q)
	if e, ok := errors.AsType[*client.Error](err); ok && correctable(e) {
		return page(e.Status, beside(e, view.Form.Fields)...)
	}
	if err != nil {
		return err
	}
	view.found(v, d)
	return page(0)
}

func diagnoseFields(get func(string) string) []Field {
	return []Field{
		{Name: "text", Label: "The error, as it was shown", Kind: "area", Value: get("text"), Longest: longestPaste, Hint: "A message, JSON, or the end of a log. Secrets in it are blacked out at once and never kept."},
		{Name: "application", Label: "Application", Kind: "text", Value: get("application"), Longest: 256, Hint: "Client id, object id or name, if you know it"},
		{Name: "entry", Label: "Vault entry", Kind: "text", Value: get("entry"), Longest: 256, Placeholder: "VAULT/NAME", Hint: "What the program reads"},
		{Name: "endpoint", Label: "Endpoint", Kind: "text", Value: get("endpoint"), Longest: 400, Placeholder: "ENVIRONMENT/ENDPOINT", Hint: "Of Finance and Operations, or the host of a topic"},
		{Name: "hint", Label: "First three characters of its value", Kind: "text", Value: get("hint"), Longest: 3, Hint: "Of the secret that the program has"},
		{Name: "length", Label: "Length of its value", Kind: "text", Value: get("length"), Longest: 5},
	}
}

// found puts a diagnosis on the page.
func (p *diagnoseView) found(v *visit, d api.Diagnosis) {
	a := d.Answer
	p.Again = true
	p.Answer = &answer{State: Badge{"info", "Unknown"}, Sentence: words(a.Title)}
	switch a.Kind {
	case api.AnswerKindFound:
		p.Answer.State, p.Answer.Detail = Badge{"bad", "Broken"}, plain("A link was seen to be broken.")
	case api.AnswerKindByText:
		p.Answer.State, p.Answer.Detail = Badge{"warn", "By the text"}, plain("The text says so; it could not be looked at itself.")
	case api.AnswerKindUndecided:
		p.Answer.State, p.Answer.Detail = Badge{"warn", "Cannot tell yet"}, sentence(a.Question)
	case api.AnswerKindSound:
		p.Answer.State, p.Answer.Detail = Badge{"good", "Sound"}, plain("Nothing is broken now.")
	default:
		p.Answer.Detail = plain("Too little is known. Name the application or the vault entry as well.")
	}
	p.Cure = cureLines(a.Cure)
	if a.Cause == "" || a.Kind == api.AnswerKindUndecided {
		for _, o := range a.Between {
			p.Choose = append(p.Choose, choice{words(o.Title), cureLines(o.Cure)})
		}
	}
	broken := false
	for i, l := range d.Links {
		if rest := unasked(d.Links[i:]); len(rest) > 1 {
			p.Walk = append(p.Walk, stepLine{Title: "Further links", Says: strings.Join(rest, ", "), State: "ahead", Badge: Badge{"none", "Not asked"}})
			break
		}
		s := linkLine(l, a, broken)
		broken = broken || l.Verdict == api.LinkVerdictBroken
		p.Walk = append(p.Walk, s)
	}
	if len(a.Remarks) > 0 {
		p.Sheets = append(p.Sheets, sheet{ID: "remarks", Title: "Worth knowing", Lines: lines(a.Remarks...)})
	}
	p.Sheets = append(p.Sheets, facts("about", "What was understood", diagnosisFacts(d)))
	var rows []Row
	for _, s := range d.Symptoms {
		rows = append(rows, Row{Cells: []Cell{wordCell(s.Name).with(strings.Join(s.Codes, ", ")), wordCell(s.Meaning)}})
	}
	if len(rows) > 0 {
		p.Sheets = append(p.Sheets, listed("symptoms", "What the text says", table("Symptoms", columns("Seen", "It means"), rows, Empty{})))
	}
	var seen []Row
	for _, l := range d.Links {
		for _, e := range l.Evidence {
			seen = append(seen, Row{Cells: []Cell{wordCell(l.Name), wordCell(e.Asked), wordCell(e.Answered), whenCell(moment(e.At, v.now), "")}})
		}
	}
	if len(seen) > 0 {
		s := listed("evidence", "What was asked and answered", table("Evidence", columns("Link", "Asked", "Answered", "When"), seen, Empty{}))
		s.Fold = true
		p.Sheets = append(p.Sheets, s)
	}
	if d.About.Client != "" {
		p.Next = append(p.Next, Link{Text: plain("The application"), Href: applicationPath(d.About.Client)})
		if v.may(access.ProposeRotation) && a.Kind != api.AnswerKindSound {
			p.Next = append(p.Next, Link{Text: plain("Plan a rotation"), Href: at("/rotations/new", "application", d.About.Client)})
		}
	}
	p.Answer.Links = p.Next
}

// unasked are the names of links of which none was asked.
func unasked(links []api.DiagnosisLink) (names []string) {
	for _, l := range links {
		if l.Verdict != api.LinkVerdictNotAsked {
			return nil
		}
		names = append(names, visible(l.Name))
	}
	return names
}

func linkLine(l api.DiagnosisLink, a api.DiagnosisAnswer, after bool) stepLine {
	s := stepLine{Title: visible(l.Name), Says: visible(l.Found)}
	switch l.Verdict {
	case api.LinkVerdictHolds:
		s.State, s.Badge = "done", Badge{"good", "Holds"}
	case api.LinkVerdictBroken:
		s.State, s.Badge, s.Evidence = "broken", Badge{"bad", "Broken"}, sentence(cut(l.Cure, longEvidence))
		if !after {
			s.Badge.Text = "First broken link"
		}
	case api.LinkVerdictCannotTell:
		s.State, s.Badge = "held", Badge{"warn", "Cannot tell"}
	default:
		s.State, s.Badge = "ahead", Badge{"none", "Not asked"}
	}
	if l.Verdict == api.LinkVerdictBroken && l.ID == a.Link && !after {
		s.Evidence = Text{} // the cure stands above
	}
	return s
}

// cureLines takes a cure apart: what is indented is a command.
func cureLines(text string) (list []cureLine) {
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		switch trimmed := strings.TrimSpace(l); {
		case trimmed == "":
		case l != trimmed && (l[0] == ' ' || l[0] == '\t'), strings.HasPrefix(l, "rekey "), strings.HasPrefix(l, "az "):
			list = append(list, cureLine{Command: visible(trimmed)})
		default:
			list = append(list, cureLine{Says: visible(trimmed)})
		}
	}
	return list
}

// cureCell is a cure within a table.
func cureCell(text string) Cell {
	var c Cell
	for _, l := range cureLines(text) {
		if l.Command != "" {
			c.Items = append(c.Items, Cell{Code: l.Command})
		} else {
			c.Items = append(c.Items, textCell(plain(l.Says)))
		}
	}
	return c
}

func diagnosisFacts(d api.Diagnosis) Facts {
	var f Facts
	add := func(name, value string) {
		if value != "" {
			f = append(f, Fact{name, []Cell{wordCell(value)}})
		}
	}
	a := d.About
	add("Application", a.Client)
	add("Tenant", a.Tenant)
	add("Vault", a.Vault)
	add("Entry", a.Entry)
	add("Environment", a.Environment)
	add("Endpoint", a.Endpoint)
	add("Host", a.Target)
	add("Site", a.Site)
	add("Correlation id", a.Correlation)
	if !a.Time.IsZero() {
		add("It happened", a.Time.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if a.Masked > 0 {
		add("Secrets blacked out", number(a.Masked))
	}
	if len(f) == 0 {
		f = Facts{{"Found in the text", []Cell{textCell(plain("no id, no vault, no address"))}}}
	}
	return f
}
