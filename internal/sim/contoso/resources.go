package contoso

import (
	"encoding/base64"
	"fmt"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// seedResources adds what has access keys: the topics that Finance and Operations
// sends its business events to, storage accounts, namespaces, an account of
// Cosmos DB; and the entries of vaults that hold some of their keys.
func (s *seeder) seedResources() {
	for _, t := range []struct {
		name, group string
		days        int
	}{
		{"evgt-fno-business-events-prod", "rg-integration-prod", 690},
		{"evgt-fno-business-events-test", "rg-integration-test", 685},
		{"evgt-wms-stock", "rg-warehouse", 410},
	} {
		s.addTopic(t.name, t.group, s.ago(t.days))
	}
	for _, a := range []struct {
		name, group string
		days        int
		keys        bool
	}{
		{"stcontosobankfiles", "rg-finance", 2000, true},
		{"stcontosointegration", "rg-integration-prod", 1700, true},
		{"stcontosodatalake", "rg-data", 500, false},
	} {
		s.addStorage(a.name, a.group, s.ago(a.days), a.keys)
	}
	s.seedNamespaces()
	s.seedCosmos()
	s.keepKeys()
}

func (s *seeder) addTopic(name, group string, at time.Time) {
	r := &world.Resource{Type: "Microsoft.EventGrid/topics", Name: name, Group: group, Location: "westeurope",
		Tags: map[string]string{"team": "integration"},
		Properties: map[string]any{
			"provisioningState": "Succeeded", "endpoint": fmt.Sprintf("https://%s.westeurope-1.eventgrid.azure.net/api/events", name),
			"inputSchema": "EventGridSchema", "metricResourceId": s.w.GUID(), "publicNetworkAccess": "Enabled", "disableLocalAuth": false,
		},
	}
	for _, key := range []string{"key1", "key2"} {
		r.Keys = append(r.Keys, &world.ResourceKey{Name: key, Value: s.keyText(32), Created: at})
	}
	s.a.AddResource(r)
}

func (s *seeder) addStorage(name, group string, at time.Time, shared bool) {
	r := &world.Resource{Type: "Microsoft.Storage/storageAccounts", Name: name, Group: group, Location: "westeurope",
		Tags: map[string]string{"team": "platform"},
		Properties: map[string]any{
			"provisioningState": "Succeeded", "creationTime": at.Format(time.RFC3339), "primaryLocation": "westeurope", "statusOfPrimary": "available",
			"supportsHttpsTrafficOnly": true, "minimumTlsVersion": "TLS1_2", "allowBlobPublicAccess": false, "allowSharedKeyAccess": shared,
			"primaryEndpoints": map[string]any{"blob": "https://" + name + ".blob.core.windows.net/", "file": "https://" + name + ".file.core.windows.net/"},
		},
	}
	for _, key := range []string{"key1", "key2"} {
		r.Keys = append(r.Keys, &world.ResourceKey{Name: key, Value: s.keyText(64), Created: at})
	}
	s.a.AddResource(r)
}

// keyText is an unmarked key in base64, as they were made before 2023.
func (s *seeder) keyText(bytes int) string {
	b := make([]byte, bytes)
	for i := range b {
		b[i] = byte(s.rnd.Uint32())
	}
	return base64Of(b)
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// seedAudits adds the directory's record of the secrets that people added
// within the last month.
func (s *seeder) seedAudits() {
	for _, a := range s.d.ApplicationsInOrder() {
		for _, p := range a.Passwords {
			if len(a.Owners) == 0 || s.now.Sub(p.Starts) > 30*24*time.Hour || p.Starts.After(s.now) {
				continue
			}
			by := s.d.Users[a.Owners[0]]
			if by == nil {
				continue
			}
			s.d.Audits = append(s.d.Audits, world.Audit{
				ID: s.w.GUID(), Activity: "Update application – Certificates and secrets management", Category: "ApplicationManagement",
				Time: p.Starts, CorrelationID: s.w.GUID(), Operation: "Update", ByUserID: by.ID, ByUser: by.UPN,
				TargetID: a.ID, TargetType: "Application", TargetName: a.Name,
				Properties: []world.AuditProperty{{Name: "KeyDescription", Old: "[]",
					New: fmt.Sprintf(`["[KeyIdentifier=%s,KeyType=Password,KeyUsage=Verify,DisplayName=%s]"]`, p.KeyID, p.Name)}},
			})
		}
	}
}
