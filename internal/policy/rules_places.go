package policy

import (
	"fmt"
	"slices"
	"strings"

	"rekey.example/rekey/internal/inventory"
)

var vaultDate = Rule{
	Code: "vault-date", Title: "The vault says another end than the credential has", Severity: Medium,
	Why:  "Whoever watches the vault's date is warned too late, or replaces what is still good.",
	Cure: "Set the entry's expiry date to that of the credential; rekey does it with each rotation.",
	application: func(j *judge, h *inventory.Holding) {
		for i := range h.Credentials {
			c := &h.Credentials[i]
			for _, p := range c.Places {
				if c.Expires.IsZero() || p.Expires.IsZero() || p.How == "hint" || p.Expires.Sub(c.Expires).Abs() <= j.VaultDrift {
					continue
				}
				f := about(h, c)
				f.Place = p.Place.String()
				f.Reason = fmt.Sprintf("%s says %s, and the credential ends on %s.", p.Place, date(p.Expires), date(c.Expires))
				if p.Expires.After(c.Expires) && living(c, j.now) {
					f.Severity = High
				}
				j.find(f)
			}
		}
	},
	Examples: []Example{
		{Says: "the vault says later", Application: holding(kept(at("kv-contoso-prod", "basware", 200), secret(-10, 100))), Finds: "kv-contoso-prod/basware says 17 September 2026", Is: High},
		{Says: "the vault says earlier", Application: holding(kept(at("kv-contoso-prod", "basware", 50), secret(-10, 100))), Finds: "ends on", Is: Medium},
		{Says: "the same day", Application: holding(kept(at("kv-contoso-prod", "basware", 100), secret(-10, 100)))},
		{Says: "a day apart", Application: holding(kept(at("kv-contoso-prod", "basware", 101), secret(-10, 100)))},
		{Says: "the vault says nothing", Application: holding(kept(undated(at("kv-contoso-prod", "basware", 0)), secret(-10, 100)))},
		{Says: "whether it is this credential is only a guess", Application: holding(kept(guessed(at("kv-contoso-prod", "basware", 200)), secret(-10, 100)))},
	},
}

var vaultNoEnd = Rule{
	Code: "vault-no-end", Title: "A secret in a vault has no end date", Severity: Low,
	Why:  "Vaults announce what ends soon; without a date they are silent.",
	Cure: "Set the entry's expiry date to that of what it holds.",
	entry: func(j *judge, k *inventory.Kept) {
		if !k.Expires.IsZero() || !k.Enabled || k.Kind != "secret" || k.Place.Vault == inventory.Embedded {
			return
		}
		f := Finding{Place: k.Place.String(), Title: k.Place.String(), Reason: "It has no expiry date."}
		if k.Holder != "" {
			f.Severity, f.Application, f.KeyID = Medium, k.Holder, k.KeyID
			f.Reason = fmt.Sprintf("It holds a credential of %s, and has no expiry date.", k.HolderName)
			if !k.Ends.IsZero() {
				f.Reason = fmt.Sprintf("It holds a credential of %s that ends on %s, and has no expiry date.", k.HolderName, date(k.Ends))
			}
		}
		j.find(f)
	},
	Examples: []Example{
		{Says: "no date", Entry: undated(at("kv-contoso-prod", "connection-string", 0)), Finds: "no expiry date", Is: Low},
		{Says: "no date, and it holds a client secret", Entry: holds("Basware", undated(at("kv-contoso-prod", "basware", 0))), Finds: "a credential of Basware that ends on 9 June 2026", Is: Medium},
		{Says: "a date", Entry: at("kv-contoso-prod", "basware", 100)},
		{Says: "switched off", Entry: disabled(undated(at("kv-contoso-prod", "old", 0)))},
		{Says: "a certificate says its end itself", Entry: ofKind("certificate", undated(at("kv-contoso-prod", "tls", 0)))},
	},
}

