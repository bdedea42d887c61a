package contoso

// peopleApps are those of HR, of the intranet and of the portals.
func peopleApps() []app {
	return []app{
		{
			name: "HR_Workday_Import", description: "Joiners, movers and leavers from Workday.", reference: "HR-0031", granted: []string{"User.Read.All"},
			owners: []string{"lucia"}, ours: true, age: 830, tags: []string{"hr"},
			secrets: []secret{{label: "workday", ends: 33, life: 365, deposits: []deposit{{vault: hr, name: "workday-import-secret",
				consumer: "Import of personnel data", purpose: "Client secret of HR_Workday_Import", owner: "hr-systems@contoso.com"}}}},
		},
		{
			name: "HR_Recruiting_Portal", description: "Applicants' portal.", owners: []string{"lucia", "sofie"}, age: 560, audience: multi, tags: []string{"hr"},
			redirects: []string{"https://jobs.contoso.com/signin-oidc"},
			secrets:   []secret{{label: "portal", ends: 262, life: 730, deposits: []deposit{{vault: hr, name: "recruiting-portal-secret", consumer: "Recruiting portal"}}}},
		},
		{
			// Personal accounts are let in, so Entra allows two secrets, and both places are taken.
			name: "Contoso Customer Portal", description: "Customers sign in with work or personal accounts.", owners: []string{"sofie", "ingrid"}, ours: true, age: 1600, audience: personal,
			redirects: []string{"https://portal.contoso.com/signin-oidc", "https://portal-uat.contoso.com/signin-oidc"},
			secrets: []secret{
				{label: "portal 2", ends: 41, life: 365, deposits: []deposit{{vault: prod, name: "customer-portal-secret", consumer: "Customer portal",
					purpose: "Client secret of Contoso Customer Portal", owner: "web@contoso.com", before: 1}}},
				{label: "portal", ends: -4, life: 365, unused: 45},
			},
		},
		{
			name: "Contoso Intranet", description: "Intranet with people search.", owners: []string{"sofie"}, age: 2150, granted: []string{"User.Read.All", "Sites.Read.All"},
			redirects: []string{"https://intranet.contoso.com/.auth/login/aad/callback"},
			secrets: []secret{{label: "App Service authentication", ends: 157, life: 730, deposits: []deposit{{vault: prod, name: "intranet-auth-secret",
				consumer: "Intranet sign-in", owner: "web@contoso.com"}}}},
			onPrincipal: []secret{{label: "added by script", ends: 64, life: 365, unused: 0}},
		},
		{
			name: "Intranet_Search_Indexer", description: "", owners: []string{"sofie"}, age: 1120, granted: []string{"Sites.Read.All", "Files.Read.All"},
			secrets: []secret{{label: "indexer", ends: 512, life: 731, unused: 214}},
		},
		{name: "Mobile Expenses", description: "Public client, no credentials.", owners: []string{"claire"}, age: 930, redirects: []string{"msauth.com.contoso.expenses://auth"}},
	}
}
