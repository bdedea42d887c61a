package daemon

import (
	"testing"
	"time"
)

// TestItIsReadyAtOnce opens an installation with some 10,000 credentials (SAFETY T50).
func TestItIsReadyAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a tenant of 5,000 applications")
	}
	w := newTown(t, 5_000)
	w.sync()
	status, err := w.local().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.close()
	began := time.Now()
	w.open()
	if err := w.daemon.store.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	t.Logf("%d credentials, ready after %s", status.Tenants[0].Counts.Credentials, took.Round(time.Millisecond))
	if took > time.Second {
		t.Errorf("ready after %s", took)
	}
}
