package policy

import (
	"slices"
	"strings"
	"unicode"
)

// What people call the systems that Dynamics and Power Platform tenants connect,
// and what the convention calls them. Longer spellings come first.
var systemNames = []struct{ says, is string }{
	{"dynamics 365 finance and operations", "D365"}, {"dynamics 365 finance", "D365"}, {"dynamics 365 business central", "BC"},
	{"dynamics 365", "D365"}, {"finance and operations", "D365"}, {"business central", "BC"}, {"power automate", "PowerAutomate"},
	{"power apps", "PowerApps"}, {"power platform", "PowerPlatform"}, {"power bi", "PowerBI"}, {"azure devops", "AzureDevOps"},
	{"share point", "SharePoint"}, {"d365", "D365"}, {"d365fo", "D365"}, {"finops", "D365"}, {"fno", "D365"}, {"bc", "BC"}, {"navision", "BC"},
	{"nav", "BC"}, {"dataverse", "Dataverse"}, {"cds", "Dataverse"}, {"powerautomate", "PowerAutomate"}, {"powerapps", "PowerApps"},
	{"powerplatform", "PowerPlatform"}, {"powerbi", "PowerBI"}, {"pbi", "PowerBI"}, {"azuredevops", "AzureDevOps"}, {"azdo", "AzureDevOps"},
	{"sharepoint", "SharePoint"}, {"fabric", "Fabric"}, {"sap", "SAP"}, {"crm", "CRM"}, {"erp", "ERP"}, {"hr", "HR"}, {"wms", "WMS"},
	{"tms", "TMS"}, {"mes", "MES"}, {"sftp", "SFTP"}, {"intranet", "Intranet"}, {"terraform", "Terraform"}, {"monitoring", "Monitoring"},
}

// Environments as names spell them.
var environmentWords = map[string]string{
	"prod": "Prod", "prd": "Prod", "test": "Test", "tst": "Test", "uat": "UAT", "acc": "UAT", "dev": "Dev", "development": "Dev",
	"qa": "QA", "sandbox": "Sandbox", "sbx": "Sandbox", "stage": "Staging", "staging": "Staging", "preprod": "Staging",
}

// environmentNames are the spellings that names keep to.
func environmentNames() []string {
	return []string{"Prod", "Test", "UAT", "Dev", "QA", "Sandbox", "Staging"}
}

func canonicalEnvironment(word string) string { return environmentWords[strings.ToLower(word)] }

// noise says nothing about what an application is for.
var noise = setOf("app", "application", "registration", "new", "copy", "of", "the", "a", "for", "and", "from", "to", "in", "on", "with", "via", "my", "first", "old", "alt", "temp",
	"tmp", "delete", "me", "do", "not", "script", "poc", "demo", "client", "secret", "key", "id", "sp", "spn", "service", "principal",
	"account", "user", "legacy", "disabled", "asdf", "foo", "bar", "kv", "credential", "password", "pwd")

// doing are words that say what for; beside them stands who with.
var doing = setOf("export", "exports", "import", "imports", "sync", "synchronization", "integration", "interface", "invoice", "invoices",
	"payment", "payments", "contract", "contracts", "statement", "statements", "order", "orders", "report", "reports", "reporting",
	"tracking", "backup", "alerts", "deployment", "search", "archive", "label", "labels", "printing", "employees", "payroll", "prices",
	"feed", "listener", "connector", "gateway", "portal", "check", "signing", "approval", "approvals", "onboarding", "migration",
	"automation", "customers", "vendors", "tickets", "forecast", "returns", "monitoring", "expenses", "logs", "scanners", "journal", "tax")

func setOf(words ...string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}

// read takes a name apart into what the convention knows: system, party, purpose
// and environment. What it cannot tell is missing.
func read(name string) map[string]string {
	known := map[string]string{}
	words := split(name)
	words = takeSystem(words, known)
	var rest []string
	for _, w := range words {
		low := strings.ToLower(w)
		switch env := environmentWords[low]; {
		case env != "":
			known["environment"] = env
		case !noise[low] && strings.ContainsFunc(w, unicode.IsLetter):
			rest = append(rest, w)
		}
	}
	at := slices.IndexFunc(rest, says)
	switch {
	case len(rest) == 0:
	case at < 0 && len(rest) == 1:
		known["party"] = title(rest[0])
	case at < 0:
		known["party"], known["purpose"] = title(rest[0]), join(rest[1:])
	case at == 0: // only a purpose, or a purpose before the party: "Invoice export Basware"
		end := 1
		for end < len(rest) && says(rest[end]) {
			end++
		}
		known["purpose"] = join(rest[:end])
		if end < len(rest) {
			known["party"] = join(rest[end:])
		}
	default:
		known["party"], known["purpose"] = join(rest[:at]), join(rest[at:])
	}
	return known
}

// addHint fills in what the name left open from the name of a place.
func addHint(known map[string]string, hint string) {
	for word, value := range read(hint) {
		if known[word] == "" && word != "environment" && !slices.ContainsFunc([]string{known["system"], known["party"]}, func(s string) bool { return strings.EqualFold(s, value) }) {
			known[word] = value
		}
	}
}

// says reports whether a word, or the last word inside it, says what for.
func says(w string) bool {
	parts := camel(w)
	return doing[strings.ToLower(parts[len(parts)-1])]
}

// takeSystem finds the system, by its longest spelling, and takes its words out.
func takeSystem(words []string, known map[string]string) []string {
	for _, s := range systemNames {
		spelled := strings.Fields(s.says)
		for i := 0; i+len(spelled) <= len(words); i++ {
			if slices.EqualFunc(words[i:i+len(spelled)], spelled, strings.EqualFold) {
				known["system"] = s.is
				return slices.Concat(words[:i], words[i+len(spelled):])
			}
		}
	}
	return words
}

// split cuts a name where neither letter nor digit stands, and spells it with
// the letters that every system takes.
func split(name string) []string {
	return strings.FieldsFunc(plainLetters.Replace(name), func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// camel cuts InvoiceExport into Invoice and Export.
func camel(w string) (parts []string) {
	start := 0
	for i := 1; i < len(w); i++ {
		if unicode.IsUpper(rune(w[i])) && unicode.IsLower(rune(w[i-1])) {
			parts, start = append(parts, w[start:i]), i
		}
	}
	return append(parts, w[start:])
}

func join(words []string) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(title(w))
	}
	return b.String()
}

// title begins a word with a capital, and lets its other capitals be.
func title(w string) string { return strings.ToUpper(w[:1]) + w[1:] }

var plainLetters = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "å", "a", "Å", "A", "æ", "ae", "Æ", "Ae", "ø", "o", "Ø", "O",
	"á", "a", "à", "a", "â", "a", "ã", "a", "é", "e", "è", "e", "ê", "e", "ë", "e", "í", "i", "ì", "i", "î", "i", "ï", "i", "ó", "o", "ò", "o",
	"ô", "o", "õ", "o", "ú", "u", "ù", "u", "û", "u", "ç", "c", "ñ", "n", "ý", "y", "č", "c", "ć", "c", "š", "s", "ś", "s", "ž", "z", "ż", "z",
	"ź", "z", "ř", "r", "ě", "e", "ę", "e", "ą", "a", "ł", "l", "ń", "n", "ů", "u", "É", "E", "Č", "C", "Š", "S", "Ž", "Z", "Ł", "L")
