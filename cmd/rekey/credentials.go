package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/daemon"
)

func credentialsCommand(s *session) *cobra.Command {
	return family("credentials", "Secrets and certificates: whose, where, until when",
		`The credentials that Entra accepts: client secrets and certificates of applications and
service principals. Values are never shown; rekey does not keep them.`,
		credentialsList(s), credentialsShow(s), credentialsUse(s))
}

var kinds = []string{"clientSecret", "certificate", "samlSigning", "accessKey", "federated"}

func credentialsList(s *session) *cobra.Command {
	var q api.ListCredentialsParams
	var kind string
	var limit int
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List credentials, the first to end first",
		Long: `Lists credentials, the first to end first. Filters add up.

What breaks is who is known to use a credential: from the consumer tag of its vault
entry and from bindings in the configuration. Last use comes from Entra's sign-in
records where the tenant has them; no record is not the same as unused.

csv and tsv carry every column; csv opens in Excel as it is.`,
		Example: `  rekey credentials list --expiring 30d
  rekey credentials list --expired -o tsv
  rekey credentials list --no-owner -o csv > no-owner.csv
  rekey credentials list --app Basware -o json --query "[].{key: keyId, days: daysLeft}"
  rekey credentials list --expiring 14d -o json | ConvertFrom-Json | Where-Object daysLeft -lt 3`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if kind != "" && !slices.Contains(kinds, kind) {
				return usage("--kind %s is not a kind of credential", kind).next("choose one of clientSecret, certificate, samlSigning, accessKey, federated")
			}
			if q.Expiring != "" {
				if _, err := daemon.ParseDuration(q.Expiring); err != nil {
					return usage("--expiring: %v", err)
				}
			}
			q.Kind = api.CredentialKind(kind)
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := take(server.Credentials(c.Context(), q), limit, s.progress(), "credential")
			if err != nil {
				return err
			}
			t := credentialTable(found)
			t.none = "No credential fits."
			return s.show(found, t)
		},
	}
	f := c.Flags()
	f.StringVar(&q.Expiring, "expiring", "", "only those still valid that end within this `TIME`: 30d, 2w, 12h")
	f.BoolVar(&q.Expired, "expired", false, "only those that have ended")
	f.StringVar(&kind, "kind", "", "only this `KIND`: clientSecret, certificate, samlSigning, accessKey, federated")
	f.StringVar(&q.App, "app", "", "only of this `APP`: part of its name, or its client id or object id")
	f.StringVar(&q.Owner, "owner", "", "only of applications of this `OWNER`: part of the name or mail address, or the object id")
	f.BoolVar(&q.NoOwner, "no-owner", false, "only of applications without an owner")
	f.StringVar(&q.Vault, "vault", "", "only those whose value is known to be in this `VAULT`")
	f.StringVar(&q.UnusedFor, "unused-for", "", "only those whose last recorded sign-in is longer ago than this `TIME`, such as 180d")
	f.BoolVar(&q.Unused, "unused", false, "only those whose last recorded sign-in is more than 90 days ago")
	f.BoolVar(&q.Unmanaged, "unmanaged", false, "only those that appeared without rekey after the first sync")
	f.IntVar(&limit, "limit", 0, "at most so `MANY` (0: all)")
	_ = c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return c
}

// credentialTable has the columns of Microsoft's own export samples, and what breaks.
func credentialTable(found []api.Credential) *table {
	t := &table{columns: []column{
		{name: "app_name", title: "Application", cut: true}, {name: "app_id"}, {name: "object_id"}, {name: "holder"},
		{name: "type", title: "Type"}, {name: "label"}, {name: "key_id", title: "Key ID"},
		{name: "start"}, {name: "end", title: "Ends"}, {name: "days_left"}, {name: "state"},
		{name: "owners", title: "Owner", cut: true}, {name: "last_use"},
		{name: "vault"}, {name: "what_breaks", title: "What breaks", cut: true},
	}}
	for _, c := range found {
		t.add(c.Application.Name, c.Application.ClientID, c.Application.ObjectID, string(c.Application.Holder),
			string(c.Kind), c.Label, c.KeyID, c.Starts, c.Expires, c.DaysLeft, string(c.State),
			owners(c.Owners), c.LastUsed, several(c.Places, placeName), several(c.Consumers, consumerName))
	}
	return t
}

// placeName is VAULT/NAME, as --to takes it.
func placeName(p api.Place) string {
	return strings.TrimSuffix(p.Vault, ".vault.azure.net") + "/" + p.Name
}

func consumerName(c api.Consumer) string { return c.Consumer }

func credentialsShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "show KEY-ID",
		Short: "Everything known of one credential",
		Long: `Tells everything of one credential: its application and owners, its dates, where its
value is kept and how that is known, who uses it, what the policy says, and its rotations.`,
		Example: `  rekey credentials show 0b4f2c4e-3e3c-4d53-b8a3-6f1f2a9c7d10
  rekey credentials show 0b4f2c4e-3e3c-4d53-b8a3-6f1f2a9c7d10 -o yaml`,
		Args: takes("KEY-ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			d, err := server.Credential(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.tell(d, func(p *sheet) { tellCredential(p, d) })
		},
	}
}

func tellCredential(p *sheet, d api.CredentialDetail) {
	c := d.Credential
	p.fact("Application", "%s", d.Application.Name)
	p.fact("Client ID", "%s", d.Application.ClientID)
	p.fact("Object ID", "%s", d.Application.ObjectID)
	p.fact("Type", "%s on the %s", c.Kind, holderWords(d.Application.Holder))
	p.fact("Key ID", "%s", c.KeyID)
	p.fact("Label", "%s", c.Label)
	p.fact("Begins with", "%s", c.Hint)
	p.fact("Thumbprint", "%s", c.Thumbprint)
	p.fact("State", "%s", c.State)
	p.moment("Starts", c.Starts)
	p.moment("Ends", c.Expires)
	p.moment("Last use", c.LastUsed)
	p.fact("Owners", "%s", list(c.Owners, ownerName))
	if len(c.Owners) == 0 {
		p.fact("Owners", "none")
	}
	breaks := &table{columns: []column{{title: "Consumer", cut: true}, {title: "Gets it from", cut: true}, {title: "Known from", cut: true}}}
	for _, u := range c.Consumers {
		breaks.add(u.Consumer, u.Reference, u.Source)
	}
	p.table("What breaks when it ends", breaks)
	if len(c.Consumers) == 0 {
		p.heading("What breaks when it ends")
		p.line("Nobody is known to use it. Name them with a consumer tag on the vault entry, or under bindings in the configuration.")
	}
	places := &table{columns: []column{{title: "Vault"}, {title: "Name"}, {title: "Version"}, {title: "Known by"}}}
	for _, k := range c.Places {
		places.add(k.Vault, k.Name, k.Version, k.How)
	}
	p.table("Kept in", places)
	p.table("Findings", findingTable(d.Findings))
	p.table("Rotations", rotationTable(d.Rotations))
}

func holderWords(h api.HolderKind) string {
	if h == api.HolderKindServicePrincipals {
		return "service principal"
	}
	return "application"
}
