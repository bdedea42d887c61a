package daemon

import (
	"context"

	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/diagnosis"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// patient is this installation as the doctor looks at it.
func (d *Daemon) patient() diagnosis.Patient {
	c := d.config
	p := diagnosis.Patient{
		Data: c.Data, MasterKeyFile: c.MasterKeyFile, Tenant: c.Tenant.ID,
		Wire:   azure.Wire{Proxy: c.Proxy, CAFile: c.CAFile, Round: c.Round},
		Reader: self(c.Reader), Writer: new(self(c.Writer)), Renewable: d.renewable, Database: d.examine,
	}
	if source := d.keys.Ring.Source(); source != secret.FromFile {
		p.MasterKeyIn = source.Words()
	}
	if d.keys.Ring.Shared() {
		p.KeyringIn = "database"
	}
	for _, v := range c.Vaults {
		p.Vaults = append(p.Vaults, diagnosis.Vault{Host: vaultHost(v.Name), ReadValues: v.ReadValues})
	}
	return p
}

// self is one of our own identities, without the tenant and the wire.
func self(i Identity) azure.Config {
	return azure.Config{Client: i.ClientID, Secret: i.ClientSecret, CertificateFile: i.CertificateFile}
}

// renewable lists the applications with a client secret: those that rekey should
// be able to renew.
func (d *Daemon) renewable(ctx context.Context) ([]inventory.Application, error) {
	var list []inventory.Application
	seen := map[inventory.ObjectID]bool{}
	for q := (inventory.Query{Kind: inventory.ClientSecret, Holder: inventory.InApplications, Limit: 1000}); ; {
		page, err := d.inventory.Credentials(ctx, d.operator(), q)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Rows {
			if a := r.Application; !seen[a.ObjectID] {
				seen[a.ObjectID] = true
				list = append(list, a)
			}
		}
		if q.After = page.Next; q.After == "" {
			return list, nil
		}
	}
}
