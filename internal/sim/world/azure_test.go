package world

import (
	"testing"
	"time"
)

func TestRolesAllowWhatTheirPatternsSay(t *testing.T) {
	for _, tc := range []struct {
		role, action string
		data, want   bool
	}{
		{"Owner", "Microsoft.Authorization/roleAssignments/write", false, true},
		{"Owner", "Microsoft.KeyVault/vaults/secrets/getSecret/action", true, false},
		{"Contributor", "Microsoft.KeyVault/vaults/write", false, true},
		{"Contributor", "Microsoft.Authorization/roleAssignments/write", false, false},
		{"Contributor", "Microsoft.Authorization/roleAssignments/read", false, true},
		{"Reader", "Microsoft.KeyVault/vaults/read", false, true},
		{"Reader", "Microsoft.EventGrid/topics/listKeys/action", false, false},
		{"Storage Account Key Operator Service Role", "Microsoft.Storage/storageAccounts/regenerateKey/action", false, true},
		{"Key Vault Reader", "Microsoft.KeyVault/vaults/certificates/read", true, true},
		{"Key Vault Reader", "Microsoft.KeyVault/vaults/secrets/getSecret/action", true, false},
		{"Key Vault Secrets Officer", "Microsoft.KeyVault/vaults/secrets/purge/action", true, true},
		{"Key Vault Secrets Officer", "Microsoft.KeyVault/vaults/keys/read", true, false},
		{"Key Vault Certificate User", "Microsoft.KeyVault/vaults/secrets/getSecret/action", true, true},
	} {
		role, known := RoleByName(tc.role)
		if got := known && role.allows(tc.action, tc.data); got != tc.want {
			t.Errorf("%s and %s: %v, want %v", tc.role, tc.action, got, tc.want)
		}
	}
}

func TestEveryRoleHasItsOwnID(t *testing.T) {
	seen := map[string]string{}
	for _, r := range Roles() {
		if other := seen[r.ID]; other != "" || len(r.ID) != 36 {
			t.Errorf("%s has the id %q, as %s", r.Name, r.ID, other)
		}
		seen[r.ID] = r.Name
	}
}

func TestAnAssignmentReachesDownwardsOnly(t *testing.T) {
	w, err := New(Config{Tenant: Tenant{SubscriptionID: "s"}})
	if err != nil {
		t.Fatal(err)
	}
	w.Change(func() {
		v := &Vault{Name: "kv", Group: "rg"}
		w.Azure.AddVault(v)
		made := time.Now().Add(-time.Hour)
		w.Azure.Assign("everywhere", "Reader", "", made)
		w.Azure.Assign("group", "Reader", w.Azure.GroupID("RG"), made)
		w.Azure.Assign("vault", "Reader", w.Azure.VaultID(v), made)
		w.Azure.Assign("other", "Reader", w.Azure.GroupID("rg-2"), made)
		w.Azure.Assign("new", "Reader", "", time.Now())
		w.Azure.Assign("no role", "Reeder", "", made)

		for who, want := range map[string]string{"everywhere": "sub group vault", "group": "group vault", "vault": "vault", "other": "", "new": "", "no role": ""} {
			got := ""
			for _, at := range []struct{ name, id string }{{"sub", w.Azure.SubscriptionPath()}, {"group", w.Azure.GroupID("rg")}, {"vault", w.Azure.VaultID(v)}} {
				if _, allowed := w.Azure.Allowed(who, "Microsoft.KeyVault/vaults/read", false, at.id, time.Now(), time.Minute); allowed {
					if got != "" {
						got += " "
					}
					got += at.name
				}
			}
			if got != want {
				t.Errorf("%s reaches %q, want %q", who, got, want)
			}
		}
	})
}

func TestSeedingRepeatsItself(t *testing.T) {
	made := func() (ids []string) {
		w, err := New(Config{Tenant: Tenant{SubscriptionID: "s"}})
		if err != nil {
			t.Fatal(err)
		}
		w.Change(func() {
			w.Azure.AddVault(&Vault{Name: "KV", Group: "rg"})
			for range 2 {
				v := &SecretVersion{Value: "v", Enabled: true}
				w.Azure.PutSecret("kv", "Name", v)
				ids = append(ids, v.ID)
			}
			w.Azure.Assign("p", "Reader", "", time.Now())
			ids = append(ids, w.Azure.Assignments[0].ID)
		})
		return ids
	}
	first, second := made(), made()
	if first[0] == first[1] || len(first[0]) != 32 || len(first[2]) != 36 {
		t.Errorf("ids are %v", first)
	}
	for i := range first {
		if first[i] != second[i] {
			t.Errorf("id %d differs: %s and %s", i, first[i], second[i])
		}
	}
}
