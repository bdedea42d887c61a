package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/custody"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/secret"
)

// sealed are the tables that hold sealed values. One that is missing here keeps
// its old sealing keys needed without anybody noticing, so a test looks for them.
func sealed() []custody.Table {
	return []custody.Table{
		{Name: "the embedded vault", Reseal: embedded.Reseal, Using: embedded.Using},
		{Name: "the rotations' journal", Reseal: rotation.Reseal, Using: rotation.Using},
	}
}

// keyring opens the keyring: in the data folder, which belongs to this process,
// or in the database that replicas share. A new one is made for a new
// installation only: without its keyring nothing in a database opens.
func (d *Daemon) keyring(ctx context.Context) (*secret.Keyring, error) {
	var shelf secret.Shelf = secret.FileShelf{Folder: d.config.Data}
	if d.config.Database != "" {
		shelf = custody.Shelf{Store: d.store, First: shelf}
	}
	_, err := shelf.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		begun, err := audit.Begun(ctx, d.store)
		if err != nil {
			return nil, err
		}
		if begun {
			return nil, fmt.Errorf("the database has been in use, and its keyring is missing: bring %s back to %s from a backup, nothing sealed opens without it", secret.KeyringFile, d.config.Data)
		}
	}
	return secret.Open(ctx, shelf, d.config.Custody())
}

// keeper looks after the keys of a keyring.
func (d *Daemon) keeper(ring *secret.Keyring) *custody.Keeper {
	return &custody.Keeper{Ring: ring, Store: d.store, Log: d.log, Tenant: d.config.Tenant.ID, Sealed: sealed(), Logger: d.logger, Tend: d.tend}
}

// tend lets the keys be looked after. Whoever exchanges one in this process needs
// that too.
func (d *Daemon) tend() {
	d.tends.Do(func() { d.guests.admit(func() { d.keys.Run(d.looking) }) })
}

// ChangeMaster seals the keyring under another master key, as the person at this
// machine.
func (d *Daemon) ChangeMaster(ctx context.Context, to secret.Custody) error {
	return d.keys.ChangeMaster(ctx, d.operator(), to)
}

// MasterSource is where the master key comes from now.
func (d *Daemon) MasterSource() secret.Source { return d.keys.Ring.Source() }
