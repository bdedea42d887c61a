package appservice

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// Feed finds the apps that read vault entries, in all subscriptions that our
// identity may look into.
type Feed struct {
	API  *rest.Client // of management.azure.com
	Span string       // what follows a vault's name in its host: .vault.azure.net
}

var _ inventory.ReaderFeed = (*Feed)(nil)

// Name is under which the reading is kept.
func (f *Feed) Name() string { return "app service" }

// Readers lists the references of every app and slot, app by app. An app whose
// references may not be read is named in the error at the end; the others are
// told before.
func (f *Feed) Readers(ctx context.Context) iter.Seq2[[]inventory.Reader, error] {
	return func(yield func([]inventory.Reader, error) bool) {
		sites, err := f.sites(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		var failed []error
		for _, id := range sites {
			list, err := f.app(ctx, id)
			if err != nil {
				failed = append(failed, err)
			}
			if ctx.Err() != nil {
				break
			}
			if len(list) > 0 && !yield(list, nil) {
				return
			}
		}
		if len(failed) > 0 {
			yield(nil, fmt.Errorf("%d of %d apps: %w", len(failed), len(sites), errors.Join(failed[:min(len(failed), 5)]...)))
		}
	}
}

// app lists what one app reads.
func (f *Feed) app(ctx context.Context, id string) (list []inventory.Reader, err error) {
	ref, err := connector.ParseReference("app:" + id)
	if err != nil {
		return nil, fmt.Errorf("an app has an id that cannot be read: %s", rest.Clean(id, 200))
	}
	found, err := (&App{API: f.API, Site: ref.Site, Name: ref.Name}).references(ctx)
	if errors.Is(err, connector.ErrNotFound) { // it went while we read
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("app %s: %w", ref.Name, err)
	}
	for _, r := range found {
		p := r.Properties
		if p.Vault == "" || p.Secret == "" {
			continue // its syntax is wrong: it reads nothing
		}
		place := inventory.Place{Vault: strings.ToLower(p.Vault) + f.Span, Name: p.Secret, Version: p.Pinned}
		list = append(list, inventory.Reader{Place: place, Consumer: ref.Name, Reference: ref.String(), Source: inventory.FromAppService})
	}
	return list, nil
}

// sites are the ARM ids of all apps and slots.
func (f *Feed) sites(ctx context.Context) (ids []string, err error) {
	subscriptions, err := f.list(ctx, "/subscriptions?api-version=2021-04-01", func(i item) string { return i.Subscription })
	if err != nil {
		return nil, fmt.Errorf("cannot list the subscriptions: %w", err)
	}
	filter := url.QueryEscape("resourceType eq 'Microsoft.Web/sites' or resourceType eq 'Microsoft.Web/sites/slots'")
	for _, s := range subscriptions {
		found, err := f.list(ctx, rest.Path("subscriptions", s, "resources")+"?api-version=2021-04-01&$filter="+filter, func(i item) string { return i.ID })
		if err != nil {
			return nil, fmt.Errorf("cannot list the apps of subscription %s: %w", rest.Clean(s, 40), err)
		}
		ids = append(ids, found...)
	}
	return ids, nil
}

type item struct {
	ID           string `json:"id"`
	Subscription string `json:"subscriptionId"`
}

func (f *Feed) list(ctx context.Context, next string, of func(item) string) (list []string, err error) {
	for pages := 0; next != ""; pages++ {
		if pages == 10_000 {
			return nil, errors.New("the list does not end")
		}
		var page struct {
			Value []item `json:"value"`
			Next  string `json:"nextLink"`
		}
		if err := f.API.Get(ctx, next, &page); err != nil {
			return nil, err
		}
		for _, i := range page.Value {
			list = append(list, of(i))
		}
		next = page.Next
	}
	return list, nil
}
