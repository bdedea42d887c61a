package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	clients  = 16                    // that ask for rotations at the same time
	window   = 256                   // rotations that are under way at once
	look     = 20 * time.Millisecond // between two looks at how many have ended
	patience = 30 * time.Second      // that nothing may end
)

// flow begins n workflows, as many at once as the window holds, each next one when
// another has ended, until all have. It measures until all but the last window of
// them are done: as long as there is enough to do.
func flow(ctx context.Context, n int, begin func(int) error, done func() (int, error)) (took time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	places := make(chan struct{}, window)
	began := time.Now()
	fed := make(chan error, 1)
	go func() { // ends with its last workflow, or with ctx
		fed <- each(n, func(i int) error {
			select {
			case places <- struct{}{}:
				return begin(i)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}()
	ended, moved := 0, time.Now()
	for ended < n {
		now, err := done()
		if err != nil {
			return 0, err
		}
		for ; ended < now; ended++ {
			<-places
			moved = time.Now()
		}
		if took == 0 && ended >= n-window {
			took = time.Since(began) * time.Duration(n-window) / time.Duration(ended)
		}
		if time.Since(moved) > patience {
			return 0, errors.New("nothing moves any more")
		}
		select {
		case err := <-fed:
			if err != nil {
				return 0, err
			}
			fed = nil
		case <-time.After(look):
		}
	}
	return took, nil
}

// each calls fn for 0 to n-1, from several clients at once.
func each(n int, fn func(int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan error, clients)
	for range clients {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := fn(int(i)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	var err error
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}
