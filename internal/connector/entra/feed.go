package entra

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// Feed lists the tenant's applications, or its service principals, with their
// credentials and owners, for the inventory.
type Feed struct {
	Graph *rest.Client         // https://graph.microsoft.com as the reader; see Keeper for its pace
	Set   inventory.HolderKind // which of the two
	Top   int                  // objects a page; 0 means 999, the most that Graph gives

	mu     sync.Mutex
	read   reader
	bodies [][]byte // of earlier pages, to be used again
	lists  [][]inventory.Record
}

var (
	_ inventory.Feed  = (*Feed)(nil)
	_ inventory.Whole = (*Feed)(nil)
)

// Name is that of the set.
func (f *Feed) Name() string { return string(f.Set) }

func (f *Feed) fields() string {
	if f.Set == inventory.InServicePrincipals {
		return principalFields
	}
	return applicationFields
}

// Full walks the list. What changes on the way is told by the delta from the
// mark, which is therefore taken first.
func (f *Feed) Full(ctx context.Context, from string) iter.Seq2[*inventory.Page, error] {
	return func(yield func(*inventory.Page, error) bool) {
		link, mark := from, ""
		if from == "" {
			var err error
			if mark, err = f.latest(ctx); err != nil {
				yield(nil, err)
				return
			}
			top := f.Top
			if top == 0 {
				top = 999
			}
			link = rest.Path("v1.0", string(f.Set)) + "?" + query("$top", strconv.Itoa(top), "$select", f.fields(), "$expand", ownerFields)
		}
		for p, err := range f.pages(ctx, link, false) {
			if p != nil {
				p.Mark, mark = mark, ""
			}
			if e, ok := errors.AsType[*rest.Error](err); ok && from != "" && e.Status == http.StatusBadRequest {
				err = fmt.Errorf("%w: %w", inventory.ErrResync, err) // the position of a walk lives for minutes only
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// query builds a query without escaping what OData reads better unescaped.
func query(pairs ...string) string {
	var b bytes.Buffer
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(pairs[i] + "=" + url.PathEscape(pairs[i+1]))
	}
	return b.String()
}

// Delta walks what changed since a mark.
func (f *Feed) Delta(ctx context.Context, since string) iter.Seq2[*inventory.Page, error] {
	return f.pages(ctx, since, true)
}

// latest is the mark of this moment.
func (f *Feed) latest(ctx context.Context) (string, error) {
	var round struct {
		Mark string `json:"@odata.deltaLink"`
	}
	path := rest.Path("v1.0", string(f.Set), "delta") + "?" + query("$deltatoken", "latest", "$select", f.fields())
	if err := f.Graph.Get(ctx, path, &round); err != nil {
		return "", fmt.Errorf("cannot mark the beginning of the walk through %s: %w", f.Set, err)
	}
	if round.Mark == "" {
		return "", fmt.Errorf("cannot mark the beginning of the walk through %s: %w", f.Set, rest.ErrTruncated)
	}
	return round.Mark, f.trust(&inventory.Page{Mark: round.Mark})
}

// Object reads one object whole.
func (f *Feed) Object(ctx context.Context, id inventory.ObjectID) ([]byte, error) {
	path := rest.Path("v1.0", string(f.Set), string(id)) + "?" + query("$select", f.fields(), "$expand", ownerFields)
	a, err := f.Graph.Read(ctx, path, nil, nil)
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Status == http.StatusNotFound {
		return nil, fmt.Errorf("%s %s: %w", f.Set, id, inventory.ErrNotFound)
	}
	return a.Body, err
}

// Read decodes one record.
func (f *Feed) Read(raw []byte, o *inventory.Object) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.read.read(raw, o, f.Set); err != nil {
		return fmt.Errorf("cannot read an object of %s: %w", f.Set, err)
	}
	return nil
}

// pages follows the links from one page to the next.
func (f *Feed) pages(ctx context.Context, link string, delta bool) iter.Seq2[*inventory.Page, error] {
	return func(yield func(*inventory.Page, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()

		current := f.ask(ctx, &running, link)
		for {
			// The next page is asked for as soon as its link is seen, which
			// Graph writes at the beginning of this one.
			var ahead *asked
			if next, seen := <-current.seen; seen {
				ahead = f.ask(ctx, &running, next)
			}
			answer := <-current.done
			if answer.err != nil {
				yield(nil, f.explain(answer.err))
				return
			}
			page, err := f.split(answer.body, delta)
			if err == nil {
				err = f.trust(page)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) || page.Next == "" {
				return
			}
			if ahead == nil || ahead.link != page.Next {
				ahead = f.ask(ctx, &running, page.Next)
			}
			current = ahead
		}
	}
}

// trust refuses a page whose links lead elsewhere: they would be kept, and asked
// with our token.
func (f *Feed) trust(p *inventory.Page) error {
	for _, link := range []string{p.Next, p.Mark} {
		if link == "" {
			continue
		}
		if err := f.Graph.Belongs(link); err != nil {
			return fmt.Errorf("cannot go on reading %s: %w", f.Set, err)
		}
	}
	return nil
}

// asked is a page on its way.
type asked struct {
	link string
	seen chan string // the link to the next page, if it was seen early; closed when the page is there
	done chan arrived
}

type arrived struct {
	body []byte
	err  error
}

func (f *Feed) ask(ctx context.Context, running *sync.WaitGroup, link string) *asked {
	a := &asked{link: link, seen: make(chan string, 1), done: make(chan arrived, 1)}
	running.Go(func() {
		answer, err := f.Graph.Read(ctx, link, f.buffer(), func(head []byte) {
			if next := nextLink(head); next != "" && len(a.seen) == 0 {
				a.seen <- next
			}
		})
		a.done <- arrived{answer.Body, err}
		close(a.seen)
	})
	return a
}

// explain names the one error that the inventory has to know.
func (f *Feed) explain(err error) error {
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Status == http.StatusGone {
		return fmt.Errorf("%w: %w", inventory.ErrResync, err)
	}
	return fmt.Errorf("cannot read %s: %w", f.Set, err)
}

// buffer takes memory of an earlier page.
func (f *Feed) buffer() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.bodies); n > 0 {
		b := f.bodies[n-1]
		f.bodies = f.bodies[:n-1]
		return b
	}
	return nil
}

func (f *Feed) records() []inventory.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.lists); n > 0 {
		l := f.lists[n-1]
		f.lists = f.lists[:n-1]
		return l[:0]
	}
	return make([]inventory.Record, 0, 1000)
}

// release keeps the memory of a page for later ones.
func (f *Feed) release(body []byte, list []inventory.Record) {
	const most = 16
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.bodies) < most {
		f.bodies, f.lists = append(f.bodies, body), append(f.lists, list)
	}
}
