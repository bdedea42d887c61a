package office

import (
	"testing"

	"rekey.example/rekey/internal/connector"
)

// The record that the public documents show, shortened.
const real = `[{"CreationTime":"2021-06-15T14:44:41","Id":"11111111-0000-4000-8000-000000000001","Operation":"Update application \u2013 Certificates and secrets management ",
 "RecordType":8,"ResultStatus":"Success","UserType":0,"Workload":"AzureActiveDirectory","ObjectId":"Application_22222222-0000-4000-8000-000000000002","UserId":"user@contoso.onmicrosoft.com",
 "ExtendedProperties":[{"Name":"additionalDetails","Value":"{\"User-Agent\":\"Mozilla/5.0\"}"}],
 "ModifiedProperties":[{"Name":"KeyDescription","NewValue":"[\r\n  \"[KeyIdentifier=33333333-0000-4000-8000-000000000003,KeyType=Password,KeyUsage=Verify,DisplayName=Data, [old] collection]\"\r\n]","OldValue":"[]"},
   {"Name":"Included Updated Properties","NewValue":"KeyDescription","OldValue":""}],
 "Actor":[{"ID":"user@contoso.onmicrosoft.com","Type":5},{"ID":"User_44444444-0000-4000-8000-000000000004","Type":2}],"ActorIpAddress":"203.0.113.7:50123","InterSystemsId":"ABCDEF00-0000-4000-8000-000000000005",
 "Target":[{"ID":"Application_22222222-0000-4000-8000-000000000002","Type":2},{"ID":"Application","Type":2},{"ID":"D365_Basware","Type":1}]},
 {"CreationTime":"2021-06-15T14:44:42","Id":"2","Operation":"Change user password.","RecordType":8,"ObjectId":"user@contoso.com","Target":[{"ID":"User_5","Type":2}]},
 {"CreationTime":"2021-06-15T14:44:42","Id":"3","Operation":"FileAccessed","RecordType":6}]`

func TestARecordIsRead(t *testing.T) {
	list, err := Parse([]byte(real))
	if err != nil || len(list) != 1 {
		t.Fatalf("got %+v, %v", list, err)
	}
	r := list[0]
	d := r.Deeds[0]
	if r.Actor.Name != "user@contoso.onmicrosoft.com" || r.Actor.ID != "44444444-0000-4000-8000-000000000004" || r.Actor.Address != "203.0.113.7" || r.Through != "a browser: the portal" {
		t.Errorf("got %+v", r)
	}
	if len(r.Deeds) != 1 || d.Action != connector.CredentialAdded || d.KeyID != "33333333-0000-4000-8000-000000000003" || d.Label != "Data, [old] collection" || d.Object != "22222222-0000-4000-8000-000000000002" || d.Name != "D365_Basware" {
		t.Errorf("got %+v", d)
	}
	for _, bad := range []string{``, `{}`, `[{"RecordType":8}]`, `[{"RecordType":8,"Id":"1","CreationTime":"yesterday"}]`, `[`} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("took %q", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(real))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := Parse(b)
		for _, r := range list {
			if err != nil || r.ID == "" || r.Time.IsZero() || len(r.Deeds) == 0 {
				t.Errorf("%+v, %v", r, err)
			}
		}
	})
}
