package office

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// find is the subscription of a type, nil if there is none. The caller holds Read.
func (s *Service) find(kind string) *world.OfficeSubscription {
	for _, o := range s.w.Office {
		if o.Type == kind {
			return o
		}
	}
	return nil
}

func shown(o *world.OfficeSubscription) map[string]any {
	status := "disabled"
	if o.Enabled {
		status = "enabled"
	}
	out := map[string]any{"contentType": o.Type, "status": status, "webhook": nil}
	if h := o.Webhook; h != nil {
		state := "disabled"
		if h.Enabled {
			state = "enabled"
		}
		out["webhook"] = map[string]any{"status": state, "address": h.Address, "authId": h.AuthID, "expiration": nil}
	}
	return out
}

// start makes or changes a subscription. A webhook is asked whether it wants to be
// one first.
func (c *call) start() (any, *failure) {
	hook, f := c.hook()
	if f != nil {
		return nil, f
	}
	var out any
	c.w.Change(func() {
		o := c.find(c.kind)
		switch {
		case o == nil:
			o = &world.OfficeSubscription{Type: c.kind}
			c.w.Office = append(c.w.Office, o)
		case o.Enabled && same(o.Webhook, hook):
			f = fail(http.StatusBadRequest, "AF20024", "The subscription is already enabled. No property change.")
			return
		}
		now := time.Now().UTC()
		if !o.Enabled {
			o.Enabled, o.Started = true, now
		}
		o.Asked = now
		if hook != nil {
			hook.Told = now
			o.Webhook = hook
		}
		out = shown(o)
	})
	return out, f
}

func same(a, b *world.OfficeWebhook) bool {
	return b == nil || a != nil && a.Enabled && a.Address == b.Address && a.AuthID == b.AuthID
}

// hook reads the webhook of a request and validates it: it has to answer 200 to a
// code that only it was sent.
func (c *call) hook() (*world.OfficeWebhook, *failure) {
	raw, err := io.ReadAll(io.LimitReader(c.r.Body, 1<<20))
	if err != nil || len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	var q struct {
		Webhook *struct{ Address, AuthID, Expiration string } `json:"webhook"`
	}
	if json.Unmarshal(raw, &q) != nil {
		return nil, fail(http.StatusBadRequest, "AF20002", "Invalid parameter type: webhook. Expected type: object")
	}
	if q.Webhook == nil {
		return nil, nil
	}
	if at, err := time.Parse(time.RFC3339, q.Webhook.Expiration); err == nil && at.Before(time.Now()) {
		return nil, fail(http.StatusBadRequest, "AF20003", "Expiration "+q.Webhook.Expiration+" provided is set to past date and time.")
	}
	h := &world.OfficeWebhook{Address: q.Webhook.Address, AuthID: q.Webhook.AuthID, Enabled: true}
	if !strings.HasPrefix(h.Address, "https://") {
		return nil, fail(http.StatusBadRequest, "AF20021", "The webhook endpoint ("+h.Address+") could not be validated. The address must begin with HTTPS.")
	}
	code := world.RandomGUID()
	body, err := json.Marshal(map[string]string{"validationCode": code})
	if err == nil {
		err = c.post(c.r.Context(), h, body, http.Header{"Webhook-Validationcode": {code}})
	}
	if err != nil {
		return nil, fail(http.StatusBadRequest, "AF20021", "The webhook endpoint ("+h.Address+") could not be validated. "+err.Error())
	}
	return h, nil
}

func (s *Service) post(ctx context.Context, h *world.OfficeWebhook, body []byte, header http.Header) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.Address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = header.Clone()
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Webhook-Authid", h.AuthID)
	answer, err := s.outside.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("It answered %d.", answer.StatusCode)
	}
	return nil
}

func (c *call) stop() (any, *failure) {
	var f *failure
	c.w.Change(func() {
		o := c.find(c.kind)
		if o == nil || !o.Enabled {
			f = noSubscription()
			return
		}
		o.Enabled = false
	})
	return nil, f
}

func noSubscription() *failure {
	return fail(http.StatusBadRequest, "AF20022", "No subscription found for the specified content type.")
}

// subscriptions lists them. One that the fault strikes is switched off here.
func (c *call) subscriptions() (any, *failure) {
	_, struck := c.w.Faults.Strike(world.SubscriptionOff, "GET "+host+c.r.URL.Path)
	list := []any{}
	c.w.Change(func() {
		for _, o := range c.w.Office {
			if struck {
				o.Enabled = false
			}
			list = append(list, shown(o))
		}
	})
	return list, nil
}

// mostFailures of a webhook in a row before it is switched off.
const mostFailures = 10

// Deliver tells the webhooks of content that was made since they were last told.
// What could not be delivered comes again with the next call.
func (s *Service) Deliver(ctx context.Context) error {
	type due struct {
		hook  *world.OfficeWebhook
		items []any
		until time.Time
	}
	var all []due
	now := time.Now().UTC()
	s.w.Read(func() {
		for _, o := range s.w.Office {
			if !o.Enabled || o.Webhook == nil || !o.Webhook.Enabled {
				continue
			}
			d := due{hook: o.Webhook, until: now}
			for _, b := range s.blobs(o, o.Webhook.Told, now) {
				item := b.item(s.w.Tenant.ID)
				item["tenantId"], item["clientId"] = s.w.Tenant.ID, ""
				d.items = append(d.items, item)
			}
			if len(d.items) > 0 {
				all = append(all, d)
			}
		}
	})
	var failed error
	for _, d := range all {
		body, err := json.Marshal(d.items)
		if err == nil {
			err = s.post(ctx, d.hook, body, http.Header{})
		}
		s.w.Change(func() {
			if err == nil {
				d.hook.Told, d.hook.Failures = d.until, 0
				return
			}
			if d.hook.Failures++; d.hook.Failures >= mostFailures {
				d.hook.Enabled = false
			}
		})
		if err != nil {
			failed = err
		}
	}
	return failed
}
