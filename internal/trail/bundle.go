package trail

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	stdhash "hash"
	"io"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
)

// BundleFormat names the layout of a bundle: lines of JSON. First a manifest; then
// the records of the trail; then our own log as audit.Export writes it, each line
// in a string; last a trailer with the signature over all lines before.
const BundleFormat = "rekey-evidence/1"

type (
	manifest struct {
		Format  string    `json:"format"`
		Key     string    `json:"key"` // verifies the signature and the log's checkpoint; compare it with the one you trust
		Tenant  string    `json:"tenant"`
		Made    time.Time `json:"made"`
		By      string    `json:"by"`
		About   string    `json:"about"` // what the timeline is of
		Sources []Status  `json:"sources"`
	}
	bundleLine struct {
		Trail *Event  `json:"trail,omitempty"`
		Log   *string `json:"log,omitempty"`
	}
	bundleEnd struct {
		End struct {
			Records int64  `json:"records"`
			Events  int64  `json:"events"`
			Signed  string `json:"signed"`
		} `json:"end"`
	}
)

const evidenceLabel = "evidence"

func endText(records, events int64, digest []byte) string {
	return fmt.Sprintf("%d %d %x", records, events, digest)
}

// Bundle writes what an auditor takes home: the timeline of something, our whole
// log with its proofs, how complete each source was, and one signature over it all.
func (t *Trail) Bundle(ctx context.Context, by access.Actor, about string, q Query, to io.Writer) error {
	if err := errors.Join(allowed(by), by.Check(access.ReadAudit)); err != nil {
		return err
	}
	b := &bundler{digest: sha256.New()}
	b.to = bufio.NewWriterSize(io.MultiWriter(to, b.digest), 64<<10)
	sources, err := t.Sources(ctx, by)
	if err != nil {
		return err
	}
	if err := b.line(manifest{Format: BundleFormat, Key: t.Log.VerifierKey(), Tenant: by.Tenant, Made: now(), By: by.Name, About: about, Sources: sources}); err != nil {
		return err
	}
	for e, err := range t.All(ctx, by, q) {
		if err != nil {
			return err
		}
		b.records++
		if err := b.line(bundleLine{Trail: &e}); err != nil {
			return err
		}
	}
	if b.events, err = t.Log.Export(ctx, t.Store, by, audit.Scope{}, &lines{do: func(s string) error { return b.line(bundleLine{Log: &s}) }}); err != nil {
		return fmt.Errorf("cannot add our own log to the bundle: %w", err)
	}
	return b.end(t.Log, to)
}

type bundler struct {
	to              *bufio.Writer
	digest          stdhash.Hash
	records, events int64
}

func (b *bundler) line(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot write the bundle: %w", err)
	}
	_, err = b.to.Write(append(raw, '\n'))
	return err
}

func (b *bundler) end(l *audit.Log, to io.Writer) error {
	if err := b.to.Flush(); err != nil {
		return err
	}
	signed, err := l.SignText(evidenceLabel, endText(b.records, b.events, b.digest.Sum(nil)))
	if err != nil {
		return err
	}
	var e bundleEnd
	e.End.Records, e.End.Events, e.End.Signed = b.records, b.events, signed
	raw, err := json.Marshal(&e)
	if err != nil {
		return err
	}
	_, err = to.Write(append(raw, '\n'))
	return err
}

// lines cuts what is written into lines.
type lines struct {
	do   func(string) error
	rest []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		if err := l.do(string(l.rest[:i])); err != nil {
			return 0, err
		}
		l.rest = l.rest[i+1:]
	}
}

// BundleReport is what the verification of a bundle found.
type BundleReport struct {
	Key     string       `json:"key"`
	Trusted bool         `json:"trusted"` // the key was compared with one from elsewhere
	Tenant  string       `json:"tenant"`
	About   string       `json:"about"`
	Made    time.Time    `json:"made"`
	Records int64        `json:"records"` // of the clouds and of ours, on the timeline
	Log     audit.Report `json:"log"`     // of our own log
	Sources []Status     `json:"sources"`
}

// ErrNotBundle means that a file is no bundle.
var ErrNotBundle = errors.New("not a bundle of evidence")

const longestLine = 4 << 20

// VerifyBundle checks a bundle without the server: that nothing in it was changed,
// left out or added since it was signed, and that our log in it is what was recorded.
// The error is audit.ErrTampered if anything differs.
func VerifyBundle(from io.Reader, trustedKey string) (r BundleReport, err error) {
	in := bufio.NewScanner(from)
	in.Buffer(make([]byte, 64<<10), longestLine)
	digest := sha256.New()
	if !in.Scan() {
		return r, ErrNotBundle
	}
	var m manifest
	if json.Unmarshal(in.Bytes(), &m) != nil || m.Format != BundleFormat {
		return r, ErrNotBundle
	}
	key := trustedKey
	if key == "" {
		key = m.Key
	}
	r = BundleReport{Key: key, Trusted: trustedKey != "", Tenant: m.Tenant, About: m.About, Made: m.Made, Sources: m.Sources}
	if m.Key != key {
		return r, fmt.Errorf("%w: it is signed with another key than the trusted one", audit.ErrTampered)
	}
	sum(digest, in.Bytes())
	out, written := io.Pipe()
	verified := make(chan error, 1)
	go func() { // ends when the pipe does, below
		var err error
		r.Log, err = audit.VerifyExport(out, key)
		out.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		verified <- err
	}()
	records, err := unpack(in, digest, written, key)
	written.Close()
	logErr := <-verified
	r.Records = records
	return r, errors.Join(err, logErr)
}

func sum(digest stdhash.Hash, line []byte) {
	digest.Write(line)
	digest.Write([]byte{'\n'})
}

// unpack reads the lines behind the manifest up to the signature.
func unpack(in *bufio.Scanner, digest stdhash.Hash, log io.Writer, key string) (records int64, err error) {
	for in.Scan() {
		line := in.Bytes()
		if bytes.HasPrefix(line, []byte(`{"end":`)) {
			if err := ended(line, records, digest, key); err != nil {
				return records, err
			}
			if in.Scan() {
				return records, fmt.Errorf("%w: lines stand after its end", audit.ErrTampered)
			}
			return records, nil
		}
		sum(digest, line)
		var l bundleLine
		switch err := json.Unmarshal(line, &l); {
		case err != nil || (l.Trail == nil) == (l.Log == nil):
			return records, fmt.Errorf("%w: a line cannot be read", audit.ErrTampered)
		case l.Trail != nil:
			records++
		default:
			io.WriteString(log, *l.Log+"\n") // a verification that has ended says why itself
		}
	}
	if err := in.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) {
		return records, err
	}
	return records, fmt.Errorf("%w: its end is missing", audit.ErrTampered)
}

func ended(line []byte, records int64, digest stdhash.Hash, key string) error {
	var e bundleEnd
	if json.Unmarshal(line, &e) != nil {
		return fmt.Errorf("%w: its last line cannot be read", audit.ErrTampered)
	}
	text, err := audit.OpenText(key, evidenceLabel, e.End.Signed)
	if err != nil {
		return err
	}
	if e.End.Records != records || text != endText(e.End.Records, e.End.Events, digest.Sum(nil)) {
		return fmt.Errorf("%w: the lines are not those that were signed", audit.ErrTampered)
	}
	return nil
}
