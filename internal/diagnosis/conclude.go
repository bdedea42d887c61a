package diagnosis

import (
	"slices"
	"strings"
)

// conclude names the first broken link, or says what keeps it from being named.
//
// The text and the world are two witnesses. A link that is broken in the world is
// the answer, unless the text proves that the failure lay elsewhere and nothing
// that was seen contradicts the text. Where the text's own link could not be looked
// at, the text decides if it is of the kind that only one cause can produce;
// otherwise the answer names the causes that are left, and the question that
// decides between them.
func (l *walker) conclude() {
	a := &l.w.Answer
	var first, open *Link
	for i := range l.w.Links {
		link := &l.w.Links[i]
		if link.Verdict == Broken {
			link.Cure = cureOf(link.Cause, link.fill)
			if first == nil {
				first = link
			}
		}
		if link.Verdict == Unclear && len(link.Between) > 0 && open == nil {
			open = link
		}
	}
	s := l.symptom
	if s != nil {
		a.Source = s.Source
	}
	switch {
	case s == nil || s.Link == "":
		l.byWorld(first, open)
	default:
		l.byBoth(first, open, l.w.At(s.Link))
	}
	l.remarks()
}

// byWorld answers when the text names no link.
func (l *walker) byWorld(first, open *Link) {
	switch {
	case first != nil && (open == nil || first.ID.place() <= open.ID.place() || !l.reaches(open)):
		l.found(first)
	case open != nil:
		l.undecided(open, open.Between)
	case first != nil:
		l.found(first)
	case l.symptom != nil && len(l.symptom.Causes) > 0 && (!l.anyHolds() || l.w.At(Application).Verdict == NotAsked):
		l.byText()
	case l.anyHolds():
		l.sound()
	case l.symptom != nil:
		l.byText()
	default:
		l.w.Answer.Kind, l.w.Answer.Title = Unknown, "There is too little to look with."
		l.w.Answer.Question = "Which application signs in (client id), and which vault entry or endpoint does it use?"
	}
}

// reaches reports whether an open link can be behind a symptom that names none.
func (l *walker) reaches(open *Link) bool { return open.ID != Consumer && open.ID != Target }

// byBoth answers when the text says at which link it failed.
func (l *walker) byBoth(first, open, at *Link) {
	s := l.symptom
	place := at.ID.place()
	switch {
	case at.Verdict == Broken && (slices.Contains(s.Causes, at.Cause) || len(s.Causes) == 0) && (first == at || !l.real(first)):
		l.found(at)
	case at.Verdict == Broken && first == at:
		l.found(at) // the world speaks of the same link, in other words
	case at.Verdict != Broken && (s.Decides || at.ID == Way || at.ID == Clock) && (first == nil || first.ID.place() > place || !l.real(first)):
		l.byText() // a look from here cannot refute it: it was another machine, or another request
	case at == open:
		if first != nil && first.ID.place() < place && l.real(first) {
			l.found(first)
			l.remark("besides, the text says: %s", s.Meaning)
			return
		}
		l.undecided(at, at.Between)
	case first != nil && first.ID.place() < place && l.real(first):
		l.found(first)
		l.remark("the text is of a moment when that still held: it says that %s", lowerFirst(s.Meaning))
	case first != nil && slices.Contains(s.Causes, first.Cause):
		l.found(first)
	case at.Verdict == Holds && first != nil:
		l.found(first)
		l.remark("what the text complains of is not so now: %s", at.Found)
	case at.Verdict == Holds && open != nil:
		l.undecided(open, open.Between)
		l.remark("what the text complains of is not so now: %s", at.Found)
	case at.Verdict == Holds:
		l.sound()
		l.remark("what the text complains of is not so now: %s", at.Found)
	default:
		l.byText()
	}
}

// real reports whether a link broken before the one the text names counts. A clock
// or a network of rekey's own is not the consumer's.
func (l *walker) real(link *Link) bool {
	return link != nil && (link.ID != Way && link.ID != Clock || l.symptom != nil && slices.Contains(l.symptom.Causes, link.Cause) || l.w.At(Tenant).Verdict == NotAsked)
}

func (l *walker) anyHolds() bool {
	for _, link := range l.w.Links {
		if link.Verdict == Holds && link.ID != Way && link.ID != Clock && link.ID != Tenant {
			return true
		}
	}
	return false
}

func (l *walker) found(link *Link) {
	a := &l.w.Answer
	a.Kind, a.Link, a.Cause, a.Cure = Found, link.ID, link.Cause, cureOf(link.Cause, link.fill)
	a.Title = sentenceCase(link.Found)
}

// byText answers with what the text says where nothing could be seen.
func (l *walker) byText() {
	s, a := l.symptom, &l.w.Answer
	a.Link = s.Link
	switch {
	case len(s.Causes) == 0:
		a.Kind, a.Title, a.Cure = Unknown, s.Meaning, s.Cure
	case len(s.Causes) == 1 || s.Decides:
		a.Kind, a.Cause, a.Title = ByText, s.Causes[0], s.Meaning
		a.Cure = s.Cure
		if a.Cure == "" {
			a.Cure = cureOf(s.Causes[0], l.words())
		}
	default:
		a.Kind, a.Title = Undecided, s.Meaning
		l.options(s.Causes, l.words())
		a.Question = "Which application signs in (client id), and which vault entry does it use? With either rekey can look."
		if l.w.Facts.Client != "" {
			a.Question = "What is the answer to the same attempt, made by hand with the value copied anew?"
		}
	}
}

func (l *walker) undecided(link *Link, causes []string) {
	a := &l.w.Answer
	a.Kind, a.Link, a.Title, a.Question = Undecided, link.ID, sentenceCase(link.Found), link.Question
	l.options(causes, link.fill)
	if len(a.Between) == 1 {
		a.Kind, a.Cause, a.Cure = ByText, a.Between[0].Cause, a.Between[0].Cure
	}
}

func (l *walker) options(causes []string, words map[string]string) {
	for _, c := range causes {
		l.w.Answer.Between = append(l.w.Answer.Between, Option{c, faults[c].title, cureOf(c, words)})
	}
}

// sound answers when nothing is broken any more, or nothing that can be seen.
func (l *walker) sound() {
	a := &l.w.Answer
	a.Kind, a.Title = Sound, "Every link that could be looked at holds now."
	if l.symptom == nil {
		return
	}
	a.Question = "Does it still fail? If so: is this the application, the vault and the environment that the failing program uses?"
	l.w.Answer.Remarks = append(l.w.Answer.Remarks, "the text says: "+lowerFirst(l.symptom.Meaning)+" It can be older than the last repair, or speak of something else.")
}

// remarks adds what keeps an answer from being the whole truth.
func (l *walker) remarks() {
	a := &l.w.Answer
	for _, link := range l.w.Links {
		if link.Verdict == Broken && link.ID != a.Link && a.Kind == Found {
			l.remark("next in the chain: %s", link.Found)
		}
	}
	if l.w.Facts.Masked > 0 {
		l.remark("the text held %d secrets; they were blacked out and not kept. Whoever can read that text has them: renew them", l.w.Facts.Masked)
	}
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func sentenceCase(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}
