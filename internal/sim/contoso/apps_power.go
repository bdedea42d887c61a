package contoso

// powerApps are those of Power Platform, Dataverse and Azure DevOps.
func powerApps() []app {
	dataverse := []permission{{"dataverse", "user_impersonation"}}
	return []app{
		{
			name: "PowerAutomate_InvoiceApproval", description: "Approval flows of purchase invoices.", reference: "PP-0201",
			owners: []string{"aisha", "claire"}, ours: true, age: 640, requires: dataverse, tags: []string{"power-platform"},
			secrets: []secret{{label: "flow connection", ends: 14, life: 180, deposits: []deposit{{vault: prod, name: "pa-invoice-approval-secret",
				consumer: "Invoice approval flows", purpose: "Client secret of PowerAutomate_InvoiceApproval", owner: "power-platform@contoso.com", before: 2}}}},
		},
		{
			name: "PowerAutomate_CustomerOnboarding", description: "Creates customers after the credit check.", reference: "PP-0214",
			owners: []string{"aisha"}, ours: true, age: 380, requires: dataverse, tags: []string{"power-platform"},
			secrets: []secret{{label: "onboarding", ends: 88, life: 180, unused: 2, deposits: []deposit{{vault: prod, name: "pa-customer-onboarding-secret",
				consumer: "Customer onboarding flow", purpose: "Client secret of PowerAutomate_CustomerOnboarding", owner: "power-platform@contoso.com"}}}},
		},
		{
			name: "PowerPlatform_ALM_Pipelines", description: "Imports solutions into test and production.",
			owners: []string{"aisha", "nora"}, ours: true, age: 810, requires: dataverse, tags: []string{"power-platform", "deployment"},
			secrets: []secret{
				{label: "Azure DevOps - build agents", ends: 28, life: 365, unused: 1, deposits: []deposit{{vault: prod, name: "pp-alm-pipelines-secret",
					consumer: "Solution deployment", purpose: "Client secret of PowerPlatform_ALM_Pipelines", owner: "power-platform@contoso.com"}}},
				{label: "my laptop", ends: 205, life: 730, unused: 188},
			},
		},
		{
			name: "Dataverse_CustomerSync", description: "Customers between Dataverse and the web shop.", owners: []string{"ingrid", "gunnar"}, ours: true, age: 1050, requires: dataverse,
			secrets: []secret{{label: "sync", ends: 133, life: 365, deposits: []deposit{{vault: prod, name: "dataverse-customer-sync-secret",
				consumer: "Customer synchronization", purpose: "Client secret of Dataverse_CustomerSync", owner: "sales-ops@contoso.com", apart: -30}}}},
		},
		{
			name: "Dataverse_Export_Synapse", description: "Incremental export to the data lake.", owners: []string{"rashid"}, ours: true, age: 520, requires: dataverse,
			secrets: []secret{{label: "synapse", ends: 310, life: 365, deposits: []deposit{{vault: prod, name: "dataverse-export-secret",
				consumer: "Export to the data lake", purpose: "Client secret of Dataverse_Export_Synapse", owner: "data-platform@contoso.com"}}}},
		},
		{
			name: "AzureDevOps_ServiceConnection_Prod", description: "Deploys the production subscriptions.", owners: []string{"tomasz"}, ours: true, age: 1700, tags: []string{"deployment", "critical"},
			secrets: []secret{{label: "Azure DevOps", ends: 9, life: 90, deposits: []deposit{{vault: prod, name: "azdo-prod-secret",
				consumer: "Production deployments", purpose: "Client secret of AzureDevOps_ServiceConnection_Prod", owner: "platform@contoso.com", before: 4}}}},
		},
		{
			name: "AzureDevOps_ServiceConnection_Test", description: "Deploys the test subscriptions.", owners: []string{"tomasz"}, age: 1690, tags: []string{"deployment", "test"},
			secrets: []secret{
				{label: "Azure DevOps", ends: 71, life: 90, unused: 1, deposits: []deposit{{vault: test, name: "azdo-test-secret", consumer: "Test deployments"}}},
				{label: "Azure DevOps", ends: -19, life: 90, unused: 20},
			},
		},
	}
}
