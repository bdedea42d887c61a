package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/keyfile"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/secret"
)

// What rekey itself signs in as is renewed like everybody else's, with two
// differences (SAFETY F33): the new credential is proved by reading the directory
// with it, and the consumer that has to move is rekey, by a start that worked.

// ourReference begins the reference of rekey as a consumer: rekey:writer.
const ourReference = "rekey:"

// ourselves are the applications that rekey signs in as, and the files that their
// credentials come from.
func ourselves(c Config, ring *secret.Keyring) (ourOwn, *keyfile.Vault) {
	files := &keyfile.Vault{Files: map[string]string{}, Values: ring.Values}
	list, loaded := map[inventory.ClientID]rotation.Own{}, map[string]string{}
	for key, i := range map[string]Identity{"reader": c.Reader, "writer": c.Writer} {
		if i.ClientID == "" {
			continue
		}
		own := rotation.Own{Consumer: rotation.Use{Consumer: "rekey itself, as " + key, Reference: ourReference + key}}
		if name, path := i.file(); path != "" {
			own.Place = inventory.Place{Vault: keyfile.Name, Name: key + "." + name}
			files.Files[own.Place.Name] = path
			if d, err := files.Get(context.Background(), own.Place.Name); err == nil {
				loaded[key] = d.Version
				d.Value.Zero()
			}
		}
		list[inventory.ClientID(strings.ToLower(i.ClientID))] = own
	}
	return ourOwn{list, loaded}, files
}

// ourOwn are our own identities, and which version of its file each has read at
// the start of this process.
type ourOwn struct {
	list   map[inventory.ClientID]rotation.Own
	loaded map[string]string
}

// file is the configuration key and the path that an identity's credential comes from.
func (i Identity) file() (name, path string) {
	if i.CertificateFile != "" {
		return "certificateFile", i.CertificateFile
	}
	return "clientSecretFile", i.ClientSecretFile
}

func (d *Daemon) own() map[inventory.ClientID]rotation.Own {
	if d.around == nil {
		return nil
	}
	return d.around.own.list
}

// ownVerifier proves our own credentials by reading the directory with them.
type ownVerifier struct {
	*entra.Directory
	own map[inventory.ClientID]rotation.Own
}

var _ connector.Verifier = (*ownVerifier)(nil)

func (v *ownVerifier) SignIn(ctx context.Context, holder inventory.Application, value secret.Value) error {
	if _, ours := v.own[holder.ClientID]; ours {
		return v.Proves(ctx, holder, value)
	}
	return v.Directory.SignIn(ctx, holder, value)
}

// ourself is rekey as a consumer of its own credential.
type ourself struct {
	daemon *Daemon
	key    string // reader or writer
}

// Tell has nothing to do: a person starts rekey again.
func (o *ourself) Tell(context.Context, connector.Change) error { return nil }

// Moved is true when this process has read the new value at its start, and so signs
// in with it, and reads the directory now.
func (o *ourself) Moved(ctx context.Context, c connector.Change) (connector.Moved, error) {
	d := o.daemon
	if d.around.own.loaded[o.key] != c.Place.Version {
		return connector.Moved{
			Why:    "was started with the old one, and still signs in with it",
			Person: "whoever runs rekey, to start it again (every replica)", Wait: time.Minute,
		}, nil
	}
	client := d.around.graphReader
	if o.key == "writer" {
		client = d.around.graphWriter
	}
	var page struct{}
	if err := client.Get(ctx, "/v1.0/applications?$top=1&$select=id", &page); err != nil {
		return connector.Moved{}, fmt.Errorf("rekey was started with the new credential, and cannot read the directory: %w", err)
	}
	return connector.Moved{Yes: true, Proof: "was started with the new one, and reads the directory"}, nil
}
