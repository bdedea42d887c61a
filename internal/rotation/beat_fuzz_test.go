package rotation

import "testing"

// FuzzBeat reads anything that may stand where a beat should.
func FuzzBeat(f *testing.F) {
	f.Add([]byte(`{"installation":"0123456789abcdef","instance":"host /data","at":"2026-11-25T12:00:00Z","head":""}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"installation":"x","more":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := parseBeat(raw)
		if err == nil && (b.Installation == "" || len(raw) > largestBeat) {
			t.Errorf("took %+v", b)
		}
		if err != nil && b != (Beat{}) {
			t.Errorf("an error with a beat: %+v", b)
		}
	})
}
