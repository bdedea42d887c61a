package keyvault

import (
	"testing"

	"rekey.example/rekey/internal/connector"
)

func TestEventsAreReadInBothSchemas(t *testing.T) {
	data := `{"Id ":"https://kv/secrets/basware/v1","VaultName":"kv-contoso-prod","ObjectType":"Secret","ObjectName ":"basware","Version":"v1","NBF":null,"EXP":"1767225600"}`
	for name, body := range map[string]string{
		"event grid":   `[{"id":"1","topic":"x","subject":"basware","eventType":"Microsoft.KeyVault.SecretNearExpiry","eventTime":"2025-12-02T00:00:00.1234567Z","data":` + data + `}]`,
		"cloud events": `{"id":"1","source":"x","type":"Microsoft.KeyVault.SecretNearExpiry","time":"2025-12-02T00:00:00Z","specversion":"1.0","data":` + data + `}`,
	} {
		e, err := ParseEvents([]byte(body))
		if err != nil || len(e.Records) != 1 {
			t.Fatalf("%s: %+v, %v", name, e, err)
		}
		d := e.Records[0].Deeds[0]
		if d.Action != connector.VersionNearEnd || d.Place.Vault != "kv-contoso-prod.vault.azure.net" || d.Place.Name != "basware" || d.Place.Version != "v1" || d.Detail["expires"] != "2026-01-01T00:00:00Z" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	e, err := ParseEvents([]byte(`[{"id":"1","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"abc","validationUrl":"https://x"}}]`))
	if err != nil || e.Validation != "abc" {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := ParseEvents([]byte(`[{"id":"1","eventType":"Microsoft.Storage.BlobCreated","eventTime":"2025-12-02T00:00:00Z","data":{}}]`)); err != nil || len(e.Records) != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := ParseEvents([]byte(`[]`)); err == nil {
		t.Error("took nothing for a delivery")
	}
}

func FuzzParseEvents(f *testing.F) {
	f.Add([]byte(`[{"id":"1","eventType":"Microsoft.KeyVault.SecretExpired","eventTime":"2025-12-02T00:00:00Z","data":{"VaultName":"a","ObjectName":"b","EXP":1}}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEvents(b)
		for _, r := range e.Records {
			if err != nil || r.ID == "" || r.Time.IsZero() || r.Deeds[0].Place.Name == "" {
				t.Errorf("%+v, %v", r, err)
			}
		}
	})
}
