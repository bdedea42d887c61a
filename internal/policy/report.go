package policy

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// Seen lists what a walk over the inventory cannot compute: whoever saw it reports
// it with Report and settles it with Settle. It has no examples, since no function
// judges it here.
var Seen = []*Rule{&outOfBand, &books, &unusualUse, &hardCoded}

var outOfBand = Rule{
	Code: "out-of-band", Title: "Something was changed behind rekey's back", Severity: High,
	Why:  "A credential, an owner or a version of a vault entry that nobody planned is how a stolen application is kept, and how a planned renewal is undone.",
	Cure: "ask whoever did it; remove what nobody can explain: rekey revoke, or rekey incident open",
}

var books = Rule{
	Code: "books", Title: "The books do not balance", Severity: Medium,
	Why:  "What the directory says was added and what rekey meant to add are counted every day. A difference is an act that nobody intended, or a record that was lost.",
	Cure: "compare both lists: rekey audit timeline shows ours and theirs side by side",
}

var unusualUse = Rule{
	Code: "unusual-use", Title: "A credential is used in an unusual way", Severity: Medium,
	Why:  "A stolen credential works like the real one. What differs is from where, when, and how much.",
	Cure: "ask the owner; if nobody can explain it, end the credential: rekey rotate --emergency, or rekey revoke",
}

var hardCoded = Rule{
	Code: "hard-coded", Title: "A credential is written down where it can be read", Severity: High,
	Why:  "Whoever can read the file, the flow or the history can sign in. It counts as known to others from the moment it was written.",
	Cure: "renew it at once, then read it from a vault instead: rekey rotate --emergency",
}

// seen reports whether findings of a rule come from reports.
func seen(rule string) bool {
	for _, r := range Seen {
		if r.Code == rule {
			return true
		}
	}
	return false
}

// Report opens findings of one of the rules under Seen, or says what an open one
// says now. Tenant, Rule and Title are to be set; severity and cure are those of
// the rule unless the finding has its own. Application, KeyID and Place make it
// the one it is: the same report twice is one finding. One that was acknowledged
// opens again only if it is worse than then; one that was resolved always does.
// It returns the ids in the order of the findings.
func Report(tx *store.Tx, l *audit.Log, findings ...Finding) ([]string, error) {
	ids := make([]string, 0, len(findings))
	var events []audit.Event
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, f := range findings {
		f, err := f.reported()
		if err != nil {
			return nil, err
		}
		fresh, err := report(tx, f, now)
		if err != nil {
			return nil, err
		}
		if fresh {
			events = append(events, told("finding.opened", f))
		}
		ids = append(ids, f.ID)
	}
	return ids, l.Record(tx, events...)
}

// reported fills in what the rule says.
func (f Finding) reported() (Finding, error) {
	for _, r := range Seen {
		if r.Code != f.Rule {
			continue
		}
		if f.Tenant == "" || f.Title == "" || f.Reason == "" {
			return f, fmt.Errorf("cannot report a finding of %s without a tenant, a title and a reason", f.Rule)
		}
		f.Severity, f.Cure = orElse(f.Severity, r.Severity), orElse(f.Cure, r.Cure)
		f.ID, f.State = f.identity(), Open
		return f, nil
	}
	return f, fmt.Errorf("cannot report a finding of %q: it is none of the rules that are reported", f.Rule)
}

func report(tx *store.Tx, f Finding, now time.Time) (fresh bool, err error) {
	old, err := byID(tx, f.Tenant, f.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		adding, err := tx.Prepare(insertFinding)
		if err != nil {
			return false, fmt.Errorf("cannot write finding %s: %w", f.ID, err)
		}
		defer adding.Close()
		return insert(adding, f, now)
	case err != nil:
		return false, err
	case old.State == Resolved, old.State == Acknowledged && f.Severity.rank() < old.Severity.rank():
		return reopen(tx, f, now)
	case old.text() == f.text():
		return false, nil
	}
	return false, rewrite(tx, f)
}

// Settle closes a finding that was reported: why says what ended it. One that is
// closed, or not there, stays as it is.
func Settle(tx *store.Tx, l *audit.Log, tenant, id, why string) error {
	f, done, err := resolve(tx, tenant, id, time.Now().UTC().Truncate(time.Millisecond))
	if err != nil || !done {
		return err
	}
	e := told("finding.resolved", f)
	if why = strings.TrimSpace(why); why != "" {
		e.Detail["why"] = why
	}
	return l.Record(tx, e)
}

// Standing lists the findings of a reported rule that are not resolved.
func Standing(tx *store.Tx, tenant, rule string) ([]Finding, error) {
	rows, err := tx.Query(`SELECT `+columns+` FROM policy_finding WHERE tenant = $1 AND rule = $2 AND state <> $3 ORDER BY id`, tenant, rule, string(Resolved))
	if err != nil {
		return nil, fmt.Errorf("cannot list the findings of %s: %w", rule, err)
	}
	return collect(rows, tenant)
}

// told is the event of a finding that opens or is resolved.
func told(action string, f Finding) audit.Event {
	e := audit.By(access.Rekey(f.Tenant), access.Action(action), f.ID, audit.Seen)
	e.Title = f.Title
	e.Detail = map[string]string{"rule": f.Rule, "severity": string(f.Severity), "reason": f.Reason}
	for k, v := range map[string]string{"application": string(f.Application), "keyId": f.KeyID, "place": f.Place} {
		if v != "" {
			e.Detail[k] = v
		}
	}
	return e
}
