package connector

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatARecordOfTheDirectoryDid(t *testing.T) {
	app := []Target{{ID: "A1", Type: "Application", Name: "D365_Basware"}}
	const one, two = `["[KeyIdentifier=K1,KeyType=Password,KeyUsage=Verify,DisplayName=a,b [c]]"]`, `["[KeyIdentifier=K2,KeyType=AsymmetricX509Cert,KeyUsage=Verify,DisplayName=]"]`
	for _, c := range []struct {
		operation string
		targets   []Target
		list      []Modified
		want      []string
	}{
		{"Update application \u2013 Certificates and secrets management ", app, []Modified{{"KeyDescription", "[]", one}}, []string{"credential.added k1 a,b [c]"}},
		{"Update application \u2013 Certificates and secrets management.", app, []Modified{{"KeyDescription", one, two}}, []string{"credential.added k2 ", "credential.removed k1 a,b [c]"}},
		{"Update application", app, []Modified{{"KeyDescription", one, one}}, []string{"application.updated  "}},
		{"Update application", app, []Modified{{"FederatedIdentityCredentials", "[]", `["github"]`}}, []string{"federated.added github github"}},
		{"Update application", app, []Modified{{"FederatedIdentityCredentials", `[{"Name":"github"}]`, "[]"}}, []string{"federated.removed github github"}},
		{"Add owner to application.", app, []Modified{{"ObjectID", "[]", `["6f1e0000-0000-4000-8000-000000000001"]`}}, []string{"owner.added 6f1e0000-0000-4000-8000-000000000001 "}},
		{"Remove owner from application", []Target{{ID: "U1", Type: "User", Name: "emma"}, {ID: "A1", Type: "Application"}}, nil, []string{"owner.removed u1 emma"}},
		{"Consent to application.", app, nil, []string{"permission.added  "}},
		{"Something new", app, nil, []string{"other  "}},
	} {
		var got []string
		for _, d := range DirectoryDeeds(c.operation, c.targets, c.list) {
			got = append(got, d.Action+" "+d.KeyID+" "+d.Label)
			if d.Object != "a1" {
				t.Errorf("%s: about %q", c.operation, d.Object)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.operation, diff)
		}
	}
}

func FuzzDirectoryDeeds(f *testing.F) {
	f.Add("Update application", "A1", "KeyDescription", "[]", `["[KeyIdentifier=K1,KeyType=Password,KeyUsage=Verify,DisplayName=x]"]`)
	f.Fuzz(func(t *testing.T, operation, target, name, before, after string) {
		if len(DirectoryDeeds(operation, []Target{{ID: target}}, []Modified{{name, before, after}})) == 0 {
			t.Error("a record that did nothing")
		}
	})
}
