package schedule

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
)

type emergencyKey struct{}

// WithEmergency returns a context whose writes may take what planned work
// leaves alone.
func WithEmergency(ctx context.Context) context.Context {
	return context.WithValue(ctx, emergencyKey{}, true)
}

// Emergency reports whether the context is one of WithEmergency.
func Emergency(ctx context.Context) bool { return ctx.Value(emergencyKey{}) != nil }

// Writes holds the writes of a rest.Client to a budget: give its Before and
// After as BeforeWrite and AfterWrite.
type Writes struct {
	Budget  *Budget
	Patient time.Duration // a write waits for so long; 0 means 10 s
}

// Before waits until a write may be sent. One that would have to wait for longer
// is refused with a *connector.ThrottledError, so that what it belongs to gives
// up its place and comes again: nothing was sent. Reads pass.
func (w *Writes) Before(ctx context.Context, r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	patience := w.Patient
	if patience == 0 {
		patience = 10 * time.Second
	}
	for end := time.Now().Add(patience); ; {
		pause, err := w.Budget.Take(ctx, 1, Emergency(ctx))
		if err != nil || pause == 0 {
			return err
		}
		if time.Until(end) < pause {
			return &connector.ThrottledError{After: pause + rand.N(w.apart(ctx, pause))}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// apart spreads those that come again: all of them at one moment would wait for
// each other once more. An emergency comes again at once.
func (w *Writes) apart(ctx context.Context, pause time.Duration) time.Duration {
	if Emergency(ctx) {
		return time.Second
	}
	return max(pause, 20*time.Second)
}

// After heeds an answer that asks for silence.
func (w *Writes) After(resp *http.Response) {
	if resp.StatusCode != http.StatusTooManyRequests {
		return
	}
	pause := rest.RetryAfter(resp.Header)
	if pause == 0 {
		pause = portion * time.Second / 4
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(resp.Request.Context()), 5*time.Second)
	defer cancel()
	if err := w.Budget.Empty(ctx, pause); err != nil && !errors.Is(err, errOvertaken) {
		return // the caller sees the answer and waits; the budget is asked again by the next write
	}
}
