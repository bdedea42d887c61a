package daemon

import (
	"context"
	"slices"
	"strings"

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
		p.Vaults = append(p.Vaults, diagnosis.Vault{Host: vaultHost(v.Name), ReadValues: v.ReadValues, Pairs: c.Rotation.VaultPairs})
	}
	for _, b := range c.Bindings {
		if id, ok := strings.CutPrefix(b.Reference, "app:"); ok && !slices.Contains(p.Sites, id) {
			p.Sites = append(p.Sites, id)
		}
	}
	return p
}

// self is one of our own identities, without the tenant and the wire.
func self(i Identity) azure.Config {
	return azure.Config{Client: i.ClientID, Secret: i.ClientSecret, CertificateFile: i.CertificateFile}
}

// renewable lists what has a credential that rekey should be able to renew:
// applications and service principals with a client secret, and resources with
// access keys.
func (d *Daemon) renewable(ctx context.Context) ([]inventory.Application, error) {
	var list []inventory.Application
	seen := map[inventory.ObjectID]bool{}
	for _, q := range []inventory.Query{
		{Kind: inventory.ClientSecret, Holder: inventory.InApplications}, {Kind: inventory.ClientSecret, Holder: inventory.InServicePrincipals},
		{Kind: inventory.AccessKey, Holder: inventory.InResources},
	} {
		q.Limit = 1000
		for more := true; more; more = q.After != "" {
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
			q.After = page.Next
		}
	}
	return list, nil
}
