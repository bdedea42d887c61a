package contoso

import "rekey.example/rekey/internal/sim/world"

// The credential that the demonstration begins with.
const (
	demoApp      = "D365_Basware_InvoiceExport"
	demoSecret   = "basware-invoice-export-secret"
	demoConsumer = "Invoice export to Basware"
)

// show notes the credentials that demonstrations rotate.
func (s *seeder) show(spec app, a *world.Application, sp *world.ServicePrincipal) {
	if sp == nil {
		return
	}
	d := Demo{Name: a.Name, ClientID: a.AppID, ApplicationID: a.ID, PrincipalID: sp.ID}
	switch spec.name {
	case demoApp:
		s.tenant.Demo = d.of(a.Passwords[0].KeyID, spec.secrets[0].deposits[0])
	case "D365_Danske_PaymentFiles":
		s.tenant.DemoCertificate = d.kept(a.Keys[0].KeyID, spec.certificates[0])
	case "D365_Tulli_CustomsDeclarations":
		s.tenant.DemoPEM = d.kept(a.Keys[0].KeyID, spec.certificates[0])
	case "Fabric_Gateway_OnPremises":
		s.tenant.DemoPrincipal = d.of(sp.Passwords[0].KeyID, spec.onPrincipal[0].deposits[0])
	}
}

func (d Demo) of(keyID string, place deposit) Demo {
	d.KeyID, d.Vault, d.Secret, d.Consumer = keyID, place.vault, place.name, place.consumer
	return d
}

func (d Demo) kept(keyID string, c certificate) Demo {
	d.KeyID, d.Vault, d.Secret, d.Consumer = keyID, c.vault, c.place, c.consumer
	return d
}
