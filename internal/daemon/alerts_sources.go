package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/store"
)

// sources are what alerts are about.
func (d *Daemon) sources() []alert.Source {
	list := []alert.Source{
		{Name: "ends", Every: time.Hour, Pause: time.Minute, Follows: []string{"credential.", "application.", string(access.CarryRotation)}, Look: d.endings},
		{Name: "rotations", Every: 5 * time.Minute, Follows: []string{"rotation."}, Look: d.waiting},
		{Name: "tasks", Every: 5 * time.Minute, Follows: []string{"task."}, Look: d.tasks},
		{Name: "findings", Every: time.Hour, Pause: time.Minute, Follows: []string{"finding."}, Look: d.findings},
		{Name: "inventory", Every: 5 * time.Minute, Look: d.staleness},
		{Name: "installation", Every: time.Minute, Follows: []string{"reconcile."}, Look: d.heldBack},
		{Name: "audit", Every: day, Look: d.tampering},
	}
	if d.around == nil {
		return nil
	}
	return list
}

// looker reads what alerts are about.
func looker(tenant string) access.Actor {
	return access.Actor{ID: "rekey", Name: "rekey", Role: access.Auditor, Tenant: tenant}
}

const (
	unusedFor = 90 * day // after this nobody is known to use a credential
	endedFor  = 30 * day // what ended longer ago is the policy's business
)

