package graph

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// The record of a changed secret, in the form in which real exports have it.
func TestRecordOfASecret(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("CreditSafe, [prod]")
	const correlation = "11111111-2222-4333-8444-555555555555"
	id := x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{"displayName":"one, two"}}`, "client-request-id", correlation, "User-Agent", "rekey/1").string("keyId")
	got := x.get("/auditLogs/directoryAudits").text
	want := `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#auditLogs/directoryAudits","value":[{"id":"ID","category":"ApplicationManagement","correlationId":"` + correlation + `","result":"success","resultReason":"",` +
		`"activityDisplayName":"Update application ` + "\u2013" + ` Certificates and secrets management ","activityDateTime":"TIME","loggedByService":"Core Directory","operationType":"Update",` +
		`"initiatedBy":{"app":{"appId":"` + x.caller.AppID + `","displayName":"rekey","servicePrincipalId":"` + callerID + `","servicePrincipalName":null},"user":null},` +
		`"targetResources":[{"id":"` + a.ID + `","displayName":"CreditSafe, [prod]","type":"Application","userPrincipalName":null,"groupType":null,"modifiedProperties":[` +
		`{"displayName":"KeyDescription","oldValue":"[]","newValue":"[\"[KeyIdentifier=` + id + `,KeyType=Password,KeyUsage=Verify,DisplayName=one, two]\"]"},` +
		`{"displayName":"Included Updated Properties","oldValue":null,"newValue":"\"KeyDescription\""}]}],"additionalDetails":[{"key":"User-Agent","value":"rekey/1"},{"key":"AppId","value":"` + a.AppID + `"}]}]}`
	form := regexp.MustCompile(`"id":"Directory_` + correlation + `_[A-Z0-9]{5}_[0-9]{8}"`)
	if !form.MatchString(got) {
		t.Errorf("id is not as real ones: %s", got)
	}
	got = form.ReplaceAllString(got, `"id":"ID"`)
	got = regexp.MustCompile(`"activityDateTime":"[^"]+Z"`).ReplaceAllString(got, `"activityDateTime":"TIME"`)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEveryMutationIsRecorded(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	made := x.want(201, "POST", "/applications", `{"displayName":"a"}`)
	path := "/applications/" + made.string("id")
	sp := "/servicePrincipals/" + x.want(201, "POST", "/servicePrincipals", `{"appId":"`+made.string("appId")+`"}`).string("id")
	x.want(204, "PATCH", path, `{"displayName":"b"}`)
	key := x.want(200, "POST", path+"/addPassword", `{}`).string("keyId")
	x.want(204, "POST", path+"/removePassword", `{"keyId":"`+key+`"}`)
	key = x.want(200, "POST", sp+"/addPassword", `{}`).string("keyId")
	x.want(204, "POST", sp+"/removePassword", `{"keyId":"`+key+`"}`)
	x.want(204, "PATCH", sp, `{"accountEnabled":false}`)
	x.want(204, "POST", path+"/owners/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/directoryObjects/`+callerID+`"}`)
	x.want(204, "DELETE", path+"/owners/"+callerID+"/$ref", "")
	x.want(204, "DELETE", path, "")
	x.want(200, "POST", "/directory/deletedItems/"+made.string("id")+"/restore", "")
	x.want(204, "DELETE", path, "")
	x.want(204, "DELETE", "/directory/deletedItems/"+made.string("id"), "")

	got := x.get("/auditLogs/directoryAudits").column("activityDisplayName")
	slices.Reverse(got)
	want := []string{
		"Add application", "Add service principal", "Update application", secretsActivity, secretsActivity,
		"Add service principal credentials", "Remove service principal credentials", "Update service principal",
		"Add owner to application", "Remove owner from application", "Remove service principal", "Delete application",
		"Restore application", "Delete application", "Hard Delete application",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFiltersOfTheAuditLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{}, all)
		var ids []string
		for i := range 4 {
			ids = append(ids, x.want(201, "POST", "/applications", fmt.Sprintf(`{"displayName":"app %d"}`, i)).string("id"))
			time.Sleep(time.Hour)
		}
		x.want(200, "POST", "/applications/"+ids[1]+"/addPassword", `{}`)
		start := time.Now()
		for filter, want := range map[string]int{
			"activityDisplayName eq 'Add application'":                                                                   4,
			"startswith(activityDisplayName,'Update application')":                                                       1,
			"activityDateTime ge " + start.Add(-150*time.Minute).UTC().Format(time.RFC3339):                              3,
			"activityDateTime ge 2000-01-01 and activityDateTime le " + start.Add(-time.Hour).UTC().Format(time.RFC3339): 4,
			"targetResources/any(t:t/id eq '" + ids[1] + "')":                                                            2,
			"initiatedBy/app/appId eq '" + x.caller.AppID + "'":                                                          5,
			"initiatedBy/app/displayName eq 'somebody'":                                                                  0,
			"initiatedBy/user/id eq 'x'":                                                                                 0,
			"loggedByService eq 'Core Directory' and category eq 'ApplicationManagement'":                                5,
			"correlationId eq 'none'":                                                                                    0,
		} {
			if got := len(x.get("/auditLogs/directoryAudits?$filter=" + filter).column("id")); got != want {
				t.Errorf("%s: %d records, want %d", filter, got, want)
			}
		}
		x.want(400, "GET", "/auditLogs/directoryAudits?$filter=nothing eq 'x'", "")

		path, n := "/auditLogs/directoryAudits?$top=2&$orderby=activityDateTime asc", 0
		var last string
		for path != "" {
			time.Sleep(10 * time.Second)
			p := x.get(path)
			for _, at := range p.column("activityDateTime") {
				if at < last {
					t.Errorf("%s after %s", at, last)
				}
				last = at
				n++
			}
			path = p.string("@odata.nextLink")
		}
		if n != 5 {
			t.Errorf("%d records in pages, want 5", n)
		}
	})
}

func TestRecordsComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Seed: 5, Lag: world.Lag{Audit: time.Hour}}, all)
		for i := range 20 {
			x.want(201, "POST", "/applications", fmt.Sprintf(`{"displayName":"app %d"}`, i))
		}
		count := func() int { return strings.Count(x.get("/auditLogs/directoryAudits").text, "Add application") }
		if n := count(); n > 2 {
			t.Errorf("%d records are there at once", n)
		}
		time.Sleep(30 * time.Minute)
		if n := count(); n == 0 || n == 20 {
			t.Errorf("%d records after half the time", n)
		}
		time.Sleep(30 * time.Minute)
		if n := count(); n != 20 {
			t.Errorf("%d records after all of it", n)
		}
	})
}
