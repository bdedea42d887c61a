package graph

import (
	"net/http"
	"strconv"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// The log's properties that can be filtered. A credential's key id is not among
// them: whoever looks for one reads the service principal's records.
var signInSchema = &schema{entity: "microsoft.graph.signIn", fields: map[string]valueKind{
	"id": textValue, "createdDateTime": timeValue, "appId": textValue, "appDisplayName": textValue, "ipAddress": textValue, "correlationId": textValue,
	"servicePrincipalId": textValue, "servicePrincipalName": textValue, "resourceDisplayName": textValue, "resourceId": textValue,
	"status/errorCode": numberValue, "signInEventTypes": listValue,
}}

func signInSource(r *world.SignIn) source {
	return func(path string) value {
		switch path {
		case "id":
			return textOf(r.ID)
		case "createdDateTime":
			return value{kind: timeValue, time: r.Time}
		case "appId":
			return textOf(r.AppID)
		case "appDisplayName", "servicePrincipalName":
			return textOf(r.App)
		case "ipAddress":
			return textOf(r.IP)
		case "correlationId":
			return textOf(r.CorrelationID)
		case "servicePrincipalId":
			return textOf(r.PrincipalID)
		case "resourceDisplayName":
			return textOf(r.Resource)
		case "resourceId":
			return textOf(r.ResourceID)
		case "status/errorCode":
			return value{kind: numberValue, number: int64(r.Code)}
		case "signInEventTypes":
			return value{kind: listValue, list: []string{"servicePrincipal"}}
		}
		return value{null: true}
	}
}

// signInSet names the collection in page tokens.
const signInSet = "auditLogs/signIns"

// listSignIns lists the log of clients that signed in as themselves, newest first.
// Unless they are asked for, and in v1.0 in any case, there are only the sign-ins
// of people, of which the simulator has none. See
// https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta
func (c *call) listSignIns([]string) (*answer, *failure) {
	o, f := c.logOptions(signInSchema, signInSet, "createdDateTime", "SignIn")
	if f != nil {
		return nil, f
	}
	asked := strings.Contains(strings.ToLower(c.query.Get("$filter")), "signineventtypes")
	if asked && c.version != "beta" {
		return nil, badRequest("Invalid filter clause: Could not find a property named 'signInEventTypes' on type 'microsoft.graph.signIn'.")
	}
	var b []byte
	free := false
	c.w.Read(func() {
		if free = c.w.Records.Free; free {
			return
		}
		var page []*world.SignIn
		next := -1
		if asked {
			page, next = c.signIns(o)
		}
		b = appendText([]byte(`{"@odata.context":`), c.context(signInSet))
		if next >= 0 {
			b = append(b, `,"@odata.nextLink":`...)
			b = appendText(b, c.link("$skiptoken", pageToken{set: signInSet, at: next}.String()))
		}
		b = append(b, `,"value":[`...)
		for i, r := range page {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendSignIn(append(b, '{'), r), '}')
		}
		b = append(b, "]}"...)
	})
	if free {
		return nil, noPremium()
	}
	return ok(b)
}

// noPremium is what a tenant without a paid licence hears of its logs.
func noPremium() *failure {
	return &failure{
		status: http.StatusForbidden, code: "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
		message: "Neither tenant is B2C or tenant doesn't have premium license",
	}
}

// signIns picks a page, and the number of the record with which the next one
// begins, -1 if there is none. Old records are dropped in between, so that a place
// is told by the record's number.
func (c *call) signIns(o *options) (page []*world.SignIn, next int) {
	log := c.w.Directory.SignIns
	step, i := -1, len(log)-1
	if o.orderBy != "" && !o.reverse {
		step, i = 1, 0
	}
	for ; i >= 0 && i < len(log); i += step {
		r := &log[i]
		if o.from != nil && (step < 0 && r.Seq > o.from.at || step > 0 && r.Seq < o.from.at) {
			continue
		}
		if !c.w.Heard(0, "sign-in "+r.ID, r.Time, c.w.Lag.SignIn) || o.filter != nil && !o.filter.match(signInSource(r)) {
			continue
		}
		if len(page) == o.top {
			return page, r.Seq
		}
		page = append(page, r)
	}
	return page, -1
}

func (c *call) getSignIn(keys []string) (a *answer, f *failure) {
	f = notFound(keys[0])
	c.w.Read(func() {
		if c.w.Records.Free {
			f = noPremium()
			return
		}
		for i := range c.w.Directory.SignIns {
			r := &c.w.Directory.SignIns[i]
			if r.ID == keys[0] && c.w.Heard(0, "sign-in "+r.ID, r.Time, c.w.Lag.SignIn) {
				b := appendText([]byte(`{"@odata.context":`), c.context(signInSet+"/$entity"))
				a, f = &answer{status: http.StatusOK, body: append(appendSignIn(append(b, ','), r), '}')}, nil
				return
			}
		}
	})
	return a, f
}

// appendSignIn appends a record. Properties that only people's sign-ins have are
// left out of it.
func appendSignIn(b []byte, r *world.SignIn) []byte {
	field := func(name, s string) {
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, `":`...)
		b = appendText(b, s)
		b = append(b, ',')
	}
	field("id", r.ID)
	b = append(b, `"createdDateTime":`...)
	b = appendSeconds(b, r.Time)
	b = append(b, ',')
	field("appId", r.AppID)
	field("appDisplayName", r.App)
	field("ipAddress", r.IP)
	field("correlationId", r.CorrelationID)
	field("conditionalAccessStatus", conditionalAccess(r.Code))
	field("clientCredentialType", r.Kind)
	field("resourceDisplayName", r.Resource)
	field("resourceId", r.ResourceID)
	field("servicePrincipalId", r.PrincipalID)
	field("servicePrincipalName", r.App)
	field("servicePrincipalCredentialKeyId", r.KeyID)
	field("servicePrincipalCredentialThumbprint", r.Thumbprint)
	field("uniqueTokenIdentifier", r.TokenID)
	b = append(b, `"federatedCredentialId":`...)
	if r.Kind == "federatedIdentityCredential" {
		b = appendOptional(b, r.KeyID)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"isInteractive":false,"signInEventTypes":["servicePrincipal"],"status":{"errorCode":`...)
	b = strconv.AppendInt(b, int64(r.Code), 10)
	b = append(b, `,"failureReason":`...)
	b = appendOptional(b, r.Reason)
	b = append(b, `,"additionalDetails":null},"location":`...)
	return appendLocation(b, r)
}

// appendLocation appends where the address is thought to be.
func appendLocation(b []byte, r *world.SignIn) []byte {
	if r.Country == "" {
		return append(b, `{"city":"Amsterdam","state":"Noord-Holland","countryOrRegion":"NL","geoCoordinates":{}}`...)
	}
	b = appendText(append(b, `{"city":`...), r.City)
	b = appendText(append(b, `,"state":"","countryOrRegion":`...), r.Country)
	return append(b, `,"geoCoordinates":{}}`...)
}

func conditionalAccess(code int) string {
	if code == 53003 {
		return "failure"
	}
	return "notApplied"
}
