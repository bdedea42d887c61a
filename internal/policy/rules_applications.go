package policy

import (
	"fmt"
	"strings"

	"rekey.example/rekey/internal/inventory"
)

var owner = Rule{
	Code: "owner", Title: "Nobody, or only one person, answers for an application", Severity: High,
	Why:  "Nobody is warned before its credentials end, nobody can say what will break, and nobody may renew them.",
	Cure: "Make two people owners who know what the application is for.",
	application: func(j *judge, h *inventory.Holding) {
		if h.Holder != inventory.InApplications {
			return
		}
		people := 0
		for _, o := range h.Owners {
			if o.Kind == "user" {
				people++
			}
		}
		f := Finding{Application: h.ObjectID, Title: h.Name}
		alive := 0
		for i := range h.Credentials {
			if living(&h.Credentials[i], j.now) {
				alive++
			}
		}
		switch {
		case people >= max(j.Owners, 1):
			return
		case people > 0 && alive == 0:
			return
		case people > 0:
			f.Severity = Low
			f.Reason = fmt.Sprintf("It has %s and %s; %d owners are wanted.", count(people, "owner"), count(alive, "credential"), j.Owners)
			f.Cure = "Make a second person an owner, for the time when the first is away or has left."
		case alive == 0:
			f.Severity = Low
			f.Reason = "It has no owner, and no credential that lives."
			f.Cure = "If nobody misses it, delete it; otherwise give it an owner."
		case len(h.Owners) > 0:
			f.Reason = fmt.Sprintf("It has %s, and its owners are programs: no person.", count(alive, "credential"))
		default:
			f.Reason = fmt.Sprintf("It has %s and no owner.", count(alive, "credential"))
		}
		j.find(f)
	},
	Examples: []Example{
		{Says: "no owner, a secret in use", Application: owned(0, holding(secret(-10, 300))), Finds: "1 credential and no owner", Is: High},
		{Says: "one owner", Application: owned(1, holding(secret(-10, 300))), Finds: "2 owners are wanted", Is: Low},
		{Says: "two owners", Application: owned(2, holding(secret(-10, 300)))},
		{Says: "no owner and nothing that lives", Application: owned(0, holding(secret(-400, -40))), Finds: "no credential that lives", Is: Low},
		{Says: "one owner and nothing that lives", Application: owned(1, holding())},
		{Says: "owned by a program", Application: ownedByProgram(holding(secret(-10, 300))), Finds: "no person", Is: High},
		{Says: "one owner is enough here", Application: owned(1, holding(secret(-10, 300))), Config: func(c *Config) { c.Owners = 1 }},
		{Says: "a service principal has its owners at the application", Application: principal(owned(0, holding(secret(-10, 300))))},
	},
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var name = Rule{
	Code: "name", Title: "A name does not keep to the convention", Severity: Low,
	Why:  "From its name alone people should see what an application connects, and for what; at three in the morning they have nothing else.",
	Cure: "Rename the application in its branding settings; its ids stay, so nothing that signs in notices.",
	application: func(j *judge, h *inventory.Holding) {
		if h.Holder != inventory.InApplications || !ours(h) {
			return
		}
		for _, e := range j.exempt {
			if e.MatchString(h.Name) {
				return
			}
		}
		trial := j.naming.try(h.Name, hints(h)...)
		if trial.OK {
			return
		}
		f := Finding{Application: h.ObjectID, Title: h.Name, Reason: strings.Join(trial.Problems, " ")}
		if trial.Suggestion != "" {
			f.Reason += " Better: " + trial.Suggestion
		}
		j.find(f)
	},
	Examples: []Example{
		{Says: "system, party and purpose", Application: named("D365_Basware_InvoiceExport")},
		{Says: "with its environment", Application: named("SFTP_Nordea_BankPayments_Prod")},
		{Says: "without purpose", Application: named("DocuSign-D365"), Finds: "Better: D365_DocuSign_{purpose}", Is: Low},
		{Says: "the vault tells the purpose", Application: named("DocuSign-D365", "docusign-contracts-secret"), Finds: "Better: D365_DocuSign_Contracts", Is: Low},
		{Says: "the environment in place of the purpose", Application: named("AzureDevOps_ServiceConnection_Prod"), Finds: `"Prod" is an environment`, Is: Low},
		{Says: "nothing but noise", Application: named("test"), Finds: "says neither", Is: Low},
		{Says: "exempt", Application: named("P2P Server"), Config: func(c *Config) { c.Naming.Exempt = []string{"p2p*"} }},
		{Says: "an expression of one's own", Application: named("app-0042"), Config: func(c *Config) { c.Naming.Expression = `app-\d{4}` }},
		{Says: "against an expression of one's own", Application: named("D365_Basware_InvoiceExport"), Config: func(c *Config) { c.Naming.Expression = `app-\d{4}` }, Finds: "does not match", Is: Low},
		{Says: "a system that is not on the list", Application: named("Foo_Basware_InvoiceExport"), Config: func(c *Config) { c.Naming.Systems = []string{"D365", "BC"} }, Finds: `"Foo" is none of the systems`, Is: Low},
	},
}

// hints are further texts that may tell what an application is for.
func hints(h *inventory.Holding) (list []string) {
	for _, c := range h.Credentials {
		for _, p := range c.Places {
			list = append(list, p.Place.Name)
		}
	}
	return list
}

var unmanaged = Rule{
	Code: "unmanaged", Title: "A credential appeared without rekey", Severity: Medium,
	Why:  "Somebody made it by hand, or somebody has got in: attackers add a credential to an application to come back.",
	Cure: "Ask in the directory's audit log who made it. If it is meant to be, acknowledge this and renew it with rekey from now on; if not, remove it at once.",
	application: func(j *judge, h *inventory.Holding) {
		for i := range h.Credentials {
			if c := &h.Credentials[i]; !c.Appeared.IsZero() && living(c, j.now) && ours(h) {
				f := about(h, c)
				f.Reason = fmt.Sprintf("It was first seen on %s, and rekey did not make it.", date(c.Appeared))
				j.find(f)
			}
		}
	},
	Examples: []Example{
		{Says: "appeared last week", Application: holding(appeared(7, secret(-7, 300))), Finds: "22 February 2026", Is: Medium},
		{Says: "was there from the beginning, or is our own", Application: holding(secret(-7, 300))},
		{Says: "has ended since", Application: holding(appeared(100, secret(-100, -1)))},
	},
}

var hiddenSecret = Rule{
	Code: "hidden-secret", Title: "A client secret is on the service principal", Severity: Medium,
	Why:  "The portal shows the secrets of the app registration only, so nobody sees this one, and those who clean up leave it.",
	Cure: "Move whatever uses it to a secret of the app registration, then remove it.",
	application: func(j *judge, h *inventory.Holding) {
		if h.Holder != inventory.InServicePrincipals || !ours(h) || h.SSO == "saml" {
			return
		}
		for i := range h.Credentials {
			if c := &h.Credentials[i]; c.Kind == inventory.ClientSecret && living(c, j.now) {
				f := about(h, c)
				f.Reason = fmt.Sprintf("It is on the service principal and valid until %s.", date(c.Expires))
				j.find(f)
			}
		}
	},
	Examples: []Example{
		{Says: "a secret on the service principal", Application: principal(holding(secret(-10, 300))), Finds: "on the service principal", Is: Medium},
		{Says: "a secret on the application", Application: holding(secret(-10, 300))},
		{Says: "it protects a SAML signing key", Application: saml(principal(holding(secret(-10, 300))))},
		{Says: "a certificate on the service principal", Application: principal(holding(certificate(-10, 300)))},
	},
}
