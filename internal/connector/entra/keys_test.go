package entra

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// A list goes back with all that Graph wrote of each entry, known to us or not,
// but for the bytes.
func FuzzEntriesGoBack(f *testing.F) {
	f.Add([]byte(`[{"customKeyIdentifier":"AB","displayName":null,"endDateTime":"2027-01-01T00:00:00Z","key":"MII=","keyId":"k","startDateTime":"2026-01-01T00:00:00.1234567Z","type":"AsymmetricX509Cert","usage":"Verify","new":{"a":[1]}}]`))
	f.Add([]byte(`[{"keyId":"a","key":null},{"keyId":"b"}]`))
	f.Add([]byte(`[null]`))
	f.Add([]byte(`[{"KEYID":"a","keyId":"b"}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var list entries
		var was []map[string]json.RawMessage
		if json.Unmarshal(raw, &list) != nil || json.Unmarshal(raw, &was) != nil {
			return
		}
		body, err := json.Marshal(list.known())
		if err != nil {
			t.Fatal(err)
		}
		var is []map[string]json.RawMessage
		var again entries
		if json.Unmarshal(body, &is) != nil || json.Unmarshal(body, &again) != nil || len(is) != len(was) || !slices.Equal(again.ids(), list.ids()) {
			t.Fatalf("%s went back as %s", raw, body)
		}
		for i := range was {
			if string(is[i]["key"]) != "null" {
				t.Errorf("bytes went back: %s", body)
			}
			delete(is[i], "key")
			delete(was[i], "key")
			if !slices.Equal(slices.Sorted(maps.Keys(is[i])), slices.Sorted(maps.Keys(was[i]))) {
				t.Errorf("%s went back as %s", raw, body)
			}
		}
	})
}
