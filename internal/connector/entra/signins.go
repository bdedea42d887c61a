package entra

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// SignIns are the tenant's sign-ins of applications, each with the key id of the
// credential that was used. They need a premium licence and AuditLog.Read.All, and
// exist in the beta only. See
// https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta
type SignIns struct {
	Witness *Witness
	Keeps   time.Duration // 0 means seven days
	Late    time.Duration // 0 means two hours
}

var _ connector.Recorder = (*SignIns)(nil)

// Name is what people read of it.
func (s *SignIns) Name() string { return SignInLog }

// Habits say how late the records come and how long they stay.
func (s *SignIns) Habits() connector.Habits {
	return connector.Habits{Keeps: orElse(s.Keeps, 7*24*time.Hour), Late: orElse(s.Late, 2*time.Hour), Window: 24 * time.Hour}
}

type signInPage struct {
	Next  string `json:"@odata.nextLink"`
	Value []struct {
		ID          string    `json:"id"`
		At          time.Time `json:"createdDateTime"`
		AppID       string    `json:"appId"`
		App         string    `json:"appDisplayName"`
		Principal   string    `json:"servicePrincipalId"`
		Address     string    `json:"ipAddress"`
		Correlation string    `json:"correlationId"`
		KeyID       string    `json:"servicePrincipalCredentialKeyId"`
		Kind        string    `json:"clientCredentialType"`
		Federated   string    `json:"federatedCredentialId"`
		Resource    string    `json:"resourceDisplayName"`
		Status      struct {
			Code   int    `json:"errorCode"`
			Reason string `json:"failureReason"`
		} `json:"status"`
		Location struct {
			City    string `json:"city"`
			Country string `json:"countryOrRegion"`
		} `json:"location"`
	} `json:"value"`
}

// Records yields the sign-ins of a span.
func (s *SignIns) Records(ctx context.Context, from, to time.Time, _ func(string) bool) iter.Seq2[connector.Batch, error] {
	link := "/beta/auditLogs/signIns?$top=1000&$filter=" + url.QueryEscape("signInEventTypes/any(t: t eq 'servicePrincipal') and "+span("createdDateTime", from, to))
	return walkLog(ctx, s.Witness, link, SignInLog, func(body []byte) (connector.Batch, string, error) {
		var p signInPage
		if json.Unmarshal(body, &p) != nil {
			return connector.Batch{}, "", rest.ErrTruncated // the decoder's own error can quote the document
		}
		b := connector.Batch{Records: make([]connector.Record, 0, len(p.Value))}
		for i := range p.Value {
			v := &p.Value[i]
			key := v.KeyID
			if key == "" {
				key = v.Federated
			}
			r := connector.Record{
				ID: v.ID, Time: v.At, Correlation: strings.ToLower(v.Correlation), Operation: "Sign-in", Outcome: "success",
				Actor: connector.Someone{Kind: "app", ID: inventory.ObjectID(v.Principal), Name: v.App, ClientID: inventory.ClientID(strings.ToLower(v.AppID)), Address: v.Address},
			}
			d := connector.Deed{
				Action: connector.SignedIn, ClientID: r.Actor.ClientID, Name: v.App, KeyID: strings.ToLower(key), Kind: v.Kind,
				Detail: map[string]string{"resource": v.Resource, "country": v.Location.Country, "city": v.Location.City},
			}
			if v.Status.Code != 0 {
				r.Outcome, d.Detail["error"], d.Detail["reason"] = "failure", "AADSTS"+strconv.Itoa(v.Status.Code), v.Status.Reason
			}
			r.Deeds = []connector.Deed{d}
			b.Records = append(b.Records, r)
		}
		return b, p.Next, nil
	})
}
