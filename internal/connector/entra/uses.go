package entra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// Uses tells when the tenant's credentials were last used, as far as Entra
// records it: days late, in the global cloud only, and for paid licences. See
// https://learn.microsoft.com/graph/api/reportroot-list-appcredentialsigninactivities
type Uses struct {
	Graph *rest.Client // as the reader
}

var _ inventory.UseFeed = (*Uses)(nil)

// Name is what people read of it.
func (u *Uses) Name() string { return "sign-in reports" }

// reportPause keeps to five requests in ten seconds, which is what Graph allows
// of its reports.
const reportPause = 2 * time.Second

type activities struct {
	Next  string `json:"@odata.nextLink"`
	Value []struct {
		KeyID    string `json:"keyId"`
		Activity struct {
			Last time.Time `json:"lastSignInDateTime"`
		} `json:"signInActivity"`
	} `json:"value"`
}

// Uses yields the records, a page at a time, from a link that Graph gave.
func (u *Uses) Uses(ctx context.Context, from string) iter.Seq2[inventory.UsePage, error] {
	return func(yield func(inventory.UsePage, error) bool) {
		link := cmp.Or(from, "/beta/reports/appCredentialSignInActivities?$top=999")
		for {
			var p activities
			if err := u.Graph.Get(ctx, link, &p); err != nil {
				if missing(err) {
					err = fmt.Errorf("%w: %w", inventory.ErrNoRecords, err)
				}
				yield(inventory.UsePage{}, err)
				return
			}
			page := inventory.UsePage{Next: p.Next}
			for _, v := range p.Value {
				if !v.Activity.Last.IsZero() && v.KeyID != "" {
					page.Uses = append(page.Uses, inventory.Use{KeyID: v.KeyID, At: v.Activity.Last.UTC()})
				}
			}
			if !yield(page, nil) || p.Next == "" {
				return
			}
			link = p.Next
			select {
			case <-ctx.Done():
				yield(inventory.UsePage{}, context.Cause(ctx))
				return
			case <-time.After(reportPause):
			}
		}
	}
}

// missing reports whether the reports are not there for us: no right, no licence,
// or a cloud without them.
func missing(err error) bool {
	e, ok := errors.AsType[*rest.Error](err)
	return ok && (e.Status == http.StatusForbidden || e.Status == http.StatusNotFound || e.Status == http.StatusBadRequest)
}
