package audit

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"rekey.example/rekey/internal/store"
)

// Checkpoint is a signed statement of what the log was when it had Size events.
// Its text is a signed note, as transparency logs exchange them
// (https://c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	Size int64     `json:"size"`
	Root tlog.Hash `json:"root"`
	Text string    `json:"text,omitempty"`
}

// CheckpointsFile is what the file of outside checkpoints is called in a data folder.
const CheckpointsFile = "audit-checkpoints.txt"

func (l *Log) sign(tree *frontier) (Checkpoint, error) {
	c := Checkpoint{Size: tree.size, Root: tree.root()}
	signed, err := note.Sign(&note.Note{Text: c.note()}, l.signer)
	if err != nil {
		return c, fmt.Errorf("cannot sign the audit log's head: %w", err)
	}
	c.Text = string(signed)
	l.known.Store(&c.Text)
	return c, nil
}

func (c Checkpoint) note() string { return fmt.Sprintf("%s\n%d\n%s\n", Name, c.Size, c.Root) }

// open parses a checkpoint and checks that this log signed it.
func (l *Log) open(text string) (Checkpoint, error) {
	if known := l.known.Load(); known != nil && *known == text {
		body, _, _ := strings.Cut(text, "\n\n")
		return parseCheckpoint(body+"\n", text)
	}
	c, err := openCheckpoint(text, l.verifier)
	if err == nil {
		l.known.Store(&c.Text)
	}
	return c, err
}

// Open reads a checkpoint that somebody kept, and checks that this log signed it.
func (l *Log) Open(text string) (Checkpoint, error) {
	return openCheckpoint(asSigned(text), l.verifier)
}

// asSigned takes back what mail and editors do to the end of lines.
func asSigned(text string) string {
	return strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n") + "\n"
}

func openCheckpoint(text string, v note.Verifier) (Checkpoint, error) {
	body, err := openNote(text, v)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("not a checkpoint of this log: %w", err)
	}
	return parseCheckpoint(body, text)
}

// openNote returns the text of a note that v signed, and nobody else. It takes a
// note in exactly one spelling, so that no byte of it can be changed unseen.
func openNote(text string, v note.Verifier) (string, error) {
	n, err := note.Open([]byte(text), note.VerifierList(v))
	if err != nil {
		return "", err
	}
	if len(n.Sigs) != 1 || text != n.Text+"\n— "+v.Name()+" "+n.Sigs[0].Base64+"\n" {
		return "", errors.New("it carries more than one signature")
	}
	if _, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64); err != nil {
		return "", errors.New("its signature is not in canonical form")
	}
	return n.Text, nil
}

func parseCheckpoint(body, text string) (Checkpoint, error) {
	lines := strings.Split(body, "\n")
	if len(lines) != 4 || lines[0] != Name || lines[3] != "" {
		return Checkpoint{}, errors.New("not a checkpoint of an audit log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return Checkpoint{}, fmt.Errorf("checkpoint has the size %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint has the root %q", lines[2])
	}
	return Checkpoint{Size: size, Root: root, Text: text}, nil
}

// Latest returns the newest checkpoint. Of an empty log it has no text.
func (l *Log) Latest(ctx context.Context, db *store.DB) (Checkpoint, error) {
	var c Checkpoint
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		c, err = l.latest(tx)
		return err
	})
	return c, err
}

func (l *Log) latest(tx *store.Tx) (Checkpoint, error) {
	h, err := readHead(tx)
	if err != nil {
		return Checkpoint{}, err
	}
	tree, err := l.grow(h)
	if err != nil {
		return Checkpoint{}, err
	}
	return Checkpoint{Size: h.size, Root: tree.root(), Text: h.checkpoint}, nil
}

// keptLine is one line of the file of outside checkpoints.
type keptLine struct {
	Time       time.Time `json:"time"`
	Checkpoint string    `json:"checkpoint"`
}

// Keep appends the newest checkpoint to a file outside the database and syncs
// it, unless it stands there already. Its error is ErrTampered if the database
// no longer holds what the file's last line has seen. Copy the file's lines to
// where the machine's administrators cannot reach: mail, a ticket, another host.
func (l *Log) Keep(ctx context.Context, db *store.DB, file string) (Checkpoint, error) {
	list, err := l.Kept(file)
	if err != nil {
		return Checkpoint{}, err
	}
	var latest Checkpoint
	err = db.View(ctx, func(tx *store.Tx) error {
		if latest, err = l.latest(tx); err != nil {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		return extends(tx, latest, list[len(list)-1])
	})
	if err != nil {
		return Checkpoint{}, fmt.Errorf("cannot keep a checkpoint of the audit log: %w", err)
	}
	if latest.Size == 0 || len(list) > 0 && list[len(list)-1].Size == latest.Size {
		return latest, nil
	}
	if err := appendLine(file, keptLine{time.Now().UTC().Truncate(time.Second), latest.Text}); err != nil {
		return Checkpoint{}, fmt.Errorf("cannot keep a checkpoint of the audit log: %w", err)
	}
	return latest, nil
}

// extends checks that the log whose end is latest begins with what earlier saw.
func extends(tx *store.Tx, latest, earlier Checkpoint) error {
	if earlier.Size > latest.Size {
		return fmt.Errorf("%w: it has %d events and had %d", ErrTampered, latest.Size, earlier.Size)
	}
	root, err := tlog.TreeHash(earlier.Size, &hashes{tx: tx, have: map[int64]tlog.Hash{}})
	if err != nil {
		return err
	}
	if root != earlier.Root {
		return fmt.Errorf("%w: its first %d events were others", ErrTampered, earlier.Size)
	}
	return nil
}

// Kept reads the checkpoints in a file outside the database, in their order. A
// file that does not exist has none. Lines that a crash has cut short are left
// out; a whole line that this log did not sign is ErrTampered.
func (l *Log) Kept(file string) ([]Checkpoint, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the kept checkpoints: %w", err)
	}
	defer f.Close()
	var list []Checkpoint
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 0, 4096), 64<<10)
	for n := 1; lines.Scan(); n++ {
		var line keptLine
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		c, err := l.open(line.Checkpoint)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d of %s: %w", ErrTampered, n, filepath.Base(file), err)
		}
		list = append(list, c)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the kept checkpoints: %w", err)
	}
	return list, nil
}

func appendLine(file string, line keptLine) error {
	raw, err := json.Marshal(line)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if end > 0 { // a line that a crash has cut short gets its end, so that this one stands alone
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			raw = append([]byte{'\n'}, raw...)
		}
	}
	if _, err := f.Write(append(raw, '\n')); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
