package policy

import (
	"fmt"
	"time"

	"rekey.example/rekey/internal/inventory"
)

var endsSoon = Rule{
	Code: "ends-soon", Title: "A credential ends soon and nothing is planned", Severity: Medium,
	Why:  "When it ends unseen, whatever signs in with it stops, and the error names the vault or the login, not the date.",
	Cure: "Plan its rotation: rekey rotate.",
	application: func(j *judge, h *inventory.Holding) {
		if j.Expiry.Soon == 0 || j.planned[h.ObjectID] || !ours(h) {
			return
		}
		for i := range h.Credentials {
			c := &h.Credentials[i]
			if c.Expires.IsZero() || !living(c, j.now) || c.Expires.Sub(j.now) > j.Expiry.Soon {
				continue
			}
			f := about(h, c)
			f.Reason = fmt.Sprintf("It ends on %s, and no rotation is under way.", date(c.Expires))
			if c.Expires.Sub(j.now) <= j.Expiry.Urgent {
				f.Severity = High
			}
			if newer := successor(h, c, j.now.Add(j.Expiry.Soon)); newer != nil {
				f.Severity = Low
				f.Reason = fmt.Sprintf("It ends on %s; there is a newer %s until %s.", date(c.Expires), called(newer), date(newer.Expires))
				f.Cure = "See that everything that signs in uses the newer one, then remove this one."
			} else if c.Kind == inventory.SAMLSigning {
				f.Cure = "Renew the signing certificate in the enterprise application's single sign-on settings together with the other side; rekey does not touch these."
			}
			j.find(f)
		}
	},
	Examples: []Example{
		{Says: "a secret ends in 20 days", Application: holding(secret(-345, 20)), Finds: "It ends on 21 March 2026", Is: Medium},
		{Says: "a secret ends tomorrow", Application: holding(secret(-364, 1)), Finds: "2 March 2026", Is: High},
		{Says: "it ends tomorrow and a newer one is there", Application: holding(secret(-364, 1), secret(-3, 362)), Finds: "there is a newer client secret", Is: Low},
		{Says: "a rotation is under way", Application: holding(secret(-345, 20)), Planned: true},
		{Says: "31 days are left", Application: holding(secret(-334, 31))},
		{Says: "it has ended", Application: holding(secret(-366, -1))},
		{Says: "it has no end", Application: holding(endless())},
		{Says: "Azure renews it", Application: as("ManagedIdentity", holding(certificate(-60, 10)))},
		{Says: "the threshold is switched off", Application: holding(secret(-364, 1)), Config: func(c *Config) { c.Expiry.Soon, c.Expiry.Urgent = 0, 0 }},
	},
}

// successor is a credential of the same kind that began later and lasts.
func successor(h *inventory.Holding, c *inventory.Held, until time.Time) *inventory.Held {
	for i := range h.Credentials {
		n := &h.Credentials[i]
		if n.Kind == c.Kind && n.Starts.After(c.Starts) && !n.Expires.IsZero() && n.Expires.After(until) {
			return n
		}
	}
	return nil
}

var expired = Rule{
	Code: "expired", Title: "An expired credential is still there", Severity: Low,
	Why:  "Nobody can see from a list of dead credentials which one is meant to live. If it was the last one, whatever signed in with it has stopped.",
	Cure: "Remove it from the application.",
	application: func(j *judge, h *inventory.Holding) {
		if !ours(h) {
			return
		}
		alive := false
		for i := range h.Credentials {
			alive = alive || living(&h.Credentials[i], j.now)
		}
		for i := range h.Credentials {
			c := &h.Credentials[i]
			if living(c, j.now) {
				continue
			}
			f := about(h, c)
			switch ago := j.now.Sub(c.Expires); {
			case !alive && !j.planned[h.ObjectID] && ago <= max(j.Expiry.Leftover, day):
				f.Severity = High
				f.Reason = fmt.Sprintf("It ended on %s, and the application has no other that lives: it cannot sign in.", date(c.Expires))
				f.Cure = "If something still uses the application, renew it now: rekey rotate. If not, remove the credential."
			case j.Expiry.Leftover > 0 && ago > j.Expiry.Leftover:
				f.Reason = fmt.Sprintf("It ended on %s.", date(c.Expires))
			default:
				continue
			}
			j.find(f)
		}
	},
	Examples: []Example{
		{Says: "ended 40 days ago", Application: holding(secret(-400, -40), secret(-40, 300)), Finds: "It ended on 20 January 2026.", Is: Low},
		{Says: "the only one ended yesterday", Application: holding(secret(-366, -1)), Finds: "cannot sign in", Is: High},
		{Says: "the only one ended long ago", Application: holding(secret(-800, -400)), Finds: "It ended on", Is: Low},
		{Says: "ended yesterday, another lives", Application: holding(secret(-366, -1), secret(-10, 300))},
		{Says: "the only one ended, a rotation is under way", Application: holding(secret(-366, -1)), Planned: true},
		{Says: "lives", Application: holding(secret(-10, 300))},
	},
}

