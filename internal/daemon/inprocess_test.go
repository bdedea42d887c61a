package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/access"
)

func ask(h http.HandlerFunc, g *guests) *http.Client {
	return &http.Client{Transport: &inProcess{handler: h, actor: &access.Actor{ID: "x"}, guests: g}}
}

func TestAnAnswerIsReadWhileItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g guests
		c := ask(func(w http.ResponseWriter, r *http.Request) {
			for i := range 3 {
				fmt.Fprintf(w, "%d", i)
				time.Sleep(time.Hour)
			}
		}, &g)
		began := time.Now()
		r, err := c.Get("http://in-process/v1/x")
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 1)
		if _, err := io.ReadFull(r.Body, first); err != nil || time.Since(began) != 0 {
			t.Fatalf("the first byte came after %s: %v", time.Since(began), err)
		}
		rest, err := io.ReadAll(r.Body)
		if err != nil || string(first)+string(rest) != "012" {
			t.Errorf("read %q and %q, %v", first, rest, err)
		}
		<-g.close()
	})
}

func TestWhoeverHasEnoughEndsTheHandler(t *testing.T) {
	var g guests
	ended := make(chan error, 1)
	c := ask(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, "more"); err != nil {
				ended <- r.Context().Err()
				return
			}
		}
	}, &g)
	r, err := c.Get("http://in-process/v1/x")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's context: %v", err)
	}
	<-g.close()
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	var g guests
	c := ask(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, &g)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	q, _ := http.NewRequestWithContext(ctx, "GET", "http://in-process/v1/x", nil)
	if _, err := c.Do(q); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
	<-g.close()
}

func TestAnAnswerThatBreaksOffDoesNotLookWhole(t *testing.T) {
	var g guests
	c := ask(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	}, &g)
	r, err := c.Get("http://in-process/v1/x")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("read %q, %v", b, err)
	}
	<-g.close()
}

func TestAClosingDaemonTakesNoRequest(t *testing.T) {
	p := &inProcess{handler: http.NotFoundHandler(), guests: new(guests)}
	<-p.guests.close()
	_, err := (&http.Client{Transport: p}).Post("http://in-process/v1/x", "application/json", strings.NewReader("{}"))
	if !errors.Is(err, errClosed) {
		t.Errorf("the error is %v", err)
	}
}
