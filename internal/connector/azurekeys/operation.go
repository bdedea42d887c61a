package azurekeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rekey.example/rekey/internal/connector/rest"
)

// longestOperation is how long an operation of the manager is waited for: Cosmos
// DB takes minutes for a key. A caller's deadline can be earlier.
const longestOperation = 15 * time.Minute

// ErrGoesOn means that the manager has begun to make a key and was not seen to
// end. Whoever recalls the key later learns whether it has.
var ErrGoesOn = errors.New("the manager is still making the key")

// await waits until an operation is over and the key is another one, and returns
// both keys. What the operation says of itself is not enough: the key has to
// differ from what it was.
func (k *Keys) await(ctx context.Context, at address, id string, was pair, header http.Header) (pair, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, longestOperation, ErrGoesOn)
	defer cancel()
	link := header.Get("Azure-AsyncOperation")
	for {
		if err := pause(ctx, rest.RetryAfter(header)); err != nil {
			return pair{}, fmt.Errorf("%w: %w", ErrGoesOn, err)
		}
		over, next, err := k.over(ctx, link)
		if err != nil {
			return pair{}, err
		}
		if header = next; !over {
			continue
		}
		keys, err := k.list(ctx, at)
		if err != nil {
			return pair{}, fmt.Errorf("cannot read the key that was made: %w", unmarked(err))
		}
		if !keys.named(id).value.Equal(was.named(id).value) {
			return keys, nil
		}
		keys.zero()
	}
}

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
		return false, nil, fmt.Errorf("the manager's operation ended as %q", now.Status)
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