var noEnd = Rule{
	Code: "no-end", Title: "A credential never ends", Severity: High,
	Why:  "What leaks once can be used for ever.",
	Cure: "Replace it with one that ends: rekey rotate.",
	application: func(j *judge, h *inventory.Holding) {
		for i := range h.Credentials {
			c := &h.Credentials[i]
			if c.Kind == inventory.AccessKey || c.Kind == inventory.Federated {
				continue // such keys never have an end: it is made by renewing them
			}
			if c.Expires.IsZero() && ours(h) {
				f := about(h, c)
				f.Reason = "It has no end date."
				j.find(f)
			}
		}
	},
	Examples: []Example{
		{Says: "a secret without end", Application: holding(endless()), Finds: "no end date", Is: High},
		{Says: "a federated credential has no secret to leak", Application: holding(federated())},
		{Says: "the key of a resource has no end to set", Application: holding(accessKey())},
		{Says: "a secret with an end", Application: holding(secret(-10, 300))},
	},
}

// slack covers leap years, and portals that count in months.
const slack = 2 * day

var lifetime = Rule{
	Code: "lifetime", Title: "A credential is valid for too long", Severity: High,
	Why:  "The longer a value lives, the more copies of it there are, and the longer a leaked one works.",
	Cure: "Replace it with one of a shorter life: rekey rotate.",
	application: func(j *judge, h *inventory.Holding) {
		for i := range h.Credentials {
			c := &h.Credentials[i]
			if c.Starts.IsZero() || c.Expires.IsZero() || !living(c, j.now) || c.Kind == inventory.SAMLSigning || !ours(h) {
				continue
			}
			f, life := about(h, c), c.Expires.Sub(c.Starts)
			f.Reason = fmt.Sprintf("It is valid for %d days, from %s to %s; ", int(life/day), date(c.Starts), date(c.Expires))
			switch l := j.Lifetime; {
			case l.Longest > 0 && life > l.Longest+slack:
				f.Reason += fmt.Sprintf("%d are allowed.", int(l.Longest/day))
			case l.Secret > 0 && life > l.Secret+slack && c.Kind == inventory.ClientSecret:
				f.Severity = Low
				f.Reason += fmt.Sprintf("a client secret should last %d at most.", int(l.Secret/day))
			default:
				continue
			}
			j.find(f)
		}
	},
	Examples: []Example{
		{Says: "a secret of five years", Application: holding(secret(-100, 1725)), Finds: "valid for 1825 days", Is: High},
		{Says: "a secret of two years", Application: holding(secret(-100, 630)), Finds: "should last 365 at most", Is: Low},
		{Says: "a secret of a year", Application: holding(secret(-100, 266))},
		{Says: "a certificate of two years", Application: holding(certificate(-100, 630))},
		{Says: "a certificate of three years", Application: holding(certificate(-100, 995)), Finds: "730 are allowed", Is: High},
		{Says: "it has ended", Application: holding(secret(-2000, -1))},
		{Says: "two years are allowed for secrets here", Application: holding(secret(-100, 630)), Config: func(c *Config) { c.Lifetime.Secret = 730 * day }},
	},
}

var unused = Rule{
	Code: "unused", Title: "A credential is not used any more", Severity: Low,
	Why:  "What nobody uses can only be misused.",
	Cure: "Ask the owner, then remove it; with no other credential in use, disable the application first.",
	application: func(j *judge, h *inventory.Holding) {
		for i := range h.Credentials {
			c := &h.Credentials[i]
			if j.Unused == 0 || c.LastUsed.IsZero() || !living(c, j.now) || !ours(h) || j.now.Sub(c.LastUsed) <= j.Unused {
				continue
			}
			f := about(h, c)
			f.Reason = fmt.Sprintf("The last sign-in with it that is recorded was on %s.", date(c.LastUsed))
			j.find(f)
		}
	},
	Examples: []Example{
		{Says: "last used 100 days ago", Application: holding(used(100, secret(-200, 100))), Finds: "21 November 2025", Is: Low},
		{Says: "used last week", Application: holding(used(7, secret(-200, 100)))},
		{Says: "no use is recorded, which may be for want of records", Application: holding(secret(-200, 100))},
		{Says: "it has ended anyway", Application: holding(used(100, secret(-200, -1)))},
	},
}
