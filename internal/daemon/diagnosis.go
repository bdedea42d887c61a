package daemon

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"rekey.example/rekey/internal/diagnosis"
)

// Diagnosis is what rekey diagnose may look at besides the tenant.
type Diagnosis struct {
	Environments []Environment `help:"environments of Dynamics 365 Finance and Operations whose business event endpoints are read"`
}

// Environment is one of Finance and Operations.
type Environment struct {
	Host string `help:"host of the environment: contoso-prod.operations.dynamics.com; rekey's reader has to be listed there under Microsoft Entra applications"`
}

// environmentHost keeps the reader's token from being asked for, and sent to,
// anything but Microsoft's own domain.
var environmentHost = regexp.MustCompile(`(?i)^[0-9a-z]([0-9a-z-]{0,61}[0-9a-z])?(\.[0-9a-z-]{1,40}){0,3}\.dynamics\.com$`)

func (c *Config) checkDiagnosis() error {
	var errs []error
	for i, e := range c.Diagnosis.Environments {
		if !environmentHost.MatchString(e.Host) {
			errs = append(errs, fmt.Errorf("entry %d of diagnosis.environments: host %s is not that of an environment; write contoso-prod.operations.dynamics.com", i+1, show(e.Host)))
		}
	}
	return errors.Join(errs...)
}

// diagnosis finds broken links, for the API.
func (d *Daemon) diagnosis() *diagnosis.Service {
	s := &diagnosis.Service{Store: d.store, Log: d.log, Inventory: d.inventory, Patient: d.patient()}
	for _, e := range d.config.Diagnosis.Environments {
		s.Environments = append(s.Environments, strings.ToLower(e.Host))
	}
	return s
}
