package azurekeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// item is a resource as the manager lists it.
type item struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Tags       map[string]string `json:"tags"`
	Properties struct {
		Created     time.Time            `json:"creationTime"`
		Shared      *bool                `json:"allowSharedKeyAccess"`
		Local       bool                 `json:"disableLocalAuth"`
		KeysCreated map[string]time.Time `json:"keyCreationTime"`
		Rights      []string             `json:"rights"`
	} `json:"properties"`
}

// under is a part of a namespace, with what it takes over from that.
func (i item) under(outer item, path string) item {
	i.Name, i.Tags, i.Properties.Local = path+"/"+i.Name, outer.Tags, outer.Properties.Local
	return i
}

// record is what is kept of an item.
func (f *Feed) record(i item) (record, error) {
	at, err := parse(strings.ToLower(i.ID))
	if err != nil {
		return record{}, err
	}
	if !f.Holds(inventory.ObjectID(strings.ToLower(i.ID))) {
		return record{}, fmt.Errorf("%.200q is not in the subscription: %w", i.ID, rest.ErrForeignLink)
	}
	r := record{
		ID: strings.ToLower(i.ID), Name: i.Name, Kind: at.kind.name, Notes: notes(i), Created: moment(i.Properties.Created),
		Enabled: !i.Properties.Local && (i.Properties.Shared == nil || *i.Properties.Shared),
	}
	for _, id := range at.kind.keys {
		r.Keys = append(r.Keys, recordKey{ID: id, Created: moment(i.Properties.KeysCreated[id])})
	}
	return r, nil
}

// moment is a time that can be kept: to the millisecond, of a year that exists.
func moment(t time.Time) time.Time {
	if t.Year() < 1970 || t.Year() > 9998 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// notes are the tags, a line each. One named "consumer" says who uses the keys, as
// it would in the notes of an application.
func notes(i item) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(i.Tags)) {
		fmt.Fprintf(&b, "%s: %s\n", name, i.Tags[name])
	}
	if len(i.Properties.Rights) > 0 {
		fmt.Fprintf(&b, "rights: %s\n", strings.Join(slices.Sorted(slices.Values(i.Properties.Rights)), ", "))
	}
	return b.String()
}

// position is where a walk stands: in which list, on which page of it, before
// which of its items.
type position struct {
	List int    `json:"list"`
	Link string `json:"link,omitempty"`
	Skip int    `json:"skip,omitempty"`
}

// lists are what is listed, one after the other, and the parts of each item that
// have rules.
func lists() []struct {
	kind, version string
	parts         []string
} {
	return []struct {
		kind, version string
		parts         []string
	}{
		{topicType, "2022-06-15", nil}, {storageType, "2023-05-01", nil}, {cosmosType, "2023-04-15", nil},
		{busType, busVersion, []string{"queues", "topics"}}, {hubType, busVersion, []string{"eventhubs"}},
	}
}

// walk is one way through a subscription.
type walk struct {
	*Feed
	ctx   context.Context
	whole bool // parts and values too
	at    position
	ready *inventory.Page // whose Next is not known yet
	bytes int
}

var errStopped = errors.New("nobody wants more")

func (w *walk) run(yield func(*inventory.Page, error) bool, first bool) {
	give := func(next string) error {
		if w.ready == nil {
			return nil
		}
		w.ready.Next = next
		if first {
			w.ready.Mark, first = listed, false
		}
		if !yield(w.ready, nil) {
			return errStopped
		}
		return nil
	}
	err := w.lists(give)
	if err == nil {
		if w.ready == nil {
			w.ready = &inventory.Page{}
		}
		err = give("")
	}
	if err != nil && !errors.Is(err, errStopped) {
		yield(nil, fmt.Errorf("cannot list the resources of subscription %s: %w", w.Subscription, err))
	}
}

