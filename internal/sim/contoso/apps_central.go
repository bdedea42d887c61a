package contoso

// centralApps are those around Business Central and the partner platforms.
func centralApps() []app {
	bc := []permission{{"central", "API.ReadWrite.All"}}
	return []app{
		{
			name: "BC_Shopify_WebOrders", description: "Web shop orders into Business Central.", reference: "INT-1140",
			owners: []string{"daniel", "ingrid"}, ours: true, age: 470, requires: bc, tags: []string{"integration"},
			secrets: []secret{{label: "shopify", ends: 45, life: 365, deposits: []deposit{{vault: prod, name: "bc-shopify-orders-secret",
				consumer: "Web shop orders", purpose: "Client secret of BC_Shopify_WebOrders", owner: "sales-ops@contoso.com"}}}},
		},
		{
			name: "BC_Continia_DocumentCapture", description: "Scanned invoices of the subsidiaries.",
			owners: []string{"daniel"}, ours: true, age: 900, requires: bc, tags: []string{"integration"},
			secrets: []secret{{label: "continia", ends: 75, life: 365, deposits: []deposit{{vault: prod, name: "bc-document-capture-secret",
				consumer: "Scanned invoices", purpose: "Client secret of BC_Continia_DocumentCapture", owner: "finance-systems@contoso.com"}}}},
		},
		{
			name: "BC_Sandbox_Test", description: "Sandbox only.", owners: []string{"daniel", "contractor"}, age: 760, requires: bc, tags: []string{"test"},
			secrets: []secret{
				{label: "sandbox", ends: -95, life: 180, unused: 96, deposits: []deposit{{vault: test, name: "bc-sandbox-secret", consumer: "Business Central sandbox", untagged: true}}},
				{label: "old", ends: -410, life: 365, unused: 411},
			},
		},
		{
			name: "DocuSign_Connect_Listener", description: "Receives envelope events.", owners: []string{"priya"}, ours: true, age: 1400,
			uris: []string{"api://docusign-connect"},
			secrets: []secret{{label: "listener", ends: 118, life: 365, deposits: []deposit{{vault: prod, name: "docusign-connect-secret",
				consumer: "Envelope events", purpose: "Client secret of DocuSign_Connect_Listener", owner: "integration@contoso.com"}}}},
		},
		{
			name: "CreditSafe_Monitoring_Feed", description: "Daily changes of ratings.", owners: []string{"marta"}, ours: true, age: 350,
			secrets: []secret{{label: "feed", ends: 284, life: 365, unused: 1, deposits: []deposit{{vault: finance, name: "creditsafe-feed-secret",
				consumer: "Ratings feed", purpose: "Client secret of CreditSafe_Monitoring_Feed", owner: "finance-systems@contoso.com"}}}},
		},
		{
			name: "SFTP_Gateway_Prod", description: "The gateway in front of the partners' SFTP servers.", reference: "INT-0077",
			owners: []string{"tomasz", "priya"}, ours: true, age: 2300, tags: []string{"integration", "critical"},
			secrets: []secret{{label: "gateway", ends: 97, life: 180, deposits: []deposit{{vault: prod, name: "sftp-gateway-secret",
				consumer: "SFTP gateway", purpose: "Client secret of SFTP_Gateway_Prod", owner: "platform@contoso.com", before: 3}}}},
			certificates: []certificate{{subject: "sftp-gateway.contoso.com", ends: 52, life: 365, vault: prod, place: "sftp-gateway-certificate"}},
		},
		{
			name: "SFTP_Gateway_Test", description: "The same, for test.", owners: []string{"tomasz"}, ours: true, age: 2290, tags: []string{"test"},
			secrets: []secret{{label: "gateway test", ends: 34, life: 180, unused: 5, deposits: []deposit{{vault: test, name: "sftp-gateway-secret",
				consumer: "SFTP gateway (test)", purpose: "Client secret of SFTP_Gateway_Test", owner: "platform@contoso.com"}}}},
		},
		{
			name: "Nordea_BankStatements", description: "Fetches account statements; the bank accepts certificates only.",
			owners: []string{"omar"}, ours: true, age: 700, tags: []string{"finance", "critical"},
			certificates: []certificate{
				{subject: "nordea-statements.contoso.com", ends: 25, life: 365, vault: finance, place: "nordea-statements-certificate"},
				{subject: "nordea-statements.contoso.com", ends: -340, life: 365, unused: 341},
			},
		},
	}
}
