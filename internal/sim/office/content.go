package office

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// bucket is how much time one blob holds, by when records reached the feed.
func (s *Service) bucket() time.Duration {
	return max(min(s.w.Lag.Office/20, 5*time.Minute), time.Second)
}

// blob is some content: it never changes once it is there.
type blob struct {
	id      string
	created time.Time
	listed  time.Time // when lists begin to show it
	records []*world.Audit
}

// blobs are those of a subscription that were made in a span and are listed by
// now, the oldest first. The caller holds Read.
func (s *Service) blobs(o *world.OfficeSubscription, from, to time.Time) []*blob {
	if o.Type != types[0] {
		return nil // nothing happens there
	}
	now, width := time.Now().UTC(), s.bucket()
	byID := map[string]*blob{}
	var list []*blob
	log := s.w.Directory.Audits
	for i := range log {
		r := &log[i]
		if r.Time.Before(o.Started) {
			continue
		}
		arrived := r.Time.Add(s.w.Delay("office "+r.ID, s.w.Lag.Office))
		created := arrived.Truncate(width).Add(width).UTC()
		if created.Before(from) || !created.Before(to) || created.After(now) {
			continue
		}
		id := strconv.FormatInt(created.UnixMilli(), 10) + "$" + strconv.FormatInt(created.UnixMilli()+17, 10) + "$audit_azureactivedirectory$Audit_AzureActiveDirectory$sim0001"
		b := byID[id]
		if b == nil {
			b = &blob{id: id, created: created, listed: created}
			byID[id], list = b, append(list, b)
		}
		b.records = append(b.records, r)
	}
	list = s.twice(list)
	list = slices.DeleteFunc(list, func(b *blob) bool {
		if f, ill := s.w.Ill(world.ContentLate); ill && s.struck(f, b.id) {
			b.listed = b.created.Add(f.Delay)
		}
		return b.listed.After(now)
	})
	slices.SortStableFunc(list, func(a, b *blob) int { return a.created.Compare(b.created) })
	return list
}

// twice adds a second blob with the same records.
func (s *Service) twice(list []*blob) []*blob {
	f, ill := s.w.Ill(world.ContentTwice)
	if !ill {
		return list
	}
	for _, b := range slices.Clone(list) {
		if s.struck(f, b.id) {
			list = append(list, &blob{id: b.id + "$again", created: b.created, listed: b.created, records: b.records})
		}
	}
	return list
}

// struck picks the share of what a fault strikes, always the same.
func (s *Service) struck(f world.Fault, id string) bool {
	return f.Rate == 0 || s.w.Part(f.Name+" "+id) < f.Rate
}

func (b *blob) item(tenant string) map[string]any {
	return map[string]any{
		"contentType": types[0], "contentId": b.id,
		"contentUri":     "https://" + host + "/api/v1.0/" + tenant + "/activity/feed/audit/" + url.PathEscape(b.id),
		"contentCreated": b.created.Format("2006-01-02T15:04:05.000Z"), "contentExpiration": b.created.Add(kept).Format("2006-01-02T15:04:05.000Z"),
	}
}

// content lists what was made in a span: start inclusive, end exclusive.
func (c *call) content() (any, *failure) {
	from, to, f := c.span()
	if f != nil {
		return nil, f
	}
	at := 0
	if text := c.q.Get("nextPage"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fail(http.StatusBadRequest, "AF20031", "Invalid nextPage Input: "+text+".")
		}
		at = n
	}
	list := []any{}
	c.w.Read(func() {
		o := c.find(c.kind)
		switch {
		case o == nil:
			f = noSubscription()
			return
		case !o.Enabled:
			f = fail(http.StatusBadRequest, "AF20023", "The subscription was disabled by a tenant admin.")
			return
		}
		all := c.blobs(o, from, to)
		if _, ill := c.w.Ill(world.ContentReordered); ill {
			slices.Reverse(all)
		}
		for _, b := range all[min(at, len(all)):min(at+pageSize, len(all))] {
			list = append(list, b.item(c.w.Tenant.ID))
		}
		if at+pageSize < len(all) {
			q := url.Values{"contentType": {c.kind}, "nextPage": {strconv.Itoa(at + pageSize)}}
			for _, k := range []string{"startTime", "endTime"} {
				if v := c.q.Get(k); v != "" {
					q.Set(k, v)
				}
			}
			c.reply.Set("NextPageUri", "https://"+host+"/api/v1/"+c.w.Tenant.ID+"/activity/feed/subscriptions/content?"+q.Encode())
		}
	})
	return list, f
}

