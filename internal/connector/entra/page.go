package entra

import (
	"bytes"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// largestPage is more objects than Graph puts into one.
const largestPage = 100_000

// split finds the records in a page without decoding them. A page that does not
// end where it should is an error, however far it could be read: its missing
// objects would look as if they were gone.
func (f *Feed) split(body []byte, delta bool) (*inventory.Page, error) {
	p := &inventory.Page{Bytes: len(body)}
	p.Release = func() { f.release(body, p.Records) }
	s := scanner{b: body, texts: new(strings.Builder)}
	found := false
	err := s.members(func(name []byte) (err error) {
		switch string(name) {
		case "@odata.nextLink":
			p.Next, err = s.text()
		case "@odata.deltaLink":
			p.Mark, err = s.text()
		case "value":
			found = true
			p.Records = f.records()
			err = s.elements(func() error { return record(&s, p, delta) })
		default:
			err = s.skip()
		}
		return err
	})
	if err != nil || !found || s.next() != 0 {
		return nil, fmt.Errorf("cannot read a page of %s: %w", f.Set, rest.ErrTruncated)
	}
	return p, nil
}

func record(s *scanner, p *inventory.Page, delta bool) error {
	if s.next() != '{' || len(p.Records) == largestPage {
		return errJSON
	}
	start := s.i
	if err := s.skipNested(); err != nil {
		return err
	}
	r := inventory.Record{Raw: s.b[start:s.i:s.i], Partial: delta}
	if err := identify(&r, delta, s); err != nil {
		return err
	}
	p.Records = append(p.Records, r)
	return nil
}

var idFirst = []byte(`{"id":"`)

// identify finds the id, which Graph writes first, and in a delta whether the
// object is gone.
func identify(r *inventory.Record, delta bool, page *scanner) error {
	if rest, first := bytes.CutPrefix(r.Raw, idFirst); first && !delta {
		if end := mark(rest, 0); end > 0 && end < len(rest) && rest[end] == '"' {
			r.ObjectID = inventory.ObjectID(page.keep(rest[:end]))
			return nil
		}
	}
	s := scanner{b: r.Raw}
	err := s.members(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			var id string
			id, err = s.text()
			r.ObjectID = inventory.ObjectID(id)
		case "@removed":
			r.Removed = true
			err = s.skip()
		default:
			err = s.skip()
		}
		return err
	})
	if err == nil && r.ObjectID == "" {
		return errJSON
	}
	return err
}

var nextName = []byte(`"@odata.nextLink":"`)

// nextLink finds the link to the next page at the beginning of a page that is
// still being read. A text that looks like it cannot deceive: inside a string
// the quotes would be escaped. It is used only if the whole page confirms it.
func nextLink(head []byte) string {
	at := bytes.Index(head, nextName)
	if at < 0 {
		return ""
	}
	s := scanner{b: head[at+len(nextName)-1:]}
	link, err := s.text()
	if err != nil {
		return "" // it is not there to its end
	}
	return link
}

// Split finds the records in a page of a full walk, for whoever has pages from
// elsewhere, as the measurements do.
func (f *Feed) Split(body []byte) (*inventory.Page, error) { return f.split(body, false) }
