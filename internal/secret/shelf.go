package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Shelf is where the keyring is kept. It is of no use without the master key.
type Shelf interface {
	// Load returns what is kept; its error is fs.ErrNotExist if that is nothing.
	Load(ctx context.Context) ([]byte, error)
	// Swap puts next in the place of old, nil meaning nothing, whole or not at
	// all. Its error is ErrMoved if something else than old is there.
	Swap(ctx context.Context, old, next []byte) error
	// Shared reports whether other processes may change it while this one runs.
	Shared() bool
}

// ErrMoved means that another process has changed the keyring meanwhile.
var ErrMoved = errors.New("another process has changed the keyring meanwhile; do it again")

// KeyringFile is the keyring's name in the data folder.
const KeyringFile = "keyring.json"

// FileShelf keeps the keyring in a data folder. Whoever uses it holds the
// folder's lock, so that nobody else writes.
type FileShelf struct{ Folder string }

func (f FileShelf) file() string { return filepath.Join(f.Folder, KeyringFile) }

// Load reads the file.
func (f FileShelf) Load(context.Context) ([]byte, error) {
	return readLimited(f.file(), maxKeyring)
}

// Swap replaces the file.
func (f FileShelf) Swap(ctx context.Context, old, next []byte) error {
	now, err := f.Load(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !bytes.Equal(now, old) {
		return ErrMoved
	}
	return WriteFile(f.file(), next)
}

// make makes the folder.
func (f FileShelf) make() error {
	if err := os.MkdirAll(f.Folder, 0o700); err != nil {
		return fmt.Errorf("cannot make the data folder: %w", err)
	}
	return nil
}

// Shared is false: the data folder belongs to one process.
func (f FileShelf) Shared() bool { return false }

// readLimited reads a file that has at most limit bytes.
func readLimited(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	return raw, err
}

// WriteFile writes a file that only its owner may read, whole or not at all:
// a temporary file, synced, renamed, its folder synced.
func WriteFile(name string, data []byte) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, ".new-*") // CreateTemp uses mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return rename(f.Name(), name)
}

// rename puts a file in the place of another, for good.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
