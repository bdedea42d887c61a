package daemon

import (
	"testing"

	wire "rekey.example/rekey/api"
)

func TestASyncIsWatchedToItsEnd(t *testing.T) {
	w := newTown(t, 0)
	s := w.sync()
	if s.State != wire.SyncStateDone || s.Counts.Read < 50 || s.Counts.Appeared == 0 || s.Ended.IsZero() {
		t.Errorf("the reading ended as %+v", s)
	}
	list, err := w.local().Syncs(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != s.ID {
		t.Errorf("listed %+v, %v", list, err)
	}
}
