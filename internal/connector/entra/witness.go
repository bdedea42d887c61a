package entra

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// Witness tells of the uses of one credential: from the sign-in log, which needs a
// premium licence and is minutes late, else from the report of last uses, which is
// days late, in the global cloud only. Both need AuditLog.Read.All.
type Witness struct {
	Graph     *rest.Client  // as the reader
	LogLag    time.Duration // after which a sign-in surely stands in the log; 0 means two hours
	ReportLag time.Duration // likewise in the report; 0 means three days

	mu   sync.Mutex
	next time.Time // when the next request may be sent
}

var _ connector.Witness = (*Witness)(nil)

// The names of the two sources.
const (
	SignInLog      = "sign-in log"
	ActivityReport = "activity report"
)

const (
	usualLogLag    = 2 * time.Hour
	usualReportLag = 72 * time.Hour
	logPages       = 25 // of 1,000 records; a client that signs in more often is looked up in the report
	mostAddresses  = 10
)

// Uses tells what is recorded of a credential's uses since then. A sign-in that
// failed counts as well: somebody holds the value. Count is how many there are at
// least.
func (w *Witness) Uses(ctx context.Context, holder inventory.Application, keyID string, since time.Time) (connector.Uses, error) {
	if holder.Holder == inventory.InResources || holder.ClientID == "" {
		return connector.Uses{}, fmt.Errorf("sign-ins of %q: %w", holder.Name, connector.ErrUnrecorded)
	}
	uses, whole, err := w.log(ctx, holder, keyID, since)
	if err == nil && (whole || uses.Count > 0) {
		return uses, nil
	}
	if err != nil && !missing(err) {
		return connector.Uses{}, fmt.Errorf("cannot read the sign-in log of %q: %w", holder.Name, err)
	}
	uses, again := w.report(ctx, keyID, since)
	if again == nil {
		return uses, nil
	}
	if missing(again) {
		return connector.Uses{}, fmt.Errorf("sign-ins of %q: %w: %w", holder.Name, connector.ErrUnrecorded, errors.Join(err, again))
	}
	return connector.Uses{}, fmt.Errorf("cannot read the report of last uses: %w", again)
}

type signIns struct {
	Next  string `json:"@odata.nextLink"`
	Value []struct {
		KeyID    string    `json:"servicePrincipalCredentialKeyId"`
		At       time.Time `json:"createdDateTime"`
		Address  string    `json:"ipAddress"`
		Resource string    `json:"resourceDisplayName"`
		Location struct {
			City    string `json:"city"`
			Country string `json:"countryOrRegion"`
		} `json:"location"`
	} `json:"value"`
}

// log reads the client's records, the newest first, and picks those of one key:
// the log has no filter for it. whole is false if there were more records than are
// read; the last use that was found is the last one all the same. See
// https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta
func (w *Witness) log(ctx context.Context, holder inventory.Application, keyID string, since time.Time) (uses connector.Uses, whole bool, err error) {
	uses.Source = SignInLog
	// The log has whole seconds.
	since = since.UTC().Truncate(time.Second)
	link := "/beta/auditLogs/signIns?$top=1000&$filter=" + url.QueryEscape(fmt.Sprintf("signInEventTypes/any(t: t eq 'servicePrincipal') and appId eq '%s' and createdDateTime ge %s",
		strings.ReplaceAll(string(holder.ClientID), "'", "''"), since.Format(time.RFC3339)))
	for n := range logPages {
		var page signIns
		asked, err := w.get(ctx, link, &page)
		if err != nil {
			return uses, false, err
		}
		if n == 0 {
			uses.Through = asked.Add(-cmp.Or(w.LogLag, usualLogLag))
		}
		page.tally(&uses, keyID, since)
		if page.Next == "" {
			return uses, true, nil
		}
		link = page.Next
	}
	return uses, false, nil
}

// tally counts the uses of a key on a page.
func (p *signIns) tally(uses *connector.Uses, keyID string, since time.Time) {
	for _, v := range p.Value {
		if strings.EqualFold(v.KeyID, keyID) && !v.At.Before(since) {
			if v.At.After(uses.Last) {
				uses.Where = where(v.Address, v.Location.City, v.Location.Country, v.Resource)
			}
			count(uses, v.At, v.Address)
		}
	}
}

// count adds a use. The address comes from outside and is shown to people.
func count(u *connector.Uses, at time.Time, from string) {
	u.Count++
	if at.After(u.Last) {
		u.Last = at.UTC()
	}
	a, err := netip.ParseAddr(from)
	if err != nil || a.Zone() != "" {
		return
	}
	if text := a.String(); len(u.From) < mostAddresses && !slices.Contains(u.From, text) {
		u.From = append(u.From, text)
	}
}

// where says from where and for what a use was. All of it comes from outside and is
// shown to people.
func where(address, city, country, resource string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" {
		return ""
	}
	text := a.String()
	if place := strings.Trim(plain(city)+", "+plain(country), ", "); place != "" {
		text += " (" + place + ")"
	}
	if r := plain(resource); r != "" {
		text += " for " + r
	}
	return text
}

const longestName = 60

// plain is a foreign name on one line, shortened.
func plain(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if len(s) > longestName {
		s = strings.ToValidUTF8(s[:longestName], "") + "..."
	}
	return s
}

// report asks for the last use of one key. A key without a row has no recorded use,
// which the caller must not call unused.
func (w *Witness) report(ctx context.Context, keyID string, since time.Time) (connector.Uses, error) {
	uses := connector.Uses{Source: ActivityReport}
	link := "/beta/reports/appCredentialSignInActivities?$filter=" + url.QueryEscape("keyId eq '"+strings.ReplaceAll(keyID, "'", "''")+"'")
	for n := 0; link != "" && n < logPages; n++ {
		var page activities
		asked, err := w.get(ctx, link, &page)
		if err != nil {
			return uses, err
		}
		if n == 0 {
			uses.Through = asked.Add(-cmp.Or(w.ReportLag, usualReportLag))
		}
		for _, v := range page.Value {
			if strings.EqualFold(v.KeyID, keyID) && !v.Activity.Last.IsZero() && !v.Activity.Last.Before(since.Truncate(time.Second)) {
				count(&uses, v.Activity.Last, "")
			}
		}
		link = page.Next
	}
	return uses, nil
}

// get reads a page, no faster than Graph allows of its reports, and tells when it
// was asked for by Graph's own clock: that is the clock of the records.
func (w *Witness) get(ctx context.Context, link string, into any) (time.Time, error) {
	if err := w.turn(ctx); err != nil {
		return time.Time{}, err
	}
	answer, err := w.Graph.Read(ctx, link, nil, nil)
	if err != nil {
		return time.Time{}, err
	}
	if json.Unmarshal(answer.Body, into) != nil {
		return time.Time{}, rest.ErrTruncated // the decoder's own error can quote the document
	}
	at, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return time.Time{}, errors.New("the answer has no readable Date header")
	}
	return at, nil
}

// turn waits for the next turn. Many rotations ask at once; nobody holds the lock
// while it waits.
func (w *Witness) turn(ctx context.Context) error {
	w.mu.Lock()
	now := time.Now()
	at := w.next
	if at.Before(now) {
		at = now
	}
	w.next = at.Add(reportPause)
	w.mu.Unlock()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Until(at)):
		return nil
	}
}
