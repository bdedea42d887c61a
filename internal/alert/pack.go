package alert

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
)

// Limits of a message. What does not fit is counted, and on the page.
const (
	mostItems = 40
	mostDue   = 1000 // tellings packed in one transaction
)

// pack makes messages of what is due: one for each recipient, or for each alert on
// channels of machines. What a message says is written down now, and is the same
// at every try.
func (k *Keeper) pack(ctx context.Context, tenant string) error {
	for {
		n := 0
		err := k.Store.Do(ctx, func(tx *store.Tx) error {
			list, err := dueTellings(tx, tenant, now(), k.held(), mostDue)
			if err != nil {
				return err
			}
			n = len(list)
			for len(list) > 0 {
				same := 1
				for same < len(list) && list[same].channel == list[0].channel && list[same].recipient == list[0].recipient {
					same++
				}
				if err := k.packOne(tx, tenant, list[:same]); err != nil {
					return err
				}
				list = list[same:]
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("cannot make messages: %w", err)
		}
		if n < mostDue {
			return nil
		}
	}
}

// packOne packs the tellings of one recipient on one channel.
func (k *Keeper) packOne(tx *store.Tx, tenant string, list []telling) error {
	r := k.route(list[0].channel)
	if r == nil { // it is no longer configured
		for _, t := range list {
			if err := setTelling(tx, t, dropped, ""); err != nil {
				return err
			}
		}
		return nil
	}
	if !r.Channel.Traits().Machine {
		return k.compose(tx, tenant, r, list)
	}
	for i := range list {
		if err := k.compose(tx, tenant, r, list[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// compose writes one message down.
func (k *Keeper) compose(tx *store.Tx, tenant string, r *Route, list []telling) error {
	id := "m-" + strings.ToLower(rand.Text()[:20])
	m := connector.Message{ID: id, Tenant: tenant, Name: cmp.Or(k.Name, tenant), To: list[0].recipient, Made: now(), Link: k.Link("/alerts")}
	seen := map[string]int{} // one line for each alert, however often it is to be told
	for _, t := range list {
		a, err := byID(tx, tenant, t.alert, false)
		if err != nil {
			return err
		}
		if stop := a.State != Open && (t.act == connector.Raised || t.act == connector.Escalated); stop {
			if err := setTelling(tx, t, dropped, ""); err != nil {
				return err
			}
			continue
		}
		if err := setTelling(tx, t, packed, id); err != nil {
			return err
		}
		m.Again = m.Again || t.again
		if i, ok := seen[a.ID]; ok {
			m.Items[i].Again = m.Items[i].Again && t.again
			m.Items[i].Key = keyOf(t.alert, t.occasion) // the later step is what it says
			if t.act == connector.Escalated {
				m.Items[i].Act = t.act
			}
			continue
		}
		item := k.item(&a, t)
		if item.Keys, err = keys(tx, tenant, a.ID, r.Name); err != nil {
			return err
		}
		seen[a.ID] = len(m.Items)
		m.Items = append(m.Items, item)
	}
	if len(m.Items) == 0 {
		return nil
	}
	slices.SortStableFunc(m.Items, worst)
	if len(m.Items) > mostItems {
		m.More = len(m.Items) - mostItems
		m.Items = m.Items[:mostItems]
	}
	words(&m, k.urgent)
	return insertMessage(tx, &m, r.Name)
}

// worst sorts what matters most and ends first to the front.
func worst(a, b connector.Item) int {
	end := func(i connector.Item) int64 {
		if i.Ends.IsZero() {
			return 1 << 62
		}
		return i.Ends.UnixMilli()
	}
	return cmp.Or(cmp.Compare(Severity(a.Severity).rank(), Severity(b.Severity).rank()), cmp.Compare(end(a), end(b)), cmp.Compare(a.Alert, b.Alert))
}

// keyOf is what receivers know an alert by at one step of the ladder: the same
// for all that is told of that step.
func keyOf(alert, occasion string) string {
	_, rung, _ := strings.Cut(occasion, ".")
	if i := strings.IndexAny(rung, "+~"); i >= 0 {
		rung = rung[:i]
	}
	return alert + "." + rung
}

func (k *Keeper) item(a *Alert, t telling) connector.Item {
	i := connector.Item{
		Alert: a.ID, Key: keyOf(t.alert, t.occasion), Act: t.act, Kind: a.Kind, Severity: string(a.Severity), Headline: a.Headline, Text: a.Text, Facts: a.Facts,
		Link: k.Link(a.Path), Ends: a.Ends, Opened: a.Opened, Again: t.again, Level: a.Level, Judge: a.Judge,
		Application: a.Application, ObjectID: string(a.ObjectID), ClientID: string(a.ClientID), KeyID: a.KeyID,
	}
	if a.Rung != NoRung {
		i.Rung = a.Rung
	}
	if a.Kind == Ending {
		i.UID = EndUID(a.Tenant, a.Subject)
	}
	return i
}

// EndUID is what calendars know the end of a credential by.
func EndUID(tenant, subject string) string {
	return "end-" + strings.TrimPrefix(id(tenant, Ending, subject), "a-") + "@rekey"
}

// words finds the subject, and what stands above the list.
func words(m *connector.Message, urgent func(Severity) bool) {
	first := m.Items[0]
	high := 0
	for _, i := range m.Items {
		if urgent(Severity(i.Severity)) {
			high++
		}
	}
	total := len(m.Items) + m.More
	m.Digest = high == 0
	switch {
	case total == 1:
		m.Subject, m.Thread = first.Headline, first.Alert
	case high == 0:
		m.Subject, m.Thread = fmt.Sprintf("%d things to look after: %s, ...", total, first.Headline), "digest-"+m.Made.Format("2006-01")
	default:
		m.Subject, m.Thread = fmt.Sprintf("%s, and %d more", first.Headline, total-1), "urgent-"+m.Made.Format("2006-01-02")
	}
	if first.Act == connector.Escalated && total == 1 {
		m.Subject = "Nobody has answered yet: " + m.Subject
	}
	if m.Again {
		m.Intro = "Some of this may have reached you before: it is not known whether an earlier message arrived."
	}
}

// essential is 1 for what is about rekey itself: that is told even while nothing
// else may have an effect.
func essential(m *connector.Message) int {
	for _, i := range m.Items {
		if !slices.Contains(ofItself, i.Kind) {
			return 0
		}
	}
	return 1
}

var ofItself = []string{Held, Tampered, DeadRoute}

func insertMessage(tx *store.Tx, m *connector.Message, channel string) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("cannot encode message %s: %w", m.ID, err)
	}
	_, err = tx.Exec(`INSERT INTO alert_message (tenant, id, channel, recipient, state, tries, due, made, began, ended, claim, essential, problem, body) VALUES ($1, $2, $3, $4, $5, 0, $6, $6, 0, 0, '', $7, '', $8)`,
		m.Tenant, m.ID, channel, m.To, ready, millis(m.Made), essential(m), string(body))
	if err != nil {
		return fmt.Errorf("cannot write message %s: %w", m.ID, err)
	}
	return nil
}
