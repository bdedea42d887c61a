// Package keyfile plays vault over the files that rekey's own credentials are
// configured in, so that these can be renewed like everybody else's.
//
// A file is replaced whole: written beside, synced, renamed. Its version is a
// keyed hash of what it holds, so whoever edits it by hand makes a new version.
// What a vault keeps beside a value stands in a second file, name.rekey, which
// holds no secret.
package keyfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/secret"
)

// Name is the vault's name in an inventory.Place.
const Name = "file"

// Vault are the files by the names of their configuration keys, such as
// writer.clientSecretFile. Others are neither read nor written.
type Vault struct {
	Files  map[string]string // paths
	Values *secret.Hasher
}

var _ connector.Vault = (*Vault)(nil)

// beside is what stands in name.rekey.
type beside struct {
	Version     string            `json:"version"` // that it belongs to
	Expires     time.Time         `json:"expires,omitzero"`
	ContentType string            `json:"contentType,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

const largest = 1 << 20

// Get returns what the file holds now.
func (v *Vault) Get(_ context.Context, name string) (connector.Deposit, error) {
	path, ok := v.Files[name]
	if !ok {
		return connector.Deposit{}, fmt.Errorf("no file is configured as %q: %w", name, connector.ErrNotFound)
	}
	raw, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return connector.Deposit{}, fmt.Errorf("file of %s: %w", name, connector.ErrNotFound)
	}
	if err != nil {
		return connector.Deposit{}, fmt.Errorf("cannot read the file of %s: %w", name, err)
	}
	defer clear(raw)
	d := connector.Deposit{Value: secret.New(strings.TrimSpace(string(raw)))}
	d.Version = v.Values.Fingerprint(d.Value)
	if raw, err := read(path + ".rekey"); err == nil {
		var b beside
		if json.Unmarshal(raw, &b) == nil && b.Version == d.Version {
			d.Expires, d.ContentType, d.Tags = b.Expires, b.ContentType, b.Tags
		}
	}
	return d, nil
}

// Put replaces what the file holds. Nothing was changed if it fails, or all.
func (v *Vault) Put(_ context.Context, name string, d connector.Deposit) (string, error) {
	path, ok := v.Files[name]
	if !ok {
		return "", fmt.Errorf("no file is configured as %q: %w", name, connector.ErrNotApplied)
	}
	b := beside{Version: v.Values.Fingerprint(d.Value), Expires: d.Expires, ContentType: d.ContentType, Tags: d.Tags}
	text, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("cannot write beside the file of %s: %w", name, err)
	}
	if err := secret.WriteFile(path+".rekey", text); err != nil { // first: alone it says nothing
		return "", fmt.Errorf("cannot write beside the file of %s: %w", name, errors.Join(connector.ErrNotApplied, err))
	}
	value := []byte(d.Value.Reveal())
	defer clear(value)
	if err := secret.WriteFile(path, value); err != nil {
		return "", fmt.Errorf("cannot write the file of %s: %w", name, err)
	}
	return b.Version, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err == nil && len(raw) > largest {
		return nil, fmt.Errorf("it is larger than %d bytes", largest)
	}
	return raw, err
}
