package daemon

import (
	"context"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// overwritten records that certificates of others were gone after the list that
// they stand in was written anew: somebody else wrote it at the same moment
// (SAFETY F46). Their key ids and names are what a person needs to bring them back.
func (d *Daemon) overwritten(a inventory.Application, lost []inventory.Credential, restored bool) {
	var ids []string
	for _, c := range lost {
		ids = append(ids, c.KeyID+" "+c.Label)
	}
	e := audit.By(access.Rekey(a.Tenant), access.CarryRotation, string(a.ObjectID), audit.Failed)
	e.Title = a.Name
	e.Detail = map[string]string{"overwritten": strings.Join(ids, ", "), "restored": fmt.Sprint(restored)}
	d.logger.Error("certificates of others were overwritten", "application", a.Name, "certificates", ids, "restored", restored)
	err := d.store.Do(context.WithoutCancel(d.acting), func(tx *store.Tx) error { return d.log.Record(tx, e) })
	if err != nil {
		d.logger.Error("cannot record that certificates of others were overwritten", "application", a.Name, "error", err.Error())
	}
}
