// Package eventgrid delivers the events of pretended Key Vaults as Azure Event Grid
// does: after a handshake, at least once, in no order, unsigned.
//
// A subscription only hears of versions that were made after it. See
// https://learn.microsoft.com/azure/event-grid/event-schema-key-vault
package eventgrid

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Service delivers events.
type Service struct {
	w       *world.World
	outside http.RoundTripper
}

// New delivers the events of w through outside.
func New(w *world.World, outside http.RoundTripper) *Service { return &Service{w, outside} }

// ErrHandshake means that an address did not prove that it wants the events.
var ErrHandshake = errors.New("the webhook did not answer the validation")

// Subscribe makes a subscription to a vault's events, if the address proves that it
// wants them: it has to send back a code (Event Grid's schema), or allow the origin
// (CloudEvents).
func (s *Service) Subscribe(ctx context.Context, name, vault, address string, cloud bool) error {
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://127.0.0.1") {
		return errors.New("webhook endpoints have to be https")
	}
	sub := &world.EventSubscription{Name: name, Vault: vault, Address: address, Cloud: cloud, Since: time.Now().UTC(), Sent: map[string]bool{}}
	check := s.validate
	if cloud {
		check = s.options
	}
	if err := check(ctx, sub); err != nil {
		return err
	}
	s.w.Change(func() { s.w.Events = append(s.w.Events, sub) })
	return nil
}

func (s *Service) validate(ctx context.Context, sub *world.EventSubscription) error {
	code := world.RandomGUID()
	body, err := json.Marshal([]any{map[string]any{
		"id": world.RandomGUID(), "topic": s.topic(sub.Vault), "subject": "", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
		"eventTime": stamp(time.Now()), "metadataVersion": "1", "dataVersion": "2",
		"data": map[string]string{"validationCode": code, "validationUrl": "https://rp-westeurope.eventgrid.azure.net:553/eventsubscriptions/" + sub.Name + "/validate?id=" + code},
	}})
	if err != nil {
		return err
	}
	answer, status, err := s.send(ctx, http.MethodPost, sub, body, http.Header{"Aeg-Event-Type": {"SubscriptionValidation"}})
	if err != nil {
		return err
	}
	var reply struct {
		Response string `json:"validationResponse"`
	}
	if status != http.StatusOK || json.Unmarshal(answer, &reply) != nil || reply.Response != code {
		return fmt.Errorf("%w: status %d", ErrHandshake, status)
	}
	return nil
}

func (s *Service) options(ctx context.Context, sub *world.EventSubscription) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodOptions, sub.Address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("WebHook-Request-Origin", "eventgrid.azure.net")
	answer, err := s.outside.RoundTrip(r)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if origin := answer.Header.Get("WebHook-Allowed-Origin"); answer.StatusCode != http.StatusOK || origin != "*" && origin != "eventgrid.azure.net" {
		return fmt.Errorf("%w: status %d", ErrHandshake, answer.StatusCode)
	}
	return nil
}

// event is something that happened to a version.
type event struct {
	id, kind string
	at       time.Time
	data     map[string]any
	name     string
}

// Deliver sends what is due. What is not taken with a status from 200 to 204 comes
// again with the next call.
func (s *Service) Deliver(ctx context.Context) error {
	var subs []*world.EventSubscription
	s.w.Read(func() { subs = slices.Clone(s.w.Events) })
	var failed error
	for _, sub := range subs {
		list := s.due(sub)
		if _, ill := s.w.Ill(world.EventReordered); ill {
			slices.Reverse(list)
		}
		_, twice := s.w.Ill(world.EventTwice)
		for _, e := range list {
			err := s.deliver(ctx, sub, e)
			if err == nil && twice {
				err = s.deliver(ctx, sub, e)
			}
			if err != nil {
				failed = err
				continue
			}
			s.w.Change(func() { sub.Sent[e.id] = true })
		}
	}
	return failed
}

const nearExpiry = 30 * 24 * time.Hour

// due are the events that have happened and were not taken yet, the oldest first.
func (s *Service) due(sub *world.EventSubscription) (list []event) {
	now := time.Now()
	s.w.Read(func() {
		v := s.w.Azure.Vaults[strings.ToLower(sub.Vault)]
		if v == nil {
			return
		}
		for _, secret := range v.Secrets {
			for _, version := range secret.Versions {
				if version.Created.Before(sub.Since) {
					continue
				}
				add := func(kind string, at time.Time) {
					if id := kind + version.ID; !at.After(now) && !sub.Sent[id] {
						list = append(list, event{id, "Microsoft.KeyVault.Secret" + kind, at, s.data(sub.Vault, secret, version), secret.Name})
					}
				}
				add("NewVersionCreated", version.Created)
				if !version.Expires.IsZero() {
					near := version.Expires.Add(-nearExpiry)
					if near.Before(version.Created) {
						near = version.Created
					}
					add("NearExpiry", near)
					add("Expired", version.Expires)
				}
			}
		}
	})
	slices.SortFunc(list, func(a, b event) int { return a.at.Compare(b.at) })
	return list
}

func (s *Service) data(vault string, secret *world.Secret, v *world.SecretVersion) map[string]any {
	d := map[string]any{
		"Id": "https://" + vault + ".vault.azure.net/secrets/" + secret.Name + "/" + v.ID, "VaultName": vault, "ObjectType": "Secret", "ObjectName": secret.Name,
		"Version": v.ID, "NBF": nil, "EXP": nil,
	}
	if !v.NotBefore.IsZero() {
		d["NBF"] = fmt.Sprint(v.NotBefore.Unix()) // numbers come as texts at times
	}
	if !v.Expires.IsZero() {
		d["EXP"] = v.Expires.Unix()
	}
	return d
}

func (s *Service) deliver(ctx context.Context, sub *world.EventSubscription, e event) error {
	header := http.Header{"Aeg-Event-Type": {"Notification"}, "Aeg-Subscription-Name": {strings.ToUpper(sub.Name)}, "Aeg-Delivery-Count": {"0"}}
	var body any = []any{map[string]any{
		"id": e.id, "topic": s.topic(sub.Vault), "subject": e.name, "eventType": e.kind, "eventTime": stamp(e.at), "data": e.data, "dataVersion": "1", "metadataVersion": "1",
	}}
	if sub.Cloud {
		body = map[string]any{"id": e.id, "source": s.topic(sub.Vault), "type": e.kind, "time": stamp(e.at), "specversion": "1.0", "subject": e.name, "data": e.data}
		header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, status, err := s.send(ctx, http.MethodPost, sub, raw, header)
	if err == nil && (status < 200 || status > 204) {
		err = fmt.Errorf("the webhook answered %d", status)
	}
	return err
}

func (s *Service) send(ctx context.Context, method string, sub *world.EventSubscription, body []byte, header http.Header) (answer []byte, status int, err error) {
	r, err := http.NewRequestWithContext(ctx, method, sub.Address, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	r.Header = header
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	resp, err := s.outside.RoundTrip(r)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return answer, resp.StatusCode, err
}

// topic is the vault's id in Azure.
func (s *Service) topic(vault string) string {
	return "/subscriptions/" + s.w.Tenant.SubscriptionID + "/resourceGroups/rg-contoso/providers/Microsoft.KeyVault/vaults/" + vault
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }
