package world

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// OfficeSubscription is a tenant's subscription to one content type of the Office
// 365 Management Activity API.
type OfficeSubscription struct {
	Type    string
	Enabled bool
	Started time.Time // content is collected from here on
	Asked   time.Time // when it was last asked for
	Webhook *OfficeWebhook
}

// OfficeWebhook is told of new content.
type OfficeWebhook struct {
	Address, AuthID string
	Enabled         bool
	Told            time.Time // of content up to here
	Failures        int       // in a row
}

// EventSubscription is an Event Grid subscription to a vault's events.
type EventSubscription struct {
	Name, Vault, Address string
	Cloud                bool // CloudEvents 1.0 instead of Event Grid's own schema
	Since                time.Time
	Sent                 map[string]bool // ids of events that were taken
}

// Delay is how long a piece of news takes to get somewhere: its own part of the
// lag, the same whenever it is asked.
func (w *World) Delay(news string, lag time.Duration) time.Duration {
	return time.Duration(w.Part(news) * float64(lag))
}

// Part is a number from 0 to 1 that belongs to a text, the same for the same seed.
func (w *World) Part(text string) float64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], w.seed)
	sum := sha256.Sum256(append(b[:], text...))
	return float64(binary.LittleEndian.Uint32(sum[:4])) / (1 << 32)
}

// Ill returns the fault of that name if it is on, without counting a strike: for
// sicknesses of what is there rather than of a request.
func (w *World) Ill(name string) (Fault, bool) {
	for _, f := range w.Faults.On() {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}
