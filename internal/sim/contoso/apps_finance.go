package contoso

// financeApps are the integrations of Dynamics 365 Finance and Operations.
func financeApps() []app {
	erp := []permission{{"erp", "Connector.FullAccess"}}
	return []app{
		{
			name: demoApp, description: "Sends approved customer invoices to Basware every 15 minutes.",
			notes: "Owner team: Finance Systems. Ticket INT-1042.", reference: "INT-1042",
			owners: []string{"marta", "claire"}, ours: true, age: 1130, requires: erp, tags: []string{"integration", "finance"},
			secrets: []secret{
				{label: "basware-prod", ends: 6, life: 365, deposits: []deposit{{vault: finance, name: demoSecret, consumer: demoConsumer,
					purpose: "Client secret of " + demoApp, owner: "finance-systems@contoso.com", before: 2}}},
			},
		},
		{
			name: "D365_CreditSafe_CreditCheck", description: "Credit limit of new customers.", reference: "INT-0981",
			owners: []string{"marta"}, ours: true, age: 800, requires: erp, tags: []string{"integration", "finance"},
			secrets: []secret{
				{label: "creditsafe", ends: 1, life: 180, deposits: []deposit{{vault: finance, name: "creditsafe-credit-check-secret",
					consumer: "Credit check of new customers", purpose: "Client secret of D365_CreditSafe_CreditCheck", owner: "finance-systems@contoso.com", before: 1}}},
			},
		},
		{
			name: "D365_Avalara_TaxCalculation", description: "Tax lines of sales orders to the US.", reference: "INT-1188",
			owners: []string{"claire", "jonas"}, ours: true, age: 420, requires: erp, tags: []string{"integration", "finance"},
			secrets: []secret{
				{label: "avalara prod", ends: 3, life: 365, deposits: []deposit{{vault: finance, name: "avalara-tax-secret",
					consumer: "Tax calculation of US orders", purpose: "Client secret of D365_Avalara_TaxCalculation", owner: "finance-systems@contoso.com"}}},
			},
		},
		{
			name: "D365_DocuSign_Contracts", description: "Contracts out for signature, signed copies back.", reference: "INT-0733",
			owners: []string{"priya"}, ours: true, age: 1480, requires: erp, tags: []string{"integration"},
			secrets: []secret{
				{label: "docusign", ends: 9, life: 365, deposits: []deposit{
					{vault: prod, name: "docusign-contracts-secret", consumer: "Contract signing", purpose: "Client secret of D365_DocuSign_Contracts", owner: "integration@contoso.com"},
					{vault: finance, name: "DocuSign-D365", consumer: "Contract archive", untagged: true, undated: true},
				}},
			},
		},
		{
			name: "D365_SFTP_BankPayments", description: "Payment files to the bank's SFTP gateway, acknowledgements back.", reference: "INT-0402",
			owners: []string{"omar", "marta"}, ours: true, age: 2010, requires: erp, tags: []string{"integration", "finance", "critical"},
			secrets: []secret{
				{label: "payments", ends: 20, life: 365, deposits: []deposit{{vault: finance, name: "sftp-bank-payments-secret", apart: 180,
					consumer: "Payment files to the bank", purpose: "Client secret of D365_SFTP_BankPayments", owner: "treasury@contoso.com", before: 1}}},
			},
		},
		{
			name: "D365_Payroll_Journal", description: "Posts the payroll journal once a month.", reference: "INT-0855",
			owners: []string{"lucia", "claire"}, ours: true, age: 1210, requires: erp, tags: []string{"integration", "hr"},
			secrets: []secret{
				{label: "payroll 2026", ends: 171, life: 183, unused: 3, deposits: []deposit{{vault: finance, name: "payroll-journal-secret",
					consumer: "Monthly payroll journal", purpose: "Client secret of D365_Payroll_Journal", owner: "hr-systems@contoso.com", before: 1}}},
				{label: "payroll", ends: -12, life: 365, unused: 13},
			},
		},
		{
			name: "D365_PowerBI_FinanceReports", description: "Reads the finance entities for the month-end reports.", reference: "INT-0610",
			owners: []string{"rashid"}, ours: true, age: 960, requires: erp, tags: []string{"reporting"},
			secrets: []secret{
				{label: "powerbi", ends: 402, life: 730, deposits: []deposit{{vault: finance, name: "powerbi-finance-reports-secret",
					consumer: "Month-end reports", purpose: "Client secret of D365_PowerBI_FinanceReports", owner: "data-platform@contoso.com"}}},
			},
		},
		{
			name: "D365_Tradeshift_EdiOrders", description: "EDI orders and order responses.", reference: "INT-1255",
			owners: []string{"ingrid", "priya"}, ours: true, age: 305, requires: erp, tags: []string{"integration"},
			secrets: []secret{
				{label: "edi", ends: 61, life: 365, deposits: []deposit{{vault: prod, name: "tradeshift-edi-orders-secret",
					consumer: "EDI orders", purpose: "Client secret of D365_Tradeshift_EdiOrders", owner: "integration@contoso.com"}}},
			},
		},
		{
			name: "D365_BusinessEvents_EventGrid", description: "Reads the keys of the topics that the business events endpoint sends to.", reference: "INT-0917",
			owners: []string{"jonas", "tomasz"}, ours: true, age: 690, tags: []string{"integration"},
			requires: []permission{{"vault", "user_impersonation"}},
			secrets: []secret{
				{label: "business events", ends: 152, life: 365, deposits: []deposit{{vault: prod, name: "fno-business-events-secret",
					consumer: "Business events of Finance and Operations", purpose: "Client secret of D365_BusinessEvents_EventGrid", owner: "integration@contoso.com"}}},
			},
		},
		{
			name: "D365_DualWrite_Dataverse", description: "Dual-write between Finance and Operations and Dataverse.",
			owners: []string{"jonas"}, age: 505, requires: []permission{{"erp", "Connector.FullAccess"}, {"dataverse", "user_impersonation"}},
			secrets: []secret{{label: "dual-write", ends: 226, life: 731, deposits: []deposit{{vault: prod, name: "dualwrite-secret", consumer: "Dual-write", undated: true}}}},
		},
		{
			name: "D365_RSAT_TestAutomation", description: "Regression suite, nightly, UAT only.",
			owners: []string{"nora"}, ours: true, age: 610, requires: erp, tags: []string{"test"},
			secrets: []secret{
				{label: "rsat", ends: 38, life: 365, deposits: []deposit{{vault: test, name: "rsat-secret", consumer: "Nightly regression suite",
					purpose: "Client secret of D365_RSAT_TestAutomation", owner: "qa@contoso.com"}}},
			},
		},
		{
			name: "D365_Vendor_OnlineInvoicing", description: "Vendors upload their invoices.", reference: "INT-1301",
			owners: []string{"claire"}, ours: true, age: 220, requires: erp,
			// A production secret that somebody also put into the test vault.
			secrets: []secret{
				{label: "prod", ends: 145, life: 365, deposits: []deposit{
					{vault: prod, name: "vendor-invoicing-secret", consumer: "Vendor portal", purpose: "Client secret of D365_Vendor_OnlineInvoicing", owner: "ap@contoso.com"},
					{vault: test, name: "vendor-invoicing-secret", untagged: true, undated: true},
				}},
			},
		},
	}
}
