package entra

import (
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

// Uses yields the records, a page at a time.
func (u *Uses) Uses(ctx context.Context) iter.Seq2[[]inventory.Use, error] {
	return func(yield func([]inventory.Use, error) bool) {
		for link := "/beta/reports/appCredentialSignInActivities?$top=999"; link != ""; {
			var p activities
			if err := u.Graph.Get(ctx, link, &p); err != nil {
				if missing(err) {
					err = fmt.Errorf("%w: %w", inventory.ErrNoRecords, err)
				}
				yield(nil, err)
				return
			}
			var list []inventory.Use
			for _, v := range p.Value {
				if !v.Activity.Last.IsZero() && v.KeyID != "" {
					list = append(list, inventory.Use{KeyID: v.KeyID, At: v.Activity.Last.UTC()})
				}
			}
			if !yield(list, nil) {
				return
			}
			if link = p.Next; link == "" {
				return
			}
			select {
			case <-ctx.Done():
				yield(nil, context.Cause(ctx))
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