func (w *walk) lists(give func(next string) error) error {
	for ; w.at.List < len(lists()); w.at = (position{List: w.at.List + 1}) {
		l := lists()[w.at.List]
		if w.at.Link == "" {
			w.at.Link = rest.Path(append([]string{"subscriptions", w.Subscription, "providers"}, strings.Split(l.kind, "/")...)...) + "?api-version=" + l.version
		}
		for w.at.Link != "" {
			items, next, err := w.page(w.at.Link)
			if err != nil {
				return err
			}
			if l.parts == nil {
				err = w.add(items, give)
			} else {
				err = w.spaces(items, l.parts, give)
			}
			if err != nil {
				return err
			}
			w.at = position{List: w.at.List, Link: next}
		}
	}
	return nil
}

// add makes one page of items, and gives the one before away.
func (w *walk) add(items []item, give func(next string) error) error {
	here, err := json.Marshal(w.at)
	if err != nil {
		return err
	}
	p := &inventory.Page{}
	for _, i := range items {
		r, err := w.record(i)
		if errors.Is(err, ErrKind) {
			continue // a name that cannot be part of an address is none that could be asked for
		}
		if err == nil && w.whole {
			err = w.recognise(w.ctx, &r)
		}
		if err != nil {
			return err
		}
		p.Records = append(p.Records, inventory.Record{ObjectID: inventory.ObjectID(r.ID), Raw: r.raw()})
	}
	p.Bytes, w.bytes = w.bytes, 0
	if err := give(string(here)); err != nil {
		return err
	}
	w.ready = p
	return nil
}

// spaces makes a page for each namespace: its rules and those of its parts.
func (w *walk) spaces(items []item, parts []string, give func(next string) error) error {
	for ; w.at.Skip < len(items); w.at.Skip++ {
		space := items[w.at.Skip]
		rules, err := w.rules(space, space, space.Name)
		if err != nil {
			return err
		}
		for _, part := range parts {
			if !w.whole {
				break
			}
			below, err := w.all(space.ID, part)
			if err != nil {
				return err
			}
			for _, b := range below {
				of, err := w.rules(space, b, space.Name+"/"+b.Name)
				if err != nil {
					return err
				}
				rules = append(rules, of...)
			}
		}
		if err := w.add(rules, give); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) rules(space, of item, path string) ([]item, error) {
	list, err := w.all(of.ID, strings.TrimPrefix(rules, "/"))
	for i := range list {
		list[i] = list[i].under(space, path)
	}
	return list, err
}

// pagesAtMost ends a list that leads in circles.
const pagesAtMost = 10_000

// all lists the parts of a resource, all pages of them.
func (w *walk) all(id, part string) (list []item, err error) {
	segments := strings.Split(strings.TrimPrefix(id, "/"), "/")
	if slices.ContainsFunc(segments, func(s string) bool { return !plain(s) }) {
		return nil, nil
	}
	link := rest.Path(append(segments, part)...) + "?api-version=" + busVersion
	for range pagesAtMost {
		items, next, err := w.page(link)
		if err != nil {
			return nil, err
		}
		list = append(list, items...)
		if link = next; link == "" {
			return list, nil
		}
	}
	return nil, errors.New("the list does not end")
}

// page reads one page of a list. A provider that the subscription has never used
// has none.
func (w *walk) page(link string) ([]item, string, error) {
	a, err := w.ARM.Read(w.ctx, link, nil, nil)
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Status == http.StatusConflict && e.Code == "MissingSubscriptionRegistration" {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	w.bytes += len(a.Body)
	items, next, err := readPage(a.Body)
	if err == nil && next != "" {
		err = w.ARM.Belongs(next)
	}
	if next == link {
		err = errors.New("the list leads in circles")
	}
	return items, next, err
}

func readPage(body []byte) ([]item, string, error) {
	var in struct {
		Value    *[]item `json:"value"`
		NextLink string  `json:"nextLink"`
	}
	if json.Unmarshal(body, &in) != nil || in.Value == nil {
		return nil, "", rest.ErrTruncated
	}
	return *in.Value, in.NextLink, nil
}
