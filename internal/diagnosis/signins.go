package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// signIn is a record of the tenant's sign-in log.
type signIn struct {
	At      time.Time `json:"createdDateTime"`
	KeyID   string    `json:"servicePrincipalCredentialKeyId"`
	Address string    `json:"ipAddress"`
	Status  struct {
		Code int `json:"errorCode"`
	} `json:"status"`
}

// history is what the records tell of an application's last sign-ins.
type history struct {
	read     bool
	last     *signIn // the newest one
	accepted *signIn // the newest that was accepted
	list     []signIn
}

// signIns reads the newest records of a client. A tenant without a premium licence
// keeps none, and then nothing is known.
func (l *walker) signIns(ctx context.Context, link *Link) history {
	if l.records != nil {
		return *l.records
	}
	l.records = &history{}
	var page struct {
		Value []signIn `json:"value"`
	}
	since := time.Now().AddDate(0, 0, -30).UTC().Format(time.RFC3339)
	client := l.w.Facts.Client
	err := l.get(ctx, link, l.graph, "sign-in log of "+client,
		"/beta/auditLogs/signIns?$top=200&$filter=signInEventTypes/any(t: t eq 'servicePrincipal') and appId eq '"+quoted(client)+"' and createdDateTime ge "+since, &page)
	if err != nil {
		return *l.records
	}
	h := history{read: true, list: page.Value}
	slices.SortStableFunc(h.list, func(a, b signIn) int { return b.At.Compare(a.At) })
	for i := range h.list {
		s := &h.list[i]
		if h.last == nil {
			h.last = s
		}
		if s.Status.Code == 0 && h.accepted == nil {
			h.accepted = s
		}
	}
	link.asked("sign-in log of "+client, "%s", h.words())
	l.records = &h
	return h
}

func (h history) words() string {
	if h.last == nil {
		return "no sign-in within 30 days"
	}
	text := fmt.Sprintf("%d records; the newest of %s", len(h.list), h.last.At.UTC().Format(time.DateTime))
	if h.last.Status.Code == 0 {
		return text + " was accepted"
	}
	text += fmt.Sprintf(" ended with AADSTS%d", h.last.Status.Code)
	if h.accepted != nil {
		text += ", the last that was accepted is of " + h.accepted.At.UTC().Format(time.DateTime)
	}
	return text
}

// try signs in with a value, once. 0: accepted; -1: it could not be asked.
func (l *walker) try(ctx context.Context, link *Link, client, what string, v secret.Value) int {
	if l.login == nil {
		return -1
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d := &entra.Directory{Login: l.login, Tenant: l.Patient.Tenant}
	err := d.SignIn(ctx, inventory.Application{Tenant: l.Patient.Tenant, ClientID: inventory.ClientID(client)}, v)
	question := "a sign-in as " + client + " with " + what
	if err == nil {
		link.asked(question, "accepted")
		return 0
	}
	if e, ok := errors.AsType[*connector.RejectedError](err); ok && e.Code != 0 {
		link.asked(question, "AADSTS%d", e.Code)
		return e.Code
	}
	link.asked(question, "no answer: %s", sentenceOf(err))
	return -1
}

// change is what an audit record tells of credentials that came and went.
type change struct {
	auditRecord
	added, removed []string // key ids
}

var keyIDForm = regexp.MustCompile(`(?i)KeyIdentifier=([0-9a-f-]{36})`)

// changes lists what happened to the credentials of the application and of its
// service principal, the newest first.
func (l *walker) changes(ctx context.Context, link *Link) (list []change) {
	if l.changed != nil {
		return *l.changed
	}
	for _, o := range []*object{l.app, l.principal} {
		if o == nil {
			continue
		}
		records, err := l.audits(ctx, link, o.ID)
		if err != nil {
			l.noAudit = true
			continue
		}
		for _, r := range records {
			c := change{auditRecord: r}
			for _, t := range r.Targets {
				for _, p := range t.Properties {
					if p.Name != "KeyDescription" {
						continue
					}
					before, after := keyIDs(p.Old), keyIDs(p.New)
					c.added, c.removed = missingIn(before, after), missingIn(after, before)
				}
			}
			if len(c.added)+len(c.removed) > 0 {
				list = append(list, c)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b change) int { return b.At.Compare(a.At) })
	l.changed = &list
	return list
}

func keyIDs(text string) (list []string) {
	for _, m := range keyIDForm.FindAllStringSubmatch(text, 200) {
		list = append(list, strings.ToLower(m[1]))
	}
	return list
}

// missingIn are those of the second list that the first has not.
func missingIn(first, second []string) (list []string) {
	for _, id := range second {
		if !slices.Contains(first, id) {
			list = append(list, id)
		}
	}
	return list
}

// removal is the newest record of a credential that was taken away, of that key id
// if one is given.
func removal(list []change, keyID string) *change {
	for i := range list {
		if len(list[i].removed) > 0 && (keyID == "" || slices.Contains(list[i].removed, strings.ToLower(keyID))) {
			return &list[i]
		}
	}
	return nil
}
