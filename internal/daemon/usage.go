package daemon

import (
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rbac"
	"rekey.example/rekey/internal/review"
	"rekey.example/rekey/internal/usage"
)

// newMeter knows how credentials are used: it learns from the trail.
func (d *Daemon) newMeter() *usage.Meter { return &usage.Meter{Store: d.store, Log: d.log} }

// reviewer tells what applications may do, as our reader sees it; nil if no tenant is
// configured.
func (d *Daemon) reviewer() (*review.Reviewer, error) {
	if d.around == nil {
		return nil, nil
	}
	azure, err := d.around.manager(d.around.reader)
	if err != nil {
		return nil, err
	}
	return &review.Reviewer{Directory: &entra.Reach{Graph: d.around.graphReader}, Azure: &rbac.Reader{ARM: azure}, Tenant: d.around.tenant}, nil
}