// endings finds what ends, and says what stops then.
func (d *Daemon) endings(ctx context.Context, tenant string, found func(alert.Matter) error) error {
	now := time.Now()
	farthest := d.alerts.Farthest()
	return d.store.View(ctx, func(tx *store.Tx) error {
		busy, err := rotation.UnderWay(tx, tenant)
		if err != nil {
			return err
		}
		for r, err := range d.inventory.Dated(tx, tenant, inventory.Dates{EndBefore: now.Add(farthest + day)}) {
			if err != nil {
				return err
			}
			if r.Expires.IsZero() || now.Sub(r.Expires) > endedFor || r.Application.Kind == "ManagedIdentity" {
				continue
			}
			m, ok := d.ending(r, now)
			if ok && busy[r.Application.ObjectID] && m.Rung > 7 { // it is being renewed, and there is time
				ok = false
			}
			if !ok {
				continue
			}
			if err := found(m); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Daemon) ending(r *inventory.Row, now time.Time) (m alert.Matter, ok bool) {
	left := max(0, int((r.Expires.Sub(now)+day-time.Nanosecond)/day))
	rung, severity, ok := d.alerts.Rung(left)
	if !ok {
		return m, false
	}
	used := len(r.Consumers) > 0 || now.Sub(r.LastUsed) < unusedFor
	if !used {
		severity = alert.Lower(severity)
	}
	name := rest.Clean(r.Application.Name, 120)
	m = alert.Matter{
		Kind: alert.Ending, Subject: string(r.Holder) + "/" + r.KeyID, Severity: severity, Rung: rung, Ends: r.Expires, Path: "/credentials/" + r.KeyID,
		Application: name, ObjectID: r.Application.ObjectID, ClientID: r.Application.ClientID, KeyID: r.KeyID,
	}
	m.Owner, m.Backup = people(r.Application.Owners)
	on := d.alerts.Date(r.Expires)
	thing := noun(r.Kind) + " " + called(r)
	over := !r.Expires.After(now)
	var users []string
	for _, c := range r.Consumers {
		if u := rest.Clean(c.Consumer, 120); u != "" && !slices.Contains(users, u) {
			users = append(users, u)
		}
	}
	switch {
	case len(users) == 0 && over:
		m.Headline = fmt.Sprintf("The %s of %s has ended on %s", thing, name, on)
	case len(users) == 0:
		m.Headline = fmt.Sprintf("The %s of %s ends on %s", thing, name, on)
	case over:
		m.Headline = fmt.Sprintf("%s stopped on %s", several(users), on)
	case len(users) == 1:
		m.Headline = fmt.Sprintf("%s stops on %s", users[0], on)
	default:
		m.Headline = fmt.Sprintf("%s stop on %s", several(users), on)
	}
	m.Text = "Plan its rotation: rekey rotate " + r.KeyID
	if over {
		m.Text = "Whatever signs in with it is refused. " + m.Text
	}
	fact := func(name, value string) {
		if value != "" {
			m.Facts = append(m.Facts, connector.Fact{Name: name, Value: value})
		}
	}
	fact("Application", name)
	fact("What ends", thing)
	fact("Ends", r.Expires.In(d.alerts.Zone).Format("2 January 2006, 15:04 MST"))
	fact("What breaks", strings.Join(users, "; "))
	for _, p := range r.Places {
		fact("Kept in", p.Place.String())
		break
	}
	if !used {
		fact("Last use", "none is known")
	} else if !r.LastUsed.IsZero() {
		fact("Last use", d.alerts.Date(r.LastUsed))
	}
	return m, true
}

func several(list []string) string {
	switch len(list) {
	case 1:
		return list[0]
	case 2:
		return list[0] + " and " + list[1]
	}
	return fmt.Sprintf("%s and %d others", list[0], len(list)-1)
}

func noun(k inventory.Kind) string {
	switch k {
	case inventory.ClientSecret:
		return "client secret"
	case inventory.Certificate:
		return "certificate"
	case inventory.SAMLSigning:
		return "SAML signing certificate"
	case inventory.AccessKey:
		return "access key"
	}
	return "credential"
}

func called(r *inventory.Row) string {
	if label := rest.Clean(r.Label, 80); label != "" {
		return "“" + label + "”"
	}
	return r.KeyID
}

// people are the addresses of the first two owners who can be written to.
func people(owners []inventory.Owner) (first, second string) {
	for _, o := range owners {
		switch {
		case o.Kind != "user" || !strings.Contains(o.Mail, "@"):
		case first == "":
			first = o.Mail
		case second == "":
			second = o.Mail
		}
	}
	return first, second
}

// waiting finds rotations that do not go on without somebody.
func (d *Daemon) waiting(ctx context.Context, tenant string, found func(alert.Matter) error) error {
	f := rotation.Filter{State: rotation.Open, Limit: 1000}
	for {
		list, more, err := d.rotations.List(ctx, looker(tenant), f)
		if err != nil {
			return err
		}
		for _, r := range list {
			if m, ok := waits(r); ok {
				if err := found(m); err != nil {
					return err
				}
			}
		}
		if !more {
			return nil
		}
		f.Before = rotation.Cursor{Asked: list[len(list)-1].Asked, ID: list[len(list)-1].ID}
	}
}

// stuckAfter is how many failures in a row are no accident.
const stuckAfter = 5

func waits(r *rotation.Rotation) (m alert.Matter, ok bool) {
	step := r.Current()
	if step == nil || r.Needs == "" && r.Tries < stuckAfter {
		return m, false
	}
	a := r.Terms.Application
	name := rest.Clean(a.Name, 120)
	m = alert.Matter{
		Kind: alert.Stuck, Subject: r.ID, Severity: alert.Medium, Rung: alert.NoRung, Path: "/rotations/" + r.ID,
		Application: name, ObjectID: a.ObjectID, ClientID: a.ClientID, KeyID: r.Terms.Old.KeyID,
		Headline: fmt.Sprintf("The rotation of %s does not go on (%s)", name, step.Name), Text: rest.Clean(r.Problem, 600),
	}
	m.Owner, m.Backup = people(a.Owners)
	if step.Name == "approve" {
		m.Kind, m.Ends = alert.Waiting, r.Terms.Expires
		m.Headline, m.Text = fmt.Sprintf("A rotation of %s waits for an approval", name), "Nothing is changed before somebody has looked at it and approved."
		m.Owner, m.Backup = "", "" // owners propose; administrators approve, and they are the team
	}
	soon := !r.Terms.Old.Expires.IsZero() && time.Until(r.Terms.Old.Expires) < 7*day
	if r.Terms.Plan == "emergency" || r.Terms.Plan == "revoke" || soon {
		m.Severity = alert.High
	}
	for _, f := range [][2]string{{"Rotation", r.ID}, {"Plan", r.Terms.Plan}, {"Step", step.Name}, {"It needs", r.Needs}, {"Proposed by", r.By.Name}} {
		if f[1] != "" {
			m.Facts = append(m.Facts, connector.Fact{Name: f[0], Value: rest.Clean(f[1], 300)})
		}
	}
	return m, true
}

// tasks finds what people have to do: at half of the time, at nine tenths, and over.
func (d *Daemon) tasks(ctx context.Context, tenant string, found func(alert.Matter) error) error {
	f := delivery.Filter{State: delivery.Pending, Limit: 1000}
	for {
		list, more, err := d.desk.List(ctx, looker(tenant), f)
		if err != nil {
			return err
		}
		for _, t := range list {
			m := alert.Matter{
				Kind: alert.TaskDue, Subject: t.ID, Severity: alert.Medium, Rung: 100 - t.Reminded, Path: "/tasks/" + t.ID, Ends: t.Deadline, Application: rest.Clean(t.Title, 120),
				Headline: fmt.Sprintf("%s has to move to the new secret by %s", rest.Clean(t.Consumer, 120), d.alerts.Date(t.Deadline)),
				Text:     "The rotation waits for it. When it is done: rekey tasks done " + t.ID,
				Owner:    address(t.Person), Backup: address(t.Backup),
				Facts: []connector.Fact{{Name: "What to do", Value: rest.Clean(t.Reference, 300)}, {Name: "Where the new value is", Value: rest.Clean(t.Place, 300)}, {Name: "Rotation", Value: t.Rotation}},
			}
			if t.Reminded >= 90 {
				m.Severity = alert.High
			}
			if t.State == delivery.Escalated && m.Backup != "" {
				m.Owner, m.Backup = m.Backup, ""
			}
			if err := found(m); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		f.Before = delivery.Cursor{Opened: list[len(list)-1].Opened, ID: list[len(list)-1].ID}
	}
}

func address(person string) string {
	if strings.Contains(person, "@") {
		return person
	}
	return ""
}

// findings finds what is against the policy, but for what has a ladder of its own.
func (d *Daemon) findings(ctx context.Context, tenant string, found func(alert.Matter) error) error {
	if d.alerts.Findings == "" {
		return nil
	}
	for f, err := range d.policy.All(ctx, looker(tenant), policy.Query{Severity: policy.Severity(d.alerts.Findings)}) {
		if err != nil {
			return err
		}
		if f.Rule == "ends-soon" || f.Rule == "expired" {
			continue
		}
		m := alert.Matter{
			Kind: alert.Found, Subject: f.ID, Severity: alert.Severity(f.Severity), Rung: alert.NoRung, Path: "/findings", ObjectID: f.Application, KeyID: f.KeyID,
			Headline: rest.Clean(f.Title, 120) + ": " + rest.Clean(f.Reason, 300), Text: rest.Clean(f.Cure, 600), Facts: []connector.Fact{{Name: "Rule", Value: f.Rule}},
		}
		if m.Severity == alert.High {
			m.Severity = alert.Medium // it can wait for the digest; what ends within days cannot
		}
		if err := found(m); err != nil {
			return err
		}
	}
	return nil
}

// staleness finds that the picture is too old to believe.
func (d *Daemon) staleness(ctx context.Context, tenant string, found func(alert.Matter) error) error {
	every := d.config.Sync.Every
	if every == 0 {
		return nil
	}
	sum, err := d.inventory.Summary(ctx, looker(tenant))
	if err != nil {
		return err
	}
	for _, f := range sum.Feeds {
		if f.Read.IsZero() || f.Running || strings.Contains(f.Feed, "uses") || time.Since(f.Read) < max(4*every, 2*time.Hour) {
			continue
		}
		err := found(alert.Matter{
			Kind: alert.Stale, Subject: f.Feed, Severity: alert.High, Rung: alert.NoRung, Path: "/",
			Headline: fmt.Sprintf("%s was last read on %s: what ends after that is not known", rest.Clean(f.Feed, 80), d.alerts.Date(f.Read)),
			Text:     "rekey doctor says what is wrong.",
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// heldBack finds that this installation may not be the one that counts.
func (d *Daemon) heldBack(_ context.Context, _ string, found func(alert.Matter) error) error {
	if d.guard == nil || d.guard.Held() == "" {
		return nil
	}
	return found(alert.Matter{
		Kind: alert.Held, Subject: "installation", Severity: alert.High, Rung: alert.NoRung, Path: "/reconcile",
		Headline: "rekey is held: no rotation goes on until somebody has looked", Text: "rekey reconcile show says how journal and world differ; an administrator accepts it.",
		Facts: []connector.Fact{{Name: "Why", Value: rest.Clean(d.guard.Held(), 500)}},
	})
}

// tampering finds that the audit log is not what was recorded.
func (d *Daemon) tampering(ctx context.Context, _ string, found func(alert.Matter) error) error {
	_, err := d.log.Verify(ctx, d.store)
	if err == nil {
		return nil
	}
	if !errors.Is(err, audit.ErrTampered) {
		return err
	}
	return found(alert.Matter{
		Kind: alert.Tampered, Subject: "log", Severity: alert.High, Rung: alert.NoRung, Path: "/audit",
		Headline: "The audit log is not what was recorded", Text: "rekey audit verify says where. Keep the data folder as it is, and find out who wrote to it.",
		Facts: []connector.Fact{{Name: "It says", Value: rest.Clean(err.Error(), 300)}},
	})
}
