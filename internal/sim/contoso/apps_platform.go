package contoso

import "time"

// platformApps are those of operations: monitoring, backup, infrastructure.
func platformApps() []app {
	return []app{
		{
			name: "Monitoring_Grafana", description: "Dashboards.", owners: []string{"viktor"}, ours: true, age: 1250, tags: []string{"monitoring"},
			secrets: []secret{{label: "grafana", ends: 690, life: 730, deposits: []deposit{{vault: prod, name: "grafana-secret",
				consumer: "Grafana data source", purpose: "Client secret of Monitoring_Grafana", owner: "operations@contoso.com"}}}},
		},
		{
			name: "Splunk_EntraAuditLogs", description: "Audit and sign-in logs to the SIEM.", owners: []string{"kenji", "viktor"}, ours: true, age: 890, granted: []string{"AuditLog.Read.All"},
			tags: []string{"monitoring", "security"},
			secrets: []secret{{label: "splunk", ends: 56, life: 180, deposits: []deposit{{vault: prod, name: "splunk-audit-logs-secret",
				consumer: "SIEM feed", purpose: "Client secret of Splunk_EntraAuditLogs", owner: "soc@contoso.com", before: 1}}}},
		},
		{
			name: "Veeam_M365_Backup", description: "Backup of mail and files.", owners: []string{"viktor"}, age: 1400, granted: []string{"Directory.Read.All", "Files.Read.All"},
			certificates: []certificate{{subject: "veeam-m365", ends: 1400, life: 3650}},
		},
		{
			name: "Terraform_Platform", description: "Replaced by federated credentials last year.", owners: []string{"tomasz"}, age: 1800, granted: []string{"Application.ReadWrite.All"},
			secrets: []secret{{label: "terraform", ends: 244, life: 730, unused: 301}},
		},
		{
			// The longest one: somebody chose the last date the old module could write.
			name: "SharePoint_Migration_Tool", description: "Migration 2022, finished.", owners: []string{"gunnar"}, age: 1500, granted: []string{"Sites.Read.All"},
			secrets: []secret{{label: "never expires", until: time.Date(2299, 12, 31, 0, 0, 0, 0, time.UTC), life: 0, unused: 640}},
		},
		{
			name: "Fabric_Gateway_OnPremises", description: "Data gateway of the factory.", owners: []string{"rashid"}, ours: true, age: 480,
			onPrincipal: []secret{{label: "gateway", ends: 11, life: 365, unused: 0, deposits: []deposit{{vault: prod, name: "fabric-gateway-secret",
				consumer: "Factory data gateway", purpose: "Secret on the service principal of Fabric_Gateway_OnPremises", owner: "data-platform@contoso.com"}}}},
		},
		{
			name: "Legacy_CRM_Connector", description: "From the year 2017; text chosen by hand.", owners: []string{"ingrid"}, age: 3200,
			secrets: []secret{{label: "CRM Key", ends: 83, life: 3650, unused: 0, legacy: true}},
		},
	}
}

// strayApps are those that every tenant has and nobody admits to.
func strayApps() []app {
	return []app{
		{name: "test", age: 1333, secrets: []secret{{label: "test", ends: 48, life: 730, unused: never}}},
		{name: "Copy of new app 2", age: 612, owners: []string{"contractor"}, secrets: []secret{{label: "secret1", ends: 208, life: 730, unused: 97}, {label: "secret1", ends: -30, life: 365, unused: never}}},
		{name: "do not delete", description: "do not delete!!", age: 2412, secrets: []secret{{label: "", ends: 11, life: 731, unused: 0}}},
		{name: "jdoe-poc-openai", age: 402, owners: []string{"john"}, secrets: []secret{{label: "poc", ends: 328, life: 730, unused: 388}}},
		{name: "New app registration", age: 77, owners: []string{"aisha"}, bare: true},
		{name: "Postman", age: 980, owners: []string{"nora", "jonas"}, redirects: []string{"https://oauth.pstmn.io/v1/callback"}, secrets: []secret{{label: "postman", ends: 5, life: 180, unused: 26}}},
		{name: "Old HR app (disabled)", age: 2890, owners: []string{"petra"}, disabled: true, secrets: []secret{{label: "hr", ends: -700, life: 730, unused: 720}}},
	}
}
