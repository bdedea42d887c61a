package secret

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// A master key in a file is 32 bytes in base64, readable by its owner alone, so
// that it can be kept elsewhere than the data folder and its backups.

// newSuffix is behind the name of a key that is to replace the file's: written
// before the keyring is sealed under it, and renamed after. Whoever opens a
// keyring in between finds both, and one fits.
const newSuffix = ".new"

// openFile reads the master key, and finishes a change of it that was cut short.
func openFile(file string, fits func(Master) error) (Master, error) {
	m, err := readFile(file)
	if err == nil {
		err = fits(m)
	}
	if err == nil || !errors.Is(err, ErrSealed) && !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	next, nextErr := readFile(file + newSuffix)
	if nextErr != nil || fits(next) != nil {
		return nil, err
	}
	if err := rename(file+newSuffix, file); err != nil {
		return nil, fmt.Errorf("cannot finish the change of the master key: %w", err)
	}
	return next, nil
}

func readFile(file string) (Master, error) {
	raw, err := readLimited(file, 4096)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("master key %s is missing; bring it back from where it is kept, nothing sealed opens without it: %w", file, err)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the master key: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("master key %s can be read by others (mode %04o); run: chmod 600 %s", file, info.Mode().Perm(), file)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(raw)))
	clear(raw)
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("master key %s is not 32 bytes of base64", file)
	}
	return newLocal(hold(key))
}

func makeFile(file string) (Master, error) {
	key := newKey()
	if err := WriteFile(file, []byte(base64.StdEncoding.EncodeToString(key.bytes())+"\n")); err != nil {
		return nil, fmt.Errorf("cannot write the master key: %w", err)
	}
	return newLocal(key)
}

// newKey is 32 random bytes.
func newKey() Value {
	key := make([]byte, 32)
	rand.Read(key)
	return hold(key)
}
