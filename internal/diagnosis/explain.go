package diagnosis

import "strings"

// Explain returns what a code means: one of Entra's by its name or number, one of
// Key Vault, App Service, Service Bus or the manager, or the name of a cause that
// rekey diagnose answers with.
func Explain(code string) (Cause, bool) {
	code = strings.TrimSpace(code)
	if m := codeText.FindStringSubmatch(code); m != nil {
		if s, ok := symptomOf("AADSTS" + m[1]); ok {
			c := s.explain()
			if short, ok := older(m[1]); ok && len(s.Causes) > 1 {
				c.Cure = short.Cure + "\n" + c.Cure
			}
			return c, true
		}
		code = m[1]
	}
	if s, ok := symptomOf(code); ok {
		return s.explain(), true
	}
	if f, ok := faults[strings.ToLower(code)]; ok {
		return Cause{Meaning: f.title, Cure: cureOf(strings.ToLower(code), nil)}, true
	}
	return older(code)
}

// explain is a symptom in words: what it means, and the cure of each cause.
func (s Symptom) explain() Cause {
	if s.Cure != "" {
		return Cause{Meaning: s.Meaning, Cure: s.Cure}
	}
	if len(s.Causes) == 1 {
		return Cause{Meaning: s.Meaning, Cure: cureOf(s.Causes[0], nil)}
	}
	var b strings.Builder
	b.WriteString("It can be one of these; rekey diagnose finds out which:")
	for _, c := range s.Causes {
		b.WriteString("\n- " + faults[c].title)
	}
	return Cause{Meaning: s.Meaning, Cure: b.String()}
}

// Codes lists the codes that Explain knows, of the clouds first, then rekey's causes.
func Codes() (list []string) {
	for _, s := range symptoms() {
		list = append(list, s.Codes...)
	}
	for c := range faults {
		list = append(list, c)
	}
	return list
}
