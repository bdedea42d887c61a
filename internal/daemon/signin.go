package daemon

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/server/signin"
	"rekey.example/rekey/internal/store"
)

// doors is how people and programs come in.
type doors struct {
	door    *access.Door
	gate    *signin.Gate
	bearers *access.Bearers
}

// openDoors prepares sign-in. Nothing is sent yet.
func (d *Daemon) openDoors() (err error) {
	c := d.config
	d.desk.Sees = d.sees
	wire, err := azure.Wire{Proxy: c.Proxy, CAFile: c.CAFile, Round: c.Round}.Transport()
	if err != nil {
		return err
	}
	d.doors.door = &access.Door{Store: d.store, Tenant: c.Tenant.ID, Idle: c.SignIn.Idle, Longest: c.SignIn.Longest, Record: d.noted}
	var trusts []access.Trust
	for _, f := range c.Federation {
		trusts = append(trusts, f.trust())
	}
	d.doors.bearers = &access.Bearers{Door: d.doors.door, Federation: access.NewFederation(c.Tenant.ID, trusts, wire)}
	at := signin.Config{Door: d.doors.door, Local: c.local(), Address: c.SignIn.Address, Logger: d.logger}
	if c.SignIn.ClientID != "" {
		e := access.EntraConfig{Tenant: c.Tenant.ID, ClientID: c.SignIn.ClientID, Secret: c.SignIn.ClientSecret, Front: c.SignIn.Front, Wire: wire}
		if c.SignIn.CertificateFile != "" {
			if err := certified(&e, c.SignIn.CertificateFile); err != nil {
				return err
			}
		}
		at.Entra = access.NewEntra(e)
		d.doors.bearers.Entra = at.Entra
	}
	d.doors.gate, err = signin.New(at)
	return err
}

func certified(e *access.EntraConfig, file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("cannot read the certificate of signIn: %w", err)
	}
	certificates, key, err := azidentity.ParseCertificates(raw, nil)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok || len(certificates) == 0 {
		return fmt.Errorf("cannot read the certificate of signIn: %s holds no certificate with its private key", file)
	}
	e.Certificate, e.Key = certificates[0], signer
	return nil
}

// noted writes what happens at the door into the audit log.
func (d *Daemon) noted(tx *store.Tx, what access.Deed) error {
	outcome := audit.Done
	if what.Refused {
		outcome = audit.Refused
	}
	e := audit.By(what.By, what.Action, what.Subject, outcome)
	e.Title, e.Detail = what.Title, what.Detail
	return d.log.Record(tx, e)
}

// SetupToken is the one-time token with which the first person sets up their
// sign-in; zero if people do not sign in here, or somebody has already.
func (d *Daemon) SetupToken(ctx context.Context) (token secret.Value, ends time.Time, err error) {
	if !d.config.local() {
		return token, ends, nil
	}
	return d.doors.door.SetupToken(ctx, d.operator().Person)
}

// tidyDoors forgets sessions that ended long ago.
func (d *Daemon) tidyDoors(ctx context.Context) {
	if err := d.doors.door.Tidy(ctx); err != nil && ctx.Err() == nil {
		d.logger.Warn("cannot forget old sessions", "error", err.Error())
	}
}

// sees reports whether somebody may know of a rotation.
func (d *Daemon) sees(ctx context.Context, by access.Actor, id string) (bool, error) {
	_, err := d.rotations.Get(ctx, by, id)
	if errors.Is(err, rotation.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
