package azurekeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
)

// longestOperation is how long an operation of the manager is taken for one that
// is under way: Cosmos DB takes minutes for a key.
const longestOperation = time.Hour

// operation is one that the manager has begun.
type operation struct {
	link  string
	began time.Time
	was   pair // the keys before it
}

// operations are those that were not seen to end, by path and key. They are
// forgotten with the process; then another request is sent, which the manager
// refuses while the first goes on.
type operations struct {
	mu      sync.Mutex
	running map[string]operation
}

func (o *operations) take(what string) (operation, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	op, ok := o.running[what]
	delete(o.running, what)
	return op, ok && time.Since(op.began) < longestOperation
}

func (o *operations) keep(what string, op operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running == nil {
		o.running = map[string]operation{}
	}
	o.running[what] = op
}

// await waits until an operation is over and the key is another one, and returns
// both keys. What the operation says of itself is not enough: the key has to
// differ from what it was. Its error wraps connector.ErrPending if ctx ends first.
func (k *Keys) await(ctx context.Context, at address, id string, op operation, asked time.Duration) (keys pair, err error) {
	defer func() {
		if errors.Is(err, connector.ErrPending) {
			k.running.keep(at.path(id), op)
			return
		}
		op.was.zero()
	}()
	header := http.Header{}
	for {
		if err := pause(ctx, max(asked, rest.RetryAfter(header))); err != nil {
			return pair{}, fmt.Errorf("%w: %w", connector.ErrPending, err)
		}
		asked = 0
		over, next, err := k.over(ctx, op.link)
		if err != nil {
			return pair{}, pending(err)
		}
		if header = next; !over {
			continue
		}
		keys, err := k.list(ctx, at)
		if err != nil {
			return pair{}, pending(fmt.Errorf("cannot read the key that was made: %w", unmarked(err)))
		}
		if !keys.named(id).value.Equal(op.was.named(id).value) {
			return keys, nil
		}
		keys.zero()
	}
}

// pending marks an error on the way: unless the operation itself has failed, it
// goes on, and can be asked about again.
func pending(err error) error {
	if errors.Is(err, errFailed) {
		return err
	}
	return fmt.Errorf("%w: %w", connector.ErrPending, err)
}

var errFailed = errors.New("the manager could not make the key")

// over asks an operation whether it is over. One that cannot be asked, for want of
// a link or of the right to read it, may be.
func (k *Keys) over(ctx context.Context, link string) (bool, http.Header, error) {
	if link == "" || k.ARM.Belongs(link) != nil {
		return true, nil, nil
	}
	a, err := k.ARM.Read(ctx, link, nil, nil)
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Status/100 == 4 && e.Status != http.StatusTooManyRequests {
		return true, nil, nil
	}
	if err != nil {
		return false, nil, fmt.Errorf("cannot ask whether the key has been made: %w", unmarked(err))
	}
	var now struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(a.Body, &now) != nil {
		return false, nil, rest.ErrTruncated
	}
	switch now.Status {
	case "Failed", "Canceled":
		return false, nil, fmt.Errorf("%w: the operation ended as %q", errFailed, now.Status)
	case "Succeeded":
		return true, a.Header, nil
	}
	return false, a.Header, nil
}

// unmarked takes the mark ErrNotApplied off the error of a later request: that
// nothing came of it says nothing about the first.
func unmarked(err error) error {
	if e, ok := errors.AsType[*rest.Error](err); ok {
		return fmt.Errorf("status %d %s", e.Status, e.Code)
	}
	return errors.New(err.Error())
}

// pause waits as long as was asked for, within reason.
func pause(ctx context.Context, asked time.Duration) error {
	if asked == 0 {
		asked = 5 * time.Second
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(min(max(asked, time.Second), 30*time.Second)):
		return nil
	}
}
