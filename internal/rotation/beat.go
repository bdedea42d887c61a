package rotation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/secret"
)

// Beat is what an installation tells a place outside of its database: how far its
// journal had come. A database that does not hold that any more is older than the
// world, or is a copy (SAFETY F37-F39).
type Beat struct {
	Installation string    `json:"installation"`
	Instance     string    `json:"instance"` // host and data folder of the process that wrote it
	At           time.Time `json:"at"`
	Stopped      bool      `json:"stopped,omitempty"` // it has ended in order, so that another may begin
	Head         string    `json:"head"`              // signed head of the audit log, into which every change of the journal goes
}

// Beacon is a place that remembers the last beat.
type Beacon interface {
	// Name is what people read of it.
	Name() string
	// Every is how often a beat may be written there.
	Every() time.Duration
	// Read returns the last beat; its error is connector.ErrNotFound if there is none.
	Read(ctx context.Context, installation string) (Beat, error)
	Write(ctx context.Context, b Beat) error
}

// largestBeat is more than any real one.
const largestBeat = 16 << 10

func parseBeat(raw []byte) (b Beat, err error) {
	if len(raw) > largestBeat {
		return b, errors.New("it is too large for a beat")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if d.Decode(&b) != nil || b.Installation == "" {
		return Beat{}, errors.New("it holds no beat")
	}
	return b, nil
}

// FileBeacon is a file beside the database. A backup of the database alone does not
// take it along; a copy of the whole folder does, so that it is not enough.
type FileBeacon struct{ Folder string }

// BeatFile is what the file is called in a data folder.
const BeatFile = "beat.json"

func (f FileBeacon) Name() string         { return filepath.Join(f.Folder, BeatFile) }
func (f FileBeacon) Every() time.Duration { return time.Minute }

func (f FileBeacon) Read(context.Context, string) (Beat, error) {
	raw, err := os.ReadFile(f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return Beat{}, fmt.Errorf("%s: %w", f.Name(), connector.ErrNotFound)
	}
	if err != nil {
		return Beat{}, fmt.Errorf("cannot read the last beat: %w", err)
	}
	b, err := parseBeat(raw)
	if err != nil {
		return b, fmt.Errorf("cannot read %s: %w", f.Name(), err)
	}
	return b, nil
}

func (f FileBeacon) Write(_ context.Context, b Beat) error {
	raw, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot encode a beat: %w", err)
	}
	if err := secret.WriteFile(f.Name(), append(raw, '\n')); err != nil {
		return fmt.Errorf("cannot write %s: %w", f.Name(), err)
	}
	return nil
}

// VaultBeacon is an entry in a vault elsewhere. It is out of reach of whoever
// restores the database and the data folder. Each beat is a version there, so that
// there are few.
type VaultBeacon struct {
	Vault connector.Vault
	Where string // name of the vault, for people
}

func (v VaultBeacon) Name() string         { return "the vault " + v.Where }
func (v VaultBeacon) Every() time.Duration { return time.Hour }

const beatEntry = "rekey-installation-"

func entryOf(installation string) string { return beatEntry + installation }

func (v VaultBeacon) Read(ctx context.Context, installation string) (Beat, error) {
	d, err := v.Vault.Get(ctx, entryOf(installation))
	if err != nil {
		return Beat{}, fmt.Errorf("cannot read the last beat in %s: %w", v.Where, err)
	}
	defer d.Value.Zero()
	if d.Value.Len() > largestBeat {
		return Beat{}, fmt.Errorf("cannot read the last beat in %s: it is too large", v.Where)
	}
	b, err := parseBeat([]byte(d.Value.Reveal())) // no secret: it stands in a vault for being out of reach
	if err != nil {
		return b, fmt.Errorf("cannot read the last beat in %s: %w", v.Where, err)
	}
	return b, nil
}

func (v VaultBeacon) Write(ctx context.Context, b Beat) error {
	raw, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("cannot encode a beat: %w", err)
	}
	_, err = v.Vault.Put(ctx, entryOf(b.Installation), connector.Deposit{
		Value: secret.New(raw), ContentType: "application/json", Tags: map[string]string{"purpose": "beat of a rekey installation; not a secret"},
	})
	if err != nil {
		return fmt.Errorf("cannot write the beat to %s: %w", v.Where, err)
	}
	return nil
}
