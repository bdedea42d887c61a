package graph

import (
	"encoding/base64"
	"strconv"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

var activitySchema = &schema{entity: "microsoft.graph.appCredentialSignInActivity", fields: map[string]valueKind{
	"keyId": textValue, "appId": textValue, "appObjectId": textValue, "servicePrincipalObjectId": textValue, "keyType": textValue, "credentialOrigin": textValue,
}}

// activity is the last recorded use of one credential. There is none for a
// credential that was never used, nor for one whose use is not reported yet.
type activity struct {
	keyID, appID, appObject, spObject, kind, usage, origin string
	created, expires, used                                 time.Time
}

const activitySet = "reports/appCredentialSignInActivities"

// listActivities answers the beta report of when credentials were last used.
func (c *call) listActivities([]string) (*answer, *failure) {
	missing := false
	c.w.Read(func() { missing = c.w.Records.NoReport })
	if c.version != "beta" || missing {
		return nil, malformed("Resource not found for the segment 'appCredentialSignInActivities'.")
	}
	o := &options{top: defaultTop}
	if text := c.query.Get("$top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > largestTop {
			return nil, malformed("Invalid page size specified: '%s'. Must be between 1 and 999 inclusive.", text)
		}
		o.top = n
	}
	if f := o.readFilter(c, activitySchema, false); f != nil {
		return nil, f
	}
	from := 0
	if text := c.query.Get("$skiptoken"); text != "" {
		t, err := parsePageToken(text)
		if err != nil || t.set != activitySet {
			return nil, malformed("Invalid skip token.")
		}
		from = t.at
	}
	var b []byte
	c.w.Read(func() {
		page, next := c.activities(o, from)
		b = appendText([]byte(`{"@odata.context":`), c.context(activitySet))
		if next >= 0 {
			b = append(b, `,"@odata.nextLink":`...)
			b = appendText(b, c.link("$skiptoken", pageToken{set: activitySet, at: next}.String()))
		}
		b = append(b, `,"value":[`...)
		for i := range page {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendActivity(b, &page[i])
		}
		b = append(b, "]}"...)
	})
	return ok(b)
}

// activities walks through applications, then service principals, from a place
// that counts both. A page ends with the object that fills it.
func (c *call) activities(o *options, from int) (page []activity, next int) {
	d := &c.w.Directory
	apps, sps := d.ApplicationsInOrder(), d.ServicePrincipalsInOrder()
	for at := from; at < len(apps)+len(sps); at++ {
		if len(page) >= o.top {
			return page, at
		}
		if at < len(apps) && apps[at] != nil {
			a := apps[at]
			x := activity{appID: a.AppID, appObject: a.ID, origin: "application"}
			if s := d.ServicePrincipalByClient(a.AppID); s != nil {
				x.spObject = s.ID
			}
			page = c.activitiesOf(page, &a.Holder, x, o)
		}
		if at >= len(apps) && sps[at-len(apps)] != nil {
			s := sps[at-len(apps)]
			x := activity{appID: s.AppID, spObject: s.ID, origin: "servicePrincipal"}
			if a := d.ApplicationByClient(s.AppID); a != nil {
				x.appObject = a.ID
			}
			page = c.activitiesOf(page, &s.Holder, x, o)
		}
	}
	return page, -1
}

func (c *call) activitiesOf(page []activity, h *world.Holder, x activity, o *options) []activity {
	add := func() {
		x.used = c.w.Directory.LastUse(x.keyID, x.used, func(at time.Time) bool {
			return c.w.Heard(0, "used "+x.keyID+strconv.FormatInt(at.UnixNano(), 36), at, c.w.Lag.Report)
		})
		if !x.used.IsZero() && (o.filter == nil || o.filter.match(x.source)) {
			page = append(page, x)
		}
	}
	for _, p := range h.Passwords {
		x.keyID, x.kind, x.usage, x.created, x.expires, x.used = p.KeyID, "clientSecret", "verify", p.Starts, p.Ends, p.LastUsed
		add()
	}
	for _, k := range h.Keys {
		x.keyID, x.kind, x.usage, x.created, x.expires, x.used = k.KeyID, "certificate", "verify", k.Starts, k.Ends, k.LastUsed
		add()
	}
	return page
}

func (x activity) source(path string) value {
	switch path {
	case "keyId":
		return textOf(x.keyID)
	case "appId":
		return textOf(x.appID)
	case "appObjectId":
		return textOf(x.appObject)
	case "servicePrincipalObjectId":
		return textOf(x.spObject)
	case "keyType":
		return textOf(x.kind)
	case "credentialOrigin":
		return textOf(x.origin)
	}
	return value{null: true}
}

func appendActivity(b []byte, x *activity) []byte {
	id := base64.StdEncoding.EncodeToString([]byte(x.keyID + "|" + x.origin))
	b = pairs(b, "id", id, "keyId", x.keyID, "keyType", x.kind, "keyUsage", x.usage, "appId", x.appID, "appObjectId", x.appObject,
		"servicePrincipalObjectId", x.spObject, "resourceId", world.GraphAppID, "credentialOrigin", x.origin)
	b = append(b[:len(b)-1], `,"createdDateTime":`...)
	b = appendTime(b, x.created)
	b = append(b, `,"expirationDateTime":`...)
	b = appendTime(b, x.expires)
	b = append(b, `,"signInActivity":{"lastSignInDateTime":`...)
	b = appendTime(b, x.used)
	b = append(b, `,"lastSignInRequestId":`...)
	b = appendText(b, x.keyID)
	b = append(b, "}}"...)
	return b
}
