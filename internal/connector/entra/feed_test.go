package entra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// answers is a wire in memory.
type answers func(*http.Request) *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return a(r), nil
}

func page(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func graphOf(t *testing.T, wire http.RoundTripper, base string) *rest.Client {
	t.Helper()
	c, err := rest.New(rest.Config{Base: base, Transport: wire, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const graphHost = "https://graph.microsoft.com"

// The mark is asked for before the first page, or changes during the walk would
// be lost.
func TestMarkIsTakenBeforeTheWalk(t *testing.T) {
	var asked []string
	f := &Feed{Set: inventory.InApplications, Graph: graphOf(t, answers(func(r *http.Request) *http.Response {
		asked = append(asked, r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "/delta") {
			return page(200, `{"value":[],"@odata.deltaLink":"`+graphHost+`/v1.0/applications/delta?$deltatoken=m"}`)
		}
		return page(200, `{"value":[{"id":"a"}]}`)
	}), graphHost)}
	for p, err := range f.Full(t.Context(), "") {
		if err != nil || !strings.HasSuffix(p.Mark, "=m") || len(p.Records) != 1 || p.Records[0].ObjectID != "a" {
			t.Errorf("got %+v, %v", p, err)
		}
	}
	if want := []string{"/v1.0/applications/delta", "/v1.0/applications"}; !slices.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

// The next page is asked for while this one is still arriving.
func TestNextPageIsAskedForWhenItsLinkIsSeen(t *testing.T) {
	second := make(chan struct{})
	var once sync.Once
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("n") == "2" {
			once.Do(func() { close(second) })
			io.WriteString(w, `{"value":[{"id":"b"}]}`)
			return
		}
		fmt.Fprintf(w, `{"@odata.nextLink":"%s/v1.0/applications?n=2","value":[{"id":"a","notes":"%s"}`, server.URL, strings.Repeat("x", 8000))
		w.(http.Flusher).Flush()
		select {
		case <-second: // only then does this page end
		case <-time.After(20 * time.Second):
		}
		io.WriteString(w, `]}`)
	}))
	defer server.Close()
	f := &Feed{Set: inventory.InApplications, Graph: graphOf(t, http.DefaultTransport, server.URL)}
	began := time.Now()
	var ids []string
	for p, err := range f.Full(t.Context(), "/v1.0/applications?n=1") {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p.Records {
			ids = append(ids, string(r.ObjectID))
		}
	}
	if !slices.Equal(ids, []string{"a", "b"}) {
		t.Errorf("got %v", ids)
	}
	if time.Since(began) > 15*time.Second {
		t.Error("the second page was only asked for when the first was complete")
	}
}

func TestPagesThatCannotBeTrusted(t *testing.T) {
	for name, tt := range map[string]struct {
		body   string
		status int
		want   error
	}{
		"cut":              {`{"value":[{"id":"a"},{"id":"b"`, 200, rest.ErrTruncated},
		"cut at a brace":   {`{"value":[{"id":"a"}`, 200, rest.ErrTruncated},
		"more behind":      {`{"value":[]}{}`, 200, rest.ErrTruncated},
		"no value":         {`{"error":{}}`, 200, rest.ErrTruncated},
		"no id":            {`{"value":[{"name":"a"}]}`, 200, rest.ErrTruncated},
		"foreign next":     {`{"@odata.nextLink":"https://evil.example/","value":[]}`, 200, rest.ErrForeignLink},
		"foreign mark":     {`{"@odata.deltaLink":"https://evil.example/","value":[]}`, 200, rest.ErrForeignLink},
		"too deep":         {`{"value":[{"id":"a","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}]}`, 200, rest.ErrTruncated},
		"mark forgotten":   {`{"error":{"code":"resyncRequired"}}`, 410, inventory.ErrResync},
		"position expired": {`{"error":{"code":"Directory_ExpiredPageToken"}}`, 400, inventory.ErrResync},
	} {
		t.Run(name, func(t *testing.T) {
			f := &Feed{Set: inventory.InApplications, Graph: graphOf(t, answers(func(*http.Request) *http.Response { return page(tt.status, tt.body) }), graphHost)}
			for p, err := range f.Full(t.Context(), graphHost+"/v1.0/applications?$skiptoken=x") {
				if !errors.Is(err, tt.want) {
					t.Errorf("got %+v, %v; want %v", p, err, tt.want)
				}
			}
		})
	}
}

func TestDeltaTellsWhatIsGoneAndWhatIsPartial(t *testing.T) {
	f := &Feed{Set: inventory.InApplications, Graph: graphOf(t, answers(func(*http.Request) *http.Response {
		return page(200, `{"value":[{"id":"a","@removed":{"reason":"changed"}},{"displayName":"n\"@removed\"","id":"b"}],"@odata.deltaLink":"`+graphHost+`/v1.0/applications/delta?$deltatoken=2"}`)
	}), graphHost)}
	for p, err := range f.Delta(t.Context(), graphHost+"/v1.0/applications/delta?$deltatoken=1") {
		if err != nil {
			t.Fatal(err)
		}
		if r := p.Records; len(r) != 2 || !r[0].Removed || r[1].Removed || r[1].ObjectID != "b" || !r[1].Partial || p.Mark == "" {
			t.Errorf("got %+v", p)
		}
	}
}

// The keeper stays inside the real limits without a single refusal, and uses
// nearly all that it may.
func TestKeeperUsesItsShareAndNoMore(t *testing.T) {
	for name, tt := range map[string]struct {
		reserve float64
		least   int // requests in a minute, of two units each
		most    int
	}{
		"all of it":    {-1, 24000 * 95 / 100, 24000 + 4000},
		"with reserve": {0, 19200 * 95 / 100, 19200 + 3200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := &Keeper{Reserve: tt.reserve}
				start, used, sent := time.Time{}, 0, 0
				began := time.Now()
				for time.Since(began) < time.Minute {
					r, _ := http.NewRequestWithContext(t.Context(), "GET", graphHost+"/v1.0/applications?$top=999&$select=id&$expand=owners", nil)
					if err := k.Before(t.Context(), r); err != nil {
						t.Fatal(err)
					}
					if time.Since(start) >= window {
						start, used = time.Now(), 0
					}
					if used += 2; used > 8000 {
						t.Fatalf("request %d would be refused", sent)
					}
					sent++
				}
				if sent < tt.least || sent > tt.most {
					t.Errorf("sent %d in a minute, want %d to %d", sent, tt.least, tt.most)
				}
			})
		})
	}
}

func TestKeeperHeedsRefusalsAndWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &Keeper{}
		ask := func() time.Duration {
			began := time.Now()
			r, _ := http.NewRequestWithContext(t.Context(), "GET", graphHost+"/v1.0/applications?$select=id", nil)
			if err := k.Before(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		ask()
		k.After(page(429, "", "Retry-After", "7"))
		if waited := ask(); waited < 7*time.Second || waited > 8*time.Second {
			t.Errorf("waited %s, want the 7 s asked for", waited)
		}
		pace := func() time.Duration {
			began := time.Now()
			for range 6400 {
				ask()
			}
			return time.Since(began)
		}
		pace() // all that may go at once
		normal := pace()
		k.After(page(200, "", "x-ms-throttle-limit-percentage", "0.95"))
		if slow := pace(); slow < normal*3/2 {
			t.Errorf("others use the budget, and as many requests take %s after %s before", slow, normal)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		k.After(page(429, "", "Retry-After", "60"))
		r, _ := http.NewRequestWithContext(ctx, "GET", graphHost+"/v1.0/applications", nil)
		if k.Before(ctx, r) == nil {
			t.Error("waits for a caller that has gone")
		}
	})
}
