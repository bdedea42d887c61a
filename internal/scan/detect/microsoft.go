package detect

import (
	"bytes"
	"slices"
)

const adviceVault = "keep it in Key Vault, and let the consumer read it there with a managed identity or workload identity federation"

// microsoftKeys are the keys of Microsoft that carry a mark and most a checksum:
// they are found wherever they stand, with no word beside them.
// https://github.com/microsoft/security-utilities
var microsoftKeys = []Detector{
	{
		ID: "entra-client-secret", Name: "Entra client secret", Issuer: "Microsoft Entra ID", Class: Likely, Anchors: []string{"8Q~"}, Back: 3, Edge: EdgeNone, Entropy: -1, Advice: adviceVault,
		Pattern: `[\w.~-]{3}8Q~[\w.~-]{34}`, Check: checkEntra, Make: makeEntra,
		No: []string{"8Q~ is in the middle", "abc8Q~{w20}"},
	},
	{
		ID: "entra-client-secret-7q", Name: "Entra client secret (2021)", Issuer: "Microsoft Entra ID", Class: Likely, Anchors: []string{"7Q~"}, Back: 3, Edge: EdgeDash, Advice: adviceVault,
		Pattern: `[\w.~-]{3}7Q~[\w.~-]{31}`, Yes: []string{"{a3}7Q~{w31}", `secret="{a3}7Q~{a31}"`}, No: []string{"{a3}7Q~{a20}", "{a3}6Q~{a31}"},
	},
	cask("azure-devops-pat", "Azure DevOps personal access token", "Azure DevOps", "AZDO"),
	cask("azure-event-grid-cask", "Event Grid key", "Azure Event Grid", "AZEG"),
	cask("azure-app-configuration", "App Configuration key", "Azure App Configuration", "AZAC"),
	cask("azure-maps", "Azure Maps key", "Azure Maps", "AZMP"),
	cask("azure-communication", "Communication Services key", "Azure Communication Services", "AZCS"),
	cask("azure-fluid-relay", "Fluid Relay key", "Azure Fluid Relay", "AZFR"),
	cask("azure-mixed-reality", "Mixed Reality key", "Azure Mixed Reality", "AZMR"),
	cask("azure-sql-cask", "Azure SQL key", "Azure SQL", "MSQL"),
	cask("azure-ai-services", "Azure AI services key (OpenAI, Speech, Search, Translator, Bing)", "Azure AI services", "ACOG"),
	cask("azure-annotated-key", "Key of another Microsoft service", "Microsoft", ""),
	marked("azure-event-grid", "Event Grid access key", "Azure Event Grid", "AZEG", 33, 44, "SendRecv"),
	marked("azure-service-bus", "Service Bus shared access key", "Azure Service Bus", "+ASb", 33, 44, "Send0000", "Listen00", "Manage00", "System00", "Unknown0"),
	marked("azure-event-hubs", "Event Hubs shared access key", "Azure Event Hubs", "+AEh", 33, 44, "Send0000", "Listen00", "Manage00", "System00", "Unknown0"),
	marked("azure-relay", "Relay shared access key", "Azure Relay", "+ARm", 33, 44, "Send0000", "Listen00", "Manage00", "System00", "Unknown0"),
	marked("azure-iot", "IoT Hub, provisioning service or device key", "Azure IoT Hub", "AIoT", 33, 44, "IoTHub00", "DpsKey00", "Device00"),
	marked("azure-redis", "Azure Cache for Redis access key", "Azure Cache for Redis", "AzCa", 33, 44, "Access00"),
	marked("azure-container-registry", "Container Registry password", "Azure Container Registry", "+ACR", 42, 52, "ACRDflt0"),
	marked("azure-ai-search", "AI Search key", "Azure AI Search", "AzSe", 42, 52, "PAdmin00", "Query000"),
	marked("azure-storage-key", "Storage account key", "Azure Storage", "+ASt", 76, 88, "Default0"),
	marked("azure-cosmos-db", "Cosmos DB key", "Azure Cosmos DB", "ACDb", 76, 88, "MastRW00", "MastRO00", "SystRW00", "SystRO00", "SysAll00", "Resour00", "Encryp00"),
	marked("azure-batch", "Batch account key", "Azure Batch", "+ABa", 76, 88, "AbAcct00"),
	marked("azure-ml-classic", "Machine Learning (classic) key", "Azure Machine Learning", "+AMC", 76, 88, "Classic0"),
	marked("azure-api-management", "API Management key", "Azure API Management", "APIM", 76, 88, "Tenant00", "IoTHub00", "Gatewy00", "GitKey00"),
	marked("azure-functions", "Functions key", "Azure Functions", "AzFu", 44, 56, "Functi00", "Master00", "System00"),
	{
		ID: "azure-devops-pat-old", Name: "Azure DevOps token (until 2024)", Issuer: "Azure DevOps", Class: Certain, Find: findDevopsOld, Fold: true, Make: makeDevopsOld,
		Anchors: []string{"azure_devops", "azdo", "vsts", "devops", "_pat", "system_accesstoken", "dev.azure.com", "visualstudio.com", "\"pat\"", "patoken"},
		No:      []string{`AZDO_PAT={32:52}`, `AZDO_PAT=$(System.AccessToken)`},
	},
}

// rights tells what the seed of a key says about it.
var rights = map[string]string{
	"Send0000": "send", "Listen00": "listen", "Manage00": "manage", "System00": "system", "Unknown0": "unknown", "IoTHub00": "hub", "DpsKey00": "provisioning", "Device00": "device",
	"PAdmin00": "admin", "Query000": "query", "MastRW00": "read and write", "MastRO00": "read only", "SystRW00": "system, read and write", "SystRO00": "system, read only", "Functi00": "one function", "Master00": "host master",
	"Tenant00": "direct management", "Gatewy00": "gateway", "GitKey00": "repository", "Resour00": "resource token", "Encryp00": "encryption",
}

