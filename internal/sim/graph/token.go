package graph

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// pageToken is what a $skiptoken holds: where the next page begins.
type pageToken struct {
	set string // the collection it belongs to
	at  int    // index in the collection's order
	key string // for sorted lists: the sort key of the first object of the page
}

// deltaToken is what $skiptoken and $deltatoken of a delta query hold.
type deltaToken struct {
	set      string
	first    bool // still in the first round, which walks through all objects
	at       int  // index of the object, or of the change, to go on with
	since    int  // first round: index of the change at which it began
	issued   time.Time
	selected string // $select, which holds for all later rounds
}

var errToken = errors.New("not a token of ours")

const (
	pageMark  = 'P'
	deltaMark = 'D'
)

func (t pageToken) String() string {
	b := appendString([]byte{pageMark}, t.set)
	b = binary.AppendUvarint(b, uint64(t.at))
	return sealed(appendString(b, t.key))
}

func parsePageToken(s string) (t pageToken, err error) {
	r, err := opened(s, pageMark)
	if err != nil {
		return t, err
	}
	t = pageToken{set: r.text(), at: r.number(), key: r.text()}
	return t, r.done()
}

func (t deltaToken) String() string {
	b := appendString([]byte{deltaMark}, t.set)
	first := uint64(0)
	if t.first {
		first = 1
	}
	b = binary.AppendUvarint(b, first)
	b = binary.AppendUvarint(b, uint64(t.at))
	b = binary.AppendUvarint(b, uint64(t.since))
	b = binary.AppendUvarint(b, uint64(t.issued.Unix()))
	return sealed(appendString(b, t.selected))
}

func parseDeltaToken(s string) (t deltaToken, err error) {
	r, err := opened(s, deltaMark)
	if err != nil {
		return t, err
	}
	t = deltaToken{set: r.text(), first: r.number() == 1, at: r.number(), since: r.number(), issued: time.Unix(int64(r.number()), 0), selected: r.text()}
	return t, r.done()
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// sealed adds a checksum, so that a token cut short or edited is known for what it is.
func sealed(b []byte) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}

func opened(s string, mark byte) (*reader, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) < 5 {
		return nil, errToken
	}
	body, sum := raw[:len(raw)-4], binary.BigEndian.Uint32(raw[len(raw)-4:])
	if crc32.ChecksumIEEE(body) != sum || body[0] != mark {
		return nil, errToken
	}
	return &reader{rest: body[1:]}, nil
}

// reader takes a token apart and remembers the first thing that was wrong.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() int {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > 1<<40 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return int(n)
}

func (r *reader) text() string {
	n := r.number()
	if r.bad || n > len(r.rest) {
		r.bad, r.rest = true, nil
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *reader) done() error {
	if r.bad || len(r.rest) > 0 {
		return errToken
	}
	return nil
}
