package ui

import (
	"fmt"
	"time"

	"rekey.example/rekey/api"
)

const longEvidence = 600 // characters

// stepLine is a step of a rotation, or a link of a chain that was walked.
type stepLine struct {
	Title, Says string
	State       string // done, running, ahead, skipped, held, broken
	Badge       Badge
	Evidence    Text
	Began       *When
	Ended       *When
	Took        string
	NoReturn    bool // it begins with what cannot be taken back
}

// Icon is the shape of its state.
func (s stepLine) Icon() string {
	switch s.State {
	case "done":
		return "good"
	case "held":
		return "warn"
	case "broken":
		return "bad"
	}
	return "dot"
}

// course are the steps of a rotation with what was seen at each.
func course(r api.Rotation, now time.Time) (list []stepLine) {
	for _, s := range r.Steps {
		title, says := stepWords(s.Name)
		l := stepLine{
			Title: title, Says: says, State: string(s.State), Evidence: sentence(cut(s.Evidence, longEvidence)), Began: moment(s.Began, now), Ended: moment(s.Ended, now),
			NoReturn: s.Name == "withdraw" || s.Name == "revoke",
		}
		switch s.State {
		case api.StepStateDone:
			l.Badge = Badge{"good", "Done"}
			if !s.Began.IsZero() {
				l.Took = lasting(s.Ended.Sub(s.Began))
			}
		case api.StepStateRunning:
			l.Badge = Badge{"info", "Under way"}
			if r.Needs != "" {
				l.State, l.Badge = "held", Badge{"warn", "Waits for a person"}
			}
			if r.State != api.RotationStateOpen {
				l.State, l.Badge = "skipped", Badge{"none", "Ended here"}
			}
		case api.StepStateSkipped:
			l.Badge = Badge{"none", "Left out"}
		default:
			l.Badge = Badge{"none", "Ahead"}
			if s.Name == r.Current && r.State == api.RotationStateOpen {
				l.State, l.Badge = "running", Badge{"info", "Next"}
			}
		}
		list = append(list, l)
	}
	return list
}

func stepWords(name string) (title, says string) {
	switch name {
	case "approve":
		return "Approve", "An administrator who did not ask for it reviews and decides."
	case "issue":
		return "Issue", "A new credential is made beside the old one."
	case "verify":
		return "Verify", "The new value has to sign in, again and again, before anybody can read it."
	case "deposit":
		return "Deposit", "The new value goes into the vault and is read back."
	case "propagate":
		return "Propagate", "Every consumer is told, and gives evidence that it uses the new value."
	case "overlap":
		return "Overlap", "Old and new are both valid, until everybody has moved and every cache has passed."
	case "withdraw":
		return "Withdraw", "The old credential is removed."
	case "revoke":
		return "Revoke", "The credential is removed; whoever still uses it is cut off."
	case "watch":
		return "Watch", "The old value has to be refused; late failures and strays are looked for."
	case "retract":
		return "Take back", "What was made for this rotation is removed again."
	case "settle":
		return "Settle", "rekey looks until nothing of it is left."
	}
	return visible(name), ""
}

func planWord(name string) string {
	switch name {
	case "planned":
		return "Planned rotation"
	case "emergency":
		return "Emergency rotation"
	case "revoke":
		return "Revocation"
	case "next":
		return "Next value beside the current one"
	case "rollback":
		return "Taking back"
	}
	return visible(name)
}

// span is a length of time as the API writes it, in words.
func span(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return visible(text)
	}
	return lasting(d)
}

// planLines says in sentences what will happen.
func planLines(t api.Terms, now time.Time) []Text {
	kind, app := kindNoun(t.Old.Kind), t.Application.Name
	old := fmt.Sprintf("%s %q", kind, credentialName(api.Credential{Label: t.Old.Label, Hint: t.Old.Hint, KeyID: t.Old.KeyID}))
	if !t.Old.Expires.IsZero() {
		old += ", which ends on " + t.Old.Expires.UTC().Format("2 January 2006") + ","
	}
	var list []string
	add := func(format string, a ...any) { list = append(list, fmt.Sprintf(format, a...)) }
	if t.Plan == "revoke" {
		add("The %s is removed from %q. This cannot be taken back.", old, app)
		add("%s", stops(t.Consumers, "Nobody is known to use it.", "%s cut off: no new value is made for them."))
		add("For %s rekey watches that the old value is refused.", span(t.Timing.Watch))
	} else {
		add("A new %s %q is made for %q, valid for %s.", kind, t.Label, app, span(t.Lifetime))
		add("It has to sign in %s in a row over at least %s before anybody can read it.", count(t.Timing.Successes, "time"), span(t.Timing.Proof))
		if t.Place.Name != "" {
			add("Its value goes to %s/%s.", vaultName(t.Place.Vault), t.Place.Name)
		}
	}
	switch t.Plan {
	case "next":
		add("The %s stays as it is: consumers take both.", old)
	case "planned", "emergency":
		add("%s", stops(t.Consumers, "Nobody is known to use it, so that nobody has to move.", "%s told. The old one stays until each has given evidence of using the new value."))
		if t.Plan == "planned" {
			add("Old and new are both valid for at least %s.", span(t.Timing.Overlap))
		}
		add("Then the %s is withdrawn. That is the point of no return.", old)
		add("For %s more rekey watches that the old value is refused.", span(t.Timing.Watch))
	}
	for _, o := range t.Others {
		if o.Keep {
			add("%s %q stays.", kindWord(o.Kind), cmpOr(o.Label, o.ID))
		} else {
			add("%s %q, which can act as the application too, is removed as well.", kindWord(o.Kind), cmpOr(o.Label, o.ID))
		}
	}
	if n := len(t.Kept); n > 0 {
		add("%s of the application %s not touched.", count(n, "other credential"), plural(n, "is", "are"))
	}
	if t.BreakGlass != "" {
		add("One person alone decides, who broke the glass: %s", t.BreakGlass)
	}
	return lines(list...)
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// stops says something of all consumers: "a is", "a and b are", "a and 3 more are".
func stops(list []api.Use, none, format string) string {
	switch n := len(list); n {
	case 0:
		return none
	case 1:
		return fmt.Sprintf(format, list[0].Consumer+" is")
	case 2:
		return fmt.Sprintf(format, list[0].Consumer+" and "+list[1].Consumer+" are")
	default:
		return fmt.Sprintf(format, fmt.Sprintf("%s and %d more are", list[0].Consumer, n-1))
	}
}

func kindNoun(k api.CredentialKind) string {
	switch k {
	case api.CredentialKindCertificate:
		return "certificate"
	case api.CredentialKindAccessKey:
		return "access key"
	case api.CredentialKindClientSecret:
		return "client secret"
	}
	return "credential"
}
