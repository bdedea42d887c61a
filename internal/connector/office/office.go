// Package office reads the Office 365 Management Activity API: the unified audit
// log, as a feed of blobs.
//
// It is the second, independent record of what happened in the directory: an hour
// or more behind, kept for seven days, with blobs that come late, twice and in any
// order. The feed is listed by when content was made, not by when things happened;
// what was read is known by the content's id, and an event by its own. See
// https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-reference
package office

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
)

// Host is where the API lives in the public cloud.
const Host = "manage.office.com"

// Directory is the content type of Entra's records.
const Directory = "Audit.AzureActiveDirectory"

// Types are the content types that there are.
var Types = []string{Directory, "Audit.Exchange", "Audit.SharePoint", "Audit.General", "DLP.All"}

// Feed is one content type of a tenant's feed.
type Feed struct {
	API       *rest.Client // https://manage.office.com, with ActivityFeed.Read
	Tenant    string       // GUID
	Publisher string       // PublisherIdentifier: a GUID with a quota of its own; empty: the tenant's
	Type      string       // empty: Directory
	Late      time.Duration

	// Webhook, if its address is set, is told of new content; the feed is polled
	// all the same.
	Webhook Webhook

	started time.Time // when a subscription was last asked for
}

// Webhook is where the API sends notifications.
type Webhook struct {
	Address string       // https
	AuthID  secret.Value // sent back with each notification
}

var _ connector.Recorder = (*Feed)(nil)

const (
	keeps      = 7 * 24 * time.Hour
	usualLate  = 24 * time.Hour   // after which content that was announced late is there
	startPause = 15 * time.Minute // between two requests to start
	largest    = 1000             // pages of one listing
)

// Name is what people read of it.
func (f *Feed) Name() string { return "Office 365 feed " + f.content() }

func (f *Feed) content() string { return cmp.Or(f.Type, Directory) }

// Habits say how late content comes and how long it stays.
func (f *Feed) Habits() connector.Habits {
	return connector.Habits{Keeps: keeps, Late: cmp.Or(f.Late, usualLate), Window: 24 * time.Hour, Partner: true}
}

// item is a blob of the list.
type item struct {
	Type    string `json:"contentType"`
	ID      string `json:"contentId"`
	URI     string `json:"contentUri"`
	Created moment `json:"contentCreated"`
	Expires moment `json:"contentExpiration"`
}

// Records makes sure of the subscription, lists the content that was made in the
// span, and reads the blobs that are not known yet.
func (f *Feed) Records(ctx context.Context, from, to time.Time, known func(string) bool) iter.Seq2[connector.Batch, error] {
	return func(yield func(connector.Batch, error) bool) {
		lost, err := f.subscribe(ctx)
		if lost != nil && !yield(connector.Batch{Lost: lost}, nil) {
			return
		}
		if err != nil {
			yield(connector.Batch{}, f.meaning(err))
			return
		}
		list, err := f.list(ctx, from, to)
		if err != nil {
			yield(connector.Batch{}, f.meaning(err))
			return
		}
		for _, i := range list {
			if known(i.ID) {
				continue
			}
			b, err := f.blob(ctx, i)
			if !yield(b, f.meaning(err)) || err != nil {
				return
			}
		}
	}
}

// list finds the content of a span, each once, in the order in which it was made.
func (f *Feed) list(ctx context.Context, from, to time.Time) ([]item, error) {
	from, to = from.UTC().Truncate(time.Second), to.UTC().Truncate(time.Second)
	if !from.Before(to) {
		return nil, nil
	}
	const form = "2006-01-02T15:04:05"
	link := f.path("subscriptions/content", "contentType", f.content(), "startTime", from.Format(form), "endTime", to.Format(form))
	var all []item
	seen := map[string]bool{}
	for n := 0; link != ""; n++ {
		if n == largest {
			return nil, fmt.Errorf("the list of content has no end: %d pages for one day", n)
		}
		answer, err := f.API.Read(ctx, link, nil, nil)
		if err != nil {
			return nil, err
		}
		var page []item
		if json.Unmarshal(answer.Body, &page) != nil {
			return nil, rest.ErrTruncated // the decoder's own error can quote the document
		}
		for _, i := range page {
			if i.ID != "" && !seen[i.ID] {
				seen[i.ID] = true
				all = append(all, i)
			}
		}
		if link, err = f.follow(answer.Header.Get("NextPageUri")); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b item) int { return a.Created.Compare(b.Created.Time) })
	return all, nil
}

// follow is a link of the server with the publisher in it. One that leaves the
// host is refused: it would take our token there.
func (f *Feed) follow(link string) (string, error) {
	if link == "" {
		return "", nil
	}
	if err := f.API.Belongs(link); err != nil {
		return "", err
	}
	u, err := url.Parse(link)
	if err != nil {
		return "", rest.ErrForeignLink
	}
	q := u.Query()
	q.Set("PublisherIdentifier", f.publisher())
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// blob reads one. What is wrong with it alone is told in the batch, so that the
// others are read.
func (f *Feed) blob(ctx context.Context, i item) (connector.Batch, error) {
	b := connector.Batch{Part: i.ID, Created: i.Created.UTC(), Expires: i.Expires.UTC()}
	if b.Expires.IsZero() {
		b.Expires = b.Created.Add(keeps)
	}
	link, err := f.follow(i.URI)
	if err == nil && link == "" {
		err = errors.New("it has no address")
	}
	if err == nil {
		var answer rest.Answer
		if answer, err = f.API.Read(ctx, link, nil, nil); err == nil {
			b.Records, err = Parse(answer.Body)
		}
	}
	if err != nil && (ctx.Err() != nil || everywhere(err)) {
		return b, err
	}
	b.Err = err
	return b, nil
}

// everywhere reports whether an error says something of all requests.
func everywhere(err error) bool {
	e, ok := errors.AsType[*rest.Error](err)
	return ok && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden || e.Status == http.StatusTooManyRequests)
}

// meaning says what the API's refusals mean.
func (f *Feed) meaning(err error) error {
	e, ok := errors.AsType[*rest.Error](err)
	if !ok {
		return err
	}
	switch e.Code {
	case "AF10001":
		return fmt.Errorf("%w: rekey's reader lacks ActivityFeed.Read of the Office 365 Management APIs: %w", connector.ErrUnrecorded, err)
	case "AF20010", "AF20011", "AF20012", "AF20013":
		return fmt.Errorf("%w: the tenant has no unified audit log, or it is not switched on: %w", connector.ErrUnrecorded, err)
	}
	return err
}

func (f *Feed) publisher() string { return cmp.Or(f.Publisher, f.Tenant) }

// path is an address of the feed with the publisher's quota.
func (f *Feed) path(what string, pairs ...string) string {
	q := url.Values{"PublisherIdentifier": {f.publisher()}}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "/api/v1.0/" + url.PathEscape(f.Tenant) + "/activity/feed/" + what + "?" + q.Encode()
}

// moment is a time of the API: RFC 3339, or without a zone, which means UTC.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "" || text == "null" {
		return nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(form, text); err == nil {
			m.Time = t.UTC()
			return nil
		}
	}
	return errors.New("not a time")
}