// span reads both times or none: a day at most, and not older than content is kept.
func (c *call) span() (from, to time.Time, f *failure) {
	a, b := c.q.Get("startTime"), c.q.Get("endTime")
	now := time.Now().UTC()
	if a == "" && b == "" {
		return now.Add(-longest), now, nil
	}
	bad := fail(http.StatusBadRequest, "AF20030", "Start time and end time must both be specified (or both omitted) and must be less than or equal to 24 hours apart, with the start time no more than 7 days in the past.")
	var ok1, ok2 bool
	from, ok1 = moment(a)
	to, ok2 = moment(b)
	if !ok1 || !ok2 || to.Before(from) || to.Sub(from) > longest || now.Sub(from) > kept {
		return from, to, bad
	}
	return from, to, nil
}

func moment(s string) (time.Time, bool) {
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// blob answers with the records of one.
func (c *call) blob(id string) (any, *failure) {
	if _, struck := c.w.Faults.Strike(world.ContentMissing, "GET "+host+c.r.URL.Path); struck {
		return nil, fail(http.StatusNotFound, "AF20050", "The specified content ("+id+") does not exist.")
	}
	digits, _, _ := strings.Cut(id, "$")
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "AF20052", "Content ID ("+id+") in the URL is invalid.")
	}
	created := time.UnixMilli(ms).UTC()
	if time.Since(created) > kept {
		return nil, fail(http.StatusBadRequest, "AF20051", "Content requested with the key "+id+" has already expired. Content older than 7 days cannot be retrieved.")
	}
	f := fail(http.StatusNotFound, "AF20050", "The specified content ("+id+") does not exist.")
	var records []any
	c.w.Read(func() {
		o := c.find(types[0])
		if o == nil {
			return
		}
		for _, b := range c.blobs(o, created, created.Add(time.Millisecond)) {
			if b.id != id {
				continue
			}
			f = nil
			for _, r := range b.records {
				records = append(records, c.record(r))
			}
		}
	})
	if _, ill := c.w.Ill(world.ContentReordered); ill {
		slices.Reverse(records)
	}
	return records, f
}

// record is a directory audit as the feed tells it: with a dot at the end of the
// operation, seconds without a zone, and the kinds of ids in front of them.
func (s *Service) record(r *world.Audit) map[string]any {
	kind := r.TargetType
	modified := []any{}
	for _, p := range r.Properties {
		modified = append(modified, map[string]string{"Name": p.Name, "NewValue": pretty(p.New), "OldValue": pretty(p.Old)})
	}
	details := map[string]string{}
	for _, d := range r.Details {
		details[d.Name] = d.New
	}
	extra, err := json.Marshal(details)
	if err != nil {
		panic("sim: " + err.Error()) // texts always marshal
	}
	operation := r.Activity
	if !strings.Contains(operation, "\u2013") {
		operation += "."
	}
	user, actor := r.ByUser, []any{}
	if r.ByUserID != "" {
		actor = append(actor, id(r.ByUser, 5), id("User_"+r.ByUserID, 2), id(r.ByUserID, 2), id("User", 2))
	} else {
		user = "ServicePrincipal_" + r.BySPID
		actor = append(actor, id(r.ByApp, 1), id(r.ByAppID, 4), id("ServicePrincipal_"+r.BySPID, 2), id(r.BySPID, 2), id("ServicePrincipal", 2))
	}
	out := map[string]any{
		"CreationTime": r.Time.UTC().Format("2006-01-02T15:04:05"), "Id": guidOf(r.ID), "Operation": operation, "OrganizationId": s.w.Tenant.ID, "RecordType": 8,
		"ResultStatus": "Success", "UserKey": user, "UserType": 0, "Version": 1, "Workload": "AzureActiveDirectory", "ObjectId": kind + "_" + r.TargetID, "UserId": user,
		"AzureActiveDirectoryEventType": 1,
		"ExtendedProperties":            []any{map[string]string{"Name": "additionalDetails", "Value": string(extra)}, map[string]string{"Name": "extendedAuditEventCategory", "Value": kind}},
		"ModifiedProperties":            modified, "Actor": actor, "ActorContextId": s.w.Tenant.ID, "InterSystemsId": r.CorrelationID, "IntraSystemId": guidOf("intra " + r.ID), "SupportTicketId": "",
		"Target":          []any{id(kind+"_"+r.TargetID, 2), id(r.TargetID, 2), id(kind, 2), id(r.TargetName, 1)},
		"TargetContextId": s.w.Tenant.ID,
	}
	if r.ByUserIP != "" {
		out["ActorIpAddress"], out["ClientIP"] = r.ByUserIP, r.ByUserIP
	}
	return out
}

func id(text string, kind int) map[string]any { return map[string]any{"ID": text, "Type": kind} }

// pretty writes a JSON list as the feed does, over several lines.
func pretty(s string) string {
	var list []string
	if json.Unmarshal([]byte(s), &list) != nil || len(list) == 0 {
		return s
	}
	var b strings.Builder
	b.WriteString("[")
	for i, item := range list {
		text, err := json.Marshal(item)
		if err != nil {
			panic("sim: " + err.Error()) // texts always marshal
		}
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\r\n  %s", text)
	}
	return b.String() + "\r\n]"
}

func guidOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32]
}
