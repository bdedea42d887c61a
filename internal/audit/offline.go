package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrNotExport means that a file is no export of an audit log at all.
var ErrNotExport = errors.New("not an export of an audit log")

// maxLine is the longest line an export can have: a body that was quoted once
// more, and its proof.
const maxLine = 2*maxBody + 16<<10

// VerifyExport checks an export without the database and without the log's key:
// each event's proof against the signed checkpoint, the order, the scope, and the
// signature over the whole file; of a complete one also that no event is
// missing, and that checkpoints which the caller has kept are part of it.
// trustedKey is the verifier key as the caller knows it, from elsewhere than the
// file. If it is empty the file's own key is used, and the report says that it
// was not compared. The error is ErrTampered if anything differs.
func VerifyExport(from io.Reader, trustedKey string, kept ...string) (Report, error) {
	x := importer{from: bufio.NewReaderSize(from, 64<<10), digest: sha256.New(), report: Report{Trusted: trustedKey != ""}}
	err := x.run(strings.TrimSpace(trustedKey), kept)
	if errors.Is(err, ErrTampered) {
		x.report.problem(wholeLog, "%s", strings.TrimPrefix(err.Error(), ErrTampered.Error()+": "))
		return x.report, x.report.err()
	}
	if err != nil {
		return x.report, fmt.Errorf("cannot verify the export: %w", err)
	}
	return x.report, x.report.err()
}

type importer struct {
	from     *bufio.Reader
	line     []byte
	digest   hash.Hash // of the lines before the trailer
	verifier note.Verifier
	scope    Scope
	report   Report
	tree     frontier // of a complete export
	witness  witness
	before   int64 // sequence number of the event before
}

func (x *importer) run(trustedKey string, kept []string) error {
	if err := x.header(trustedKey); err != nil {
		return err
	}
	if err := x.outside(kept); err != nil {
		return err
	}
	x.before = -1
	for {
		line, err := x.next()
		if err != nil {
			return err
		}
		if line == nil {
			return fmt.Errorf("%w: its end is missing", ErrTampered)
		}
		if bytes.HasPrefix(line, []byte(`{"events":`)) {
			return x.trailer(line)
		}
		x.digest.Write(line)
		if err := x.event(line); err != nil {
			return err
		}
	}
}

// next returns the next line with its end, nil after the last.
func (x *importer) next() ([]byte, error) {
	x.line = x.line[:0]
	for {
		part, err := x.from.ReadSlice('\n')
		x.line = append(x.line, part...)
		switch {
		case len(x.line) > maxLine:
			return nil, fmt.Errorf("%w: a line is longer than %d bytes", ErrTampered, maxLine)
		case err == nil:
			return x.line, nil
		case errors.Is(err, io.EOF) && len(x.line) == 0:
			return nil, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%w: its last line is cut short", ErrTampered)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

func (x *importer) header(trustedKey string) error {
	line, err := x.next()
	if err != nil && !errors.Is(err, ErrTampered) {
		return err
	}
	var h header
	if json.Unmarshal(line, &h) != nil || h.Format == "" {
		return ErrNotExport
	}
	if h.Format != Format {
		return fmt.Errorf("%w of the form %s: it has the form %.40q", ErrNotExport, Format, h.Format)
	}
	x.digest.Write(line)
	key := trustedKey
	if key == "" {
		key = h.Key
	}
	if x.verifier, err = note.NewVerifier(key); err != nil {
		return fmt.Errorf("cannot use the verifier key %.80q: %w", key, err)
	}
	x.report.Key, x.report.Scope, x.report.Complete, x.scope = key, h.Scope, h.Complete, h.Scope
	if h.Key != key {
		return fmt.Errorf("%w: it is signed with another key than the trusted one", ErrTampered)
	}
	if x.report.Latest, err = openCheckpoint(h.Checkpoint, x.verifier); err != nil {
		return fmt.Errorf("%w: %w", ErrTampered, err)
	}
	return nil
}

// outside takes the checkpoints that the caller has kept. Only a complete export
// can be compared with them.
func (x *importer) outside(kept []string) error {
	if len(kept) > 0 && !x.report.Complete {
		return errors.New("only a complete export can be compared with kept checkpoints; this one holds a part of the log")
	}
	for _, text := range kept {
		c, err := openCheckpoint(asSigned(text), x.verifier)
		if err != nil {
			return fmt.Errorf("cannot use a kept checkpoint: %w", err)
		}
		x.witness.expect("outside", c)
		x.report.Outside++
		x.report.Newest = max(x.report.Newest, c.Size)
	}
	x.witness.sort()
	return nil
}

func (x *importer) event(line []byte) error {
	var e exported
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("%w: the line after event %d cannot be read", ErrTampered, x.before)
	}
	if e.Seq <= x.before {
		return fmt.Errorf("%w: event %d stands after event %d", ErrTampered, e.Seq, x.before)
	}
	hash, latest := leaf([]byte(e.Body)), x.report.Latest
	if e.Seq >= latest.Size {
		return fmt.Errorf("%w: event %d is none of the %d that the checkpoint has seen", ErrTampered, e.Seq, latest.Size)
	}
	if tlog.CheckRecord(e.Proof, latest.Size, latest.Root, e.Seq, hash) != nil {
		x.report.problem(e.Seq, "is not proved by the checkpoint")
	}
	var read Event
	if err := json.Unmarshal([]byte(e.Body), &read); err != nil {
		x.report.problem(e.Seq, "cannot be read")
	} else if !x.scope.holds(read) {
		x.report.problem(e.Seq, "does not belong into this export")
	}
	if x.report.Complete {
		if e.Seq != x.before+1 {
			x.report.problem(x.before+1, "is missing")
		}
		x.witness.see(&x.tree, &x.report)
		x.tree.add(hash)
		x.witness.see(&x.tree, &x.report)
	}
	x.before = e.Seq
	x.report.Events++
	return nil
}

func (x *importer) trailer(line []byte) error {
	var t trailer
	if err := json.Unmarshal(line, &t); err != nil {
		return fmt.Errorf("%w: its last line cannot be read", ErrTampered)
	}
	if again, err := json.Marshal(t); err != nil || !bytes.Equal(append(again, '\n'), line) {
		return fmt.Errorf("%w: its last line is not as it was written", ErrTampered)
	}
	text, err := openNote(t.Signed, x.verifier)
	if err != nil {
		return fmt.Errorf("%w: its last line is not signed by the log: %w", ErrTampered, err)
	}
	if t.Events != x.report.Events || text != trailerText(t.Events, x.digest.Sum(nil)) {
		x.report.problem(wholeLog, "the lines are not those that were exported")
	}
	if x.report.Complete {
		latest := x.report.Latest
		if x.tree.size != latest.Size || x.tree.root() != latest.Root {
			x.report.problem(wholeLog, "the export calls itself complete, and its %d events do not make the checkpoint of %d", x.tree.size, latest.Size)
		}
		x.witness.end(x.tree.size, &x.report)
	}
	rest, err := x.next()
	if err != nil {
		return err
	}
	if rest != nil {
		return fmt.Errorf("%w: lines stand after its end", ErrTampered)
	}
	return nil
}
