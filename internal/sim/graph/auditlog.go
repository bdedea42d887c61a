package graph

import (
	"net/http"
	"strconv"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

var auditSchema = &schema{entity: "microsoft.graph.directoryAudit", fields: map[string]valueKind{
	"id": textValue, "activityDisplayName": textValue, "activityDateTime": timeValue, "category": textValue, "correlationId": textValue,
	"loggedByService": textValue, "operationType": textValue, "result": textValue,
	"initiatedBy/user/id": textValue, "initiatedBy/user/displayName": textValue, "initiatedBy/user/userPrincipalName": textValue,
	"initiatedBy/app/appId": textValue, "initiatedBy/app/displayName": textValue, "initiatedBy/app/servicePrincipalId": textValue,
	"targetResources": recordsValue, "targetResources/id": textValue, "targetResources/displayName": textValue, "targetResources/type": textValue,
}}

func auditSource(r *world.Audit) source {
	return func(path string) value {
		switch path {
		case "id":
			return textOf(r.ID)
		case "activityDisplayName":
			return textOf(r.Activity)
		case "activityDateTime":
			return value{kind: timeValue, time: r.Time}
		case "category":
			return textOf(r.Category)
		case "correlationId":
			return textOf(r.CorrelationID)
		case "loggedByService":
			return textOf("Core Directory")
		case "operationType":
			return textOf(r.Operation)
		case "result":
			return textOf("success")
		case "initiatedBy/user/id":
			return textOf(r.ByUserID)
		case "initiatedBy/user/displayName", "initiatedBy/user/userPrincipalName":
			return textOf(r.ByUser)
		case "initiatedBy/app/appId":
			return textOf(r.ByAppID)
		case "initiatedBy/app/displayName":
			return textOf(r.ByApp)
		case "initiatedBy/app/servicePrincipalId":
			return textOf(r.BySPID)
		case "targetResources":
			return value{kind: recordsValue, records: []source{func(path string) value {
				switch path {
				case "id":
					return textOf(r.TargetID)
				case "displayName":
					return textOf(r.TargetName)
				case "type":
					return textOf(r.TargetType)
				}
				return value{null: true}
			}}}
		}
		return value{null: true}
	}
}

// auditSet names the collection in page tokens.
const auditSet = "auditLogs/directoryAudits"

// listAudits lists the log, newest first. A record is there some time after its
// event, each after its own.
func (c *call) listAudits([]string) (*answer, *failure) {
	o, f := c.logOptions(auditSchema, auditSet, "activityDateTime", "DirectoryAudit")
	if f != nil {
		return nil, f
	}
	var b []byte
	c.w.Read(func() {
		log := c.w.Directory.Audits
		step, i := -1, len(log)-1
		if o.orderBy != "" && !o.reverse {
			step, i = 1, 0
		}
		if o.from != nil {
			i = o.from.at
		}
		var page []*world.Audit
		next := -1
		for ; i >= 0 && i < len(log); i += step {
			r := &log[i]
			if !c.w.Heard(0, "audit "+r.ID, r.Time, c.w.Lag.Audit) || o.filter != nil && !o.filter.match(auditSource(r)) {
				continue
			}
			if len(page) == o.top {
				next = i
				break
			}
			page = append(page, r)
		}
		b = appendText([]byte(`{"@odata.context":`), c.context(auditSet))
		if next >= 0 {
			b = append(b, `,"@odata.nextLink":`...)
			b = appendText(b, c.link("$skiptoken", pageToken{set: auditSet, at: next}.String()))
		}
		b = append(b, `,"value":[`...)
		for i, r := range page {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendAudit(append(b, '{'), r), '}')
		}
		b = append(b, "]}"...)
	})
	return ok(b)
}

// logOptions are those of a log: no advanced rules, pages of 1,000, sorted by the
// time of the events if at all.
func (c *call) logOptions(s *schema, set, when, what string) (*options, *failure) {
	o := &options{top: 1000}
	if text := c.query.Get("$top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return nil, malformed("The limit of '1000' for Top query has been exceeded. The value from the incoming request is '%s'.", text)
		}
		o.top = n
	}
	if f := o.readFilter(c, s, true); f != nil {
		return nil, f
	}
	switch strings.ToLower(strings.Join(strings.Fields(c.query.Get("$orderby")), " ")) {
	case "":
	case strings.ToLower(when), strings.ToLower(when) + " asc":
		o.orderBy = when
	case strings.ToLower(when) + " desc":
		o.orderBy, o.reverse = when, true
	default:
		return nil, unsupportedQuery("Unsupported sort property '%s' for '%s'.", c.query.Get("$orderby"), what)
	}
	if text := c.query.Get("$skiptoken"); text != "" {
		t, err := parsePageToken(text)
		if err != nil || t.set != set {
			return nil, malformed("Invalid skip token.")
		}
		o.from = &t
	}
	return o, nil
}

func (c *call) getAudit(keys []string) (a *answer, f *failure) {
	f = notFound(keys[0])
	c.w.Read(func() {
		log := c.w.Directory.Audits
		for i := range log {
			if log[i].ID == keys[0] && c.w.Heard(0, "audit "+log[i].ID, log[i].Time, c.w.Lag.Audit) {
				b := appendText([]byte(`{"@odata.context":`), c.context(auditSet+"/$entity"))
				a, f = &answer{status: http.StatusOK, body: append(appendAudit(append(b, ','), &log[i]), '}')}, nil
				return
			}
		}
	})
	return a, f
}

// appendAudit appends a record in the form in which the log exports it.
func appendAudit(b []byte, r *world.Audit) []byte {
	field := func(name, s string) {
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, `":`...)
		b = appendText(b, s)
		b = append(b, ',')
	}
	field("id", r.ID)
	field("category", r.Category)
	field("correlationId", r.CorrelationID)
	field("result", "success")
	field("resultReason", "")
	field("activityDisplayName", r.Activity)
	b = append(b, `"activityDateTime":`...)
	b = appendTime(b, r.Time)
	b = append(b, ',')
	field("loggedByService", "Core Directory")
	field("operationType", r.Operation)
	b = append(b, `"initiatedBy":{"app":`...)
	if r.BySPID != "" || r.ByAppID != "" {
		b = pairs(b, "appId", r.ByAppID, "displayName", r.ByApp, "servicePrincipalId", r.BySPID, "servicePrincipalName", "")
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"user":`...)
	if r.ByUserID != "" {
		b = pairs(b, "id", r.ByUserID, "displayName", "", "userPrincipalName", r.ByUser, "ipAddress", r.ByUserIP)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `},"targetResources":[{"id":`...)
	b = appendText(b, r.TargetID)
	b = append(b, `,"displayName":`...)
	b = appendOptional(b, r.TargetName)
	b = append(b, `,"type":`...)
	b = appendText(b, r.TargetType)
	b = append(b, `,"userPrincipalName":null,"groupType":null,"modifiedProperties":[`...)
	for i, p := range r.Properties {
		if i > 0 {
			b = append(b, ',')
		}
		b = pairs(b, "displayName", p.Name, "oldValue", p.Old, "newValue", p.New)
	}
	b = append(b, `]}],"additionalDetails":[`...)
	for i, p := range r.Details {
		if i > 0 {
			b = append(b, ',')
		}
		b = pairs(b, "key", p.Name, "value", p.New)
	}
	return append(b, ']')
}
