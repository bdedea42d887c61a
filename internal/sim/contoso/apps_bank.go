package contoso

// bankApps are those that sign in with a certificate because the other side
// insists.
func bankApps() []app {
	return []app{
		{
			name: "D365_Danske_PaymentFiles", description: "Sends payment files to Danske Bank.", reference: "INT-0702",
			owners: []string{"omar", "marta"}, ours: true, age: 640, tags: []string{"finance", "critical"},
			certificates: []certificate{{subject: "danske-payments.contoso.com", ends: 8, life: 365, vault: finance, place: "danske-payments-certificate",
				pfx: true, consumer: "Payment files to Danske Bank"}},
		},
		{
			name: "D365_Tulli_CustomsDeclarations", description: "Customs declarations of the Finnish warehouse.", reference: "INT-1188",
			owners: []string{"tomasz"}, ours: true, age: 410, tags: []string{"integration"},
			certificates: []certificate{{subject: "tulli-customs.contoso.com", ends: 10, life: 365, vault: prod, place: "tulli-customs-key-pair",
				pasted: true, consumer: "Customs declarations to Tulli"}},
		},
	}
}