// marked is a base64 key with a four-character mark at a fixed place and a
// Marvin32 checksum in its last four bytes.
func marked(id, name, issuer, mark string, at, length int, seeds ...string) Detector {
	pad := map[int]string{44: "=", 88: "==", 56: "=="}[length]
	body := "[A-Za-z0-9+/_-]"
	d := Detector{
		ID: id, Name: name, Issuer: issuer, Class: Likely, Anchors: []string{mark}, Back: at, Edge: EdgeNone, Entropy: -1, Advice: adviceVault,
		Pattern: body + "{" + itoa(at) + "}" + quoteMeta(mark) + body + "{" + itoa(length-at-4-len(pad)) + "}" + pad,
		No:      []string{mark, "{a10}" + mark + "{a10}"},
	}
	d.Check = func(m *Match) {
		seed := identifiableSeed(decode64(m.Value), seeds)
		if seed == "" {
			broken(m)
			return
		}
		m.Class = Certain
		if r := rights[seed]; r != "" && (len(seeds) > 1) {
			if seed == "IoTHub00" && mark == "APIM" {
				r = "subscription"
			}
			m.Add("rights", r)
		}
	}
	d.Make = func() []string {
		var out []string
		for _, s := range seeds {
			out = append(out, Sealed(id+s, mark, at, length, s))
		}
		return out
	}
	return d
}

// broken is what a marked key becomes whose checksum does not match.
func broken(m *Match) {
	if !looksWhole(m.Value) {
		m.Class = None
		return
	}
	m.Class = Broken
	m.Add("checksum", "does not match: a fake, a typing error or a redaction")
}

// looksWhole reports whether a marked value is a key rather than a stretch of
// other base64 in which the mark stands by chance.
func looksWhole(v []byte) bool {
	return !bytes.Contains(v, []byte("....")) && Entropy(v) > 2
}

func cask(id, name, issuer, signature string) Detector {
	d := Detector{
		ID: id, Name: name, Issuer: issuer, Class: Likely, Anchors: []string{"JQQJ9"}, Edge: EdgeNone, Advice: adviceVault,
		Find: func(in *Input, at int) (Match, bool) { return findCask(in, at, signature) }, Check: checkCask, No: []string{"JQQJ99 is a mark", "{a52}JQQJ99CK{a10}"},
	}
	d.Make = func() []string { return []string{Annotated(id, signature)} }
	return d
}

// caskSignatures are those with a detector of their own.
var caskSignatures = []string{"AZDO", "AZEG", "AZAC", "AZMP", "AZCS", "AZFR", "AZMR", "MSQL", "ACOG"}

// findCask reads the 84 or 88 characters around the mark; the signature is asked
// for first, since it is what most often fails.
func findCask(in *Input, at int, signature string) (Match, bool) {
	start, end := at-52, at+32
	if start < 0 || end > len(in.Data) {
		return Match{}, false
	}
	v := in.Data[start:end]
	got := bytes.ToUpper(v[76:80])
	if signature != "" && string(got) != signature || signature == "" && slices.Contains(caskSignatures, string(got)) {
		return Match{}, false
	}
	if k := v[57]; k != '9' && k != 'D' && k != 'H' || v[59] < 'A' || v[59] > 'L' || classOf[v[76]]&(lower|upper) == 0 {
		return Match{}, false
	}
	for _, c := range v {
		if classOf[c]&alnum == 0 {
			return Match{}, false
		}
	}
	if rest := in.Data[end:]; len(rest) >= 4 && classOf[rest[0]]&alnum != 0 && classOf[rest[1]]&alnum != 0 && rest[2] == '=' && rest[3] == '=' {
		end += 4
	}
	return Match{Start: start, End: end, Class: Likely}, true
}

func checkCask(m *Match) {
	if !caskValid(m.Value) {
		broken(m)
		return
	}
	m.Class = Certain
	if y, mo := m.Value[58], m.Value[59]; y >= 'A' && y <= 'Z' && mo >= 'A' && mo <= 'L' {
		m.Add("made", itoa(2024+int(y-'A'))+"-"+string([]byte{'0' + (mo-'A'+1)/10, '0' + (mo-'A'+1)%10}))
	}
	switch m.Value[57] {
	case 'D':
		m.Add("kind", "derived key")
	case 'H':
		m.Add("kind", "hash of a key")
	}
}

func checkEntra(m *Match) {
	if entraSum(m.Value[:37]) == string(m.Value[37:]) {
		m.Class = Certain
		m.Add("hint", string(m.Value[:3]))
		return
	}
	m.Class = Broken
	m.Add("checksum", "does not match: a fake, a typing error or a redaction")
}

// findDevopsOld looks for 52 characters with the right checksum in the 200 bytes
// around a word.
func findDevopsOld(in *Input, at int) (Match, bool) {
	from, to := max(0, at-120), min(len(in.Data), at+200)
	run := 0
	for i := from; i <= to; i++ {
		if i < to && (in.Data[i] >= 'a' && in.Data[i] <= 'z' || in.Data[i] >= '2' && in.Data[i] <= '7') {
			run++
			continue
		}
		if run == 52 {
			if kind := devopsOld(in.Data[i-52 : i]); kind != "" {
				return Match{Start: i - 52, End: i, Class: Certain, Facts: []Fact{{"kind", kind}}}, true
			}
		}
		run = 0
	}
	return Match{}, false
}