var environments = Rule{
	Code: "environment", Title: "Production and the rest share a credential", Severity: High,
	Why:  "Whoever may read the test vault can then sign in to production, and a test can break it.",
	Cure: "Give each environment an application of its own, and keep its credentials in its own vault.",
	application: func(j *judge, h *inventory.Holding) {
		own := j.environment(h.Name)
		for i := range h.Credentials {
			c := &h.Credentials[i]
			if !living(c, j.now) {
				continue
			}
			seen := map[string]string{}
			for _, p := range c.Places {
				if p.How == "hint" {
					continue
				}
				env := j.environment(strings.TrimSuffix(p.Place.Vault, ".vault.azure.net"))
				if env == "" {
					env = j.environment(p.Place.Name)
				}
				if env == "" {
					continue
				}
				other, both := seen[opposite(env)]
				seen[env] = p.Place.String()
				f := about(h, c)
				switch {
				case own != "" && env != own:
					f.Place = p.Place.String()
					f.Reason = fmt.Sprintf("By its name the application is for %s, and its credential is kept in %s, for %s.", own, p.Place, env)
				case own == "" && both:
					f.Reason = fmt.Sprintf("It is kept in %s, for %s, and in %s, for %s.", other, opposite(env), p.Place, env)
				default:
					continue
				}
				j.find(f)
			}
		}
	},
	Examples: []Example{
		{Says: "a test application in the production vault", Application: titled("SFTP_Gateway_Test", holding(kept(at("kv-contoso-prod", "sftp", 100), secret(-10, 100)))), Finds: "for test and the like, and its credential is kept in kv-contoso-prod/sftp, for production", Is: High},
		{Says: "a production application in the test vault", Application: titled("SFTP_Gateway_Prod", holding(kept(at("kv-contoso-test", "sftp", 100), secret(-10, 100)))), Finds: "for production", Is: High},
		{Says: "one secret in both", Application: holding(kept(at("kv-contoso-test", "sftp", 100), kept(at("kv-contoso-prod", "sftp", 100), secret(-10, 100)))), Finds: "It is kept in", Is: High},
		{Says: "each in its own", Application: titled("SFTP_Gateway_Prod", holding(kept(at("kv-contoso-prod", "sftp", 100), secret(-10, 100))))},
		{Says: "the names say nothing", Application: holding(kept(at("kv-contoso", "sftp", 100), secret(-10, 100)))},
		{Says: "test automation is a purpose, not an environment", Application: titled("D365_RSAT_TestAutomation", holding(kept(at("kv-contoso-prod", "rsat", 100), secret(-10, 100))))},
		{Says: "words of one's own", Application: titled("Gateway live", holding(kept(at("kv-play", "sftp", 100), secret(-10, 100)))), Config: func(c *Config) { c.Environment = Environment{[]string{"live"}, []string{"play"}} }, Finds: "for production", Is: High},
	},
}

var sameValue = Rule{
	Code: "same-value", Title: "One value is kept in several places", Severity: High,
	Why:  "Whoever can read any of the places has it, and a rotation that forgets one breaks what reads there.",
	Cure: "Keep it in one place and let everything read it there, or give each user a credential of its own.",
	shared: func(j *judge, s *inventory.Shared) {
		if s.Fingerprint == "" {
			return
		}
		list := make([]string, len(s.Places))
		for i, p := range s.Places {
			list[i] = p.String()
		}
		slices.Sort(list)
		j.find(Finding{Place: list[0], Title: list[0], Reason: "The same value stands in " + enumerate(list) + "."})
	},
	Examples: []Example{
		{Says: "two vaults", Shared: inventory.Shared{Fingerprint: "f", Places: []inventory.Place{{Vault: "kv-b", Name: "x"}, {Vault: "kv-a", Name: "x"}}}, Finds: "stands in kv-a/x and kv-b/x.", Is: High},
		{Says: "a certificate is not a value", Shared: inventory.Shared{Thumbprint: "t"}},
	},
}

var sameCertificate = Rule{
	Code: "same-certificate", Title: "One certificate opens several applications", Severity: Medium,
	Why:  "Whoever has its key is all of these applications at once, and none of them can be renewed alone.",
	Cure: "Give each application a certificate of its own.",
	shared: func(j *judge, s *inventory.Shared) {
		if s.Thumbprint == "" || len(s.Holders) == 0 {
			return
		}
		var list []string
		for _, a := range s.Holders {
			list = append(list, a.Name)
		}
		slices.Sort(list)
		j.find(Finding{Place: "certificate/" + s.Thumbprint, Application: s.Holders[0].ObjectID, Title: "certificate " + s.Thumbprint, Reason: "It is accepted from " + enumerate(slices.Compact(list)) + "."})
	},
	Examples: []Example{
		{Says: "two applications", Shared: inventory.Shared{Thumbprint: "AB12", Holders: []inventory.Application{{ObjectID: "1", Name: "B"}, {ObjectID: "2", Name: "A"}}}, Finds: "accepted from A and B.", Is: Medium},
		{Says: "a value is not a certificate", Shared: inventory.Shared{Fingerprint: "f"}},
	},
}

// enumerate says a list in words, and no more of it than anyone reads.
func enumerate(list []string) string {
	const most = 6
	switch n := len(list); {
	case n == 0:
		return "nothing"
	case n == 1:
		return list[0]
	case n > most:
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), n-most)
	default:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
}
