package detect

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// microsoftStrings are connection strings and assignments whose key carries no
// mark: what stands around it tells.
var microsoftStrings = []Detector{
	{ID: "azure-connection-string-account-key", Name: "Account key in a connection string (Storage, Cosmos DB, Tables)", Issuer: "Azure", Class: Likely, Fold: true, Anchors: []string{"AccountKey="}, Edge: EdgeNone, Advice: adviceVault,
		Pattern: `(?i:AccountKey=)([A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{43}=)`, Yes: []string{"DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey={b86}==;EndpointSuffix=core.windows.net", "AccountEndpoint=https://x.documents.azure.com:443/;AccountKey={b86}==;"},
		No: []string{"AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==", "AccountKey=<key>"}},
	{ID: "azure-connection-string-shared-access-key", Name: "Shared access key in a connection string (Service Bus, Event Hubs, Relay, IoT)", Issuer: "Azure", Class: Likely, Fold: true, Anchors: []string{"SharedAccessKey="}, Edge: EdgeNone, Advice: adviceVault,
		Pattern: `(?i:SharedAccessKey=)([A-Za-z0-9+/]{43}=)`, Yes: []string{"Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={b43}=", "HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey={b43}="}, No: []string{"SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true", "SharedAccessKey={b20}"}},
	{ID: "azure-app-configuration-string", Name: "App Configuration connection string", Issuer: "Azure App Configuration", Class: Likely, Fold: true, Anchors: []string{".azconfig.io;Id="}, Edge: EdgeNone, Advice: adviceVault,
		Pattern: `(?i:\.azconfig\.io;Id=)[^;\s]{4,60};(?i:Secret=)([A-Za-z0-9+/]{40,86}={0,2})`, Yes: []string{"Endpoint=https://contoso.azconfig.io;Id=ab-l0-s0:{a20};Secret={b43}="}, No: []string{"Endpoint=https://contoso.azconfig.io;Id=x;Secret=<secret>"}},
	{ID: "azure-web-pubsub-string", Name: "SignalR or Web PubSub connection string", Issuer: "Azure SignalR Service", Class: Likely, Fold: true, Anchors: []string{".signalr.net;AccessKey=", ".webpubsub.azure.com;AccessKey=", ".communication.azure.com/;AccessKey="}, Edge: EdgeNone, Advice: adviceVault,
		Pattern: `[^\s"']{4,40}?(?i:AccessKey=)([A-Za-z0-9+/]{40,86}={0,2})`, Yes: []string{"Endpoint=https://contoso.service.signalr.net;AccessKey={b43}=;Version=1.0;", "Endpoint=https://contoso.webpubsub.azure.com;AccessKey={b43}=;"}, No: []string{"Endpoint=https://contoso.service.signalr.net;AccessKey=<key>;"}},
	{ID: "azure-redis-string", Name: "Redis connection string", Issuer: "Azure Cache for Redis", Class: Likely, Fold: true, Anchors: []string{".redis.cache.windows.net:6380,password=", ".redis.cache.windows.net,password=", ".redisenterprise.cache.azure.net:10000,password="}, Edge: EdgeNone, Advice: adviceVault,
		Pattern: `[^,\s]{4,60},(?i:password=)([A-Za-z0-9+/]{43}=)`, Yes: []string{"contoso.redis.cache.windows.net:6380,password={b43}=,ssl=True"}, No: []string{"contoso.redis.cache.windows.net:6380,password=,ssl=True"}},
	{ID: "azure-application-insights", Name: "Application Insights instrumentation key", Issuer: "Azure Monitor", Class: Possible, Fold: true, Anchors: []string{"InstrumentationKey="}, Edge: EdgeDash,
		Pattern: `(?i:InstrumentationKey=)([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})`, Yes: []string{"InstrumentationKey={guid};IngestionEndpoint=https://westeurope-1.in.applicationinsights.azure.com/"}, No: []string{"InstrumentationKey=00000000-0000-0000-0000-000000000000"}},
	{ID: "dataverse-connection-string", Name: "Dataverse or Dynamics connection string with a client secret", Issuer: "Microsoft Dataverse", Class: Likely, Fold: true, Anchors: []string{"AuthType=ClientSecret"}, Window: 700, Edge: EdgeNone, Advice: adviceVault,
		Pattern: `(?i:AuthType=ClientSecret)[^"'\n<]{0,400}?(?i:ClientSecret=|Secret=)['"]?([^;"'\s<]{8,80})`, Yes: []string{"AuthType=ClientSecret;Url=https://contoso.crm4.dynamics.com;ClientId={guid};ClientSecret={w34};"}, No: []string{"AuthType=ClientSecret;Url=https://x.crm.dynamics.com;ClientId={guid};ClientSecret=<secret>"}},
	{ID: "dynamics-connection-string-password", Name: "Dynamics connection string with a password", Issuer: "Microsoft Dynamics 365", Class: Likely, Fold: true, Anchors: []string{"AuthType=Office365", "AuthType=OAuth", "AuthType=IFD", "AuthType=AD;"}, Window: 700, Edge: EdgeNone,
		Pattern: `(?i:AuthType=)[^"'\n<]{0,400}?(?i:Password=)([^;"'\s<]{5,80})`, Entropy: 1.5, Yes: []string{"AuthType=Office365;Username=svc@contoso.com;Password={a9}!7;Url=https://contoso.crm4.dynamics.com"}, No: []string{"AuthType=Office365;Username=a;Password=*****;Url=https://x"}},
	{ID: "sql-connection-string", Name: "Password in a database connection string", Issuer: "SQL Server and others", Class: Likely, Fold: true, Anchors: []string{"Password=", "Pwd="}, Find: findSQL, Advice: "sign in to the database with a managed identity (Authentication=Active Directory Managed Identity)",
		Yes: []string{"Server=tcp:contoso.database.windows.net,1433;Initial Catalog=db;User ID=app;Password={a9}!4x;Encrypt=True;", "Data Source=db01;User Id=sa;Pwd={a8}#2;", "Driver={ODBC};Server=x;Uid=a;Pwd={a9}!;"}, No: []string{"Server=x;User Id=a;Password=${PASS};", "Server=x;Integrated Security=true;", "user=a&password={a8}"}},
	{ID: "arm-client-secret", Name: "Client secret beside its name", Issuer: "Microsoft Entra ID", Class: Likely, Words: []string{"ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET", "client_secret", "clientsecret", "client-secret", "AppSecret", "app_secret", "ida:ClientSecret", "clientkey", "AadSecret", "aadclientsecret", "spn_secret", "servicePrincipalKey", "servicePrincipalPassword"}, Advice: adviceVault, Shape: Shape{Set: "x", Min: 32, Max: 64},
		Check: checkEntraLegacy, Yes: []string{`AZURE_CLIENT_SECRET={a10}.{a12}~{a10}`, `"clientSecret": "{a33}_"`, `<add key="ida:ClientSecret" value="{b43}=" />`}, No: []string{`client_secret = "my-client-secret-for-this-application"`, `clientSecret: {guid}`}},
	{ID: "flow-http-secret", Name: "Secret in the authentication of an HTTP action", Issuer: "Microsoft Entra ID", Class: Likely, Fold: true, Anchors: []string{"ActiveDirectoryOAuth"}, Find: findFlowSecret, Advice: "use an environment variable of type secret (Key Vault) and secure inputs",
		Yes: []string{`"authentication":{"type":"ActiveDirectoryOAuth","tenant":"{guid}","audience":"https://x","clientId":"{guid}","secret":"{w34}"}`, `{\"type\":\"ActiveDirectoryOAuth\",\"secret\":\"{a36}\"}`}, No: []string{`"type":"ActiveDirectoryOAuth","secret":"@parameters('secret')"`}},
	{ID: "publish-profile", Name: "Password of a publish profile", Issuer: "Azure App Service", Class: Likely, Anchors: []string{"userPWD="}, Edge: EdgeNone, Pattern: `userPWD=\\?["']([A-Za-z0-9]{40,64})`, Yes: []string{`userName="$site" userPWD="{a60}"`}, No: []string{`userPWD="..."`}},
	{ID: "event-grid-header", Name: "Event Grid key in a header", Issuer: "Azure Event Grid", Class: Likely, Words: []string{"aeg-sas-key"}, Shape: Shape{Set: "b", Min: 43, Max: 88, Strong: true}, Yes: []string{"aeg-sas-key: {b43}="}, No: []string{"aeg-sas-key: <key>"}},
	{ID: "azure-subscription-key", Name: "Subscription key of Azure AI services or API Management", Issuer: "Azure", Class: Likely, Words: []string{"Ocp-Apim-Subscription-Key", "ocp_apim_subscription_key", "subscription-key", "subscriptionkey", "subscription_key", "cognitive", "speech_key", "speechkey", "translator_key", "AZURE_OPENAI", "azureopenai", "openai_api_key", "text_analytics", "luis", "qnamaker", "bing_"}, Shape: Shape{Set: "h", Min: 32, Max: 32}, Yes: []string{"Ocp-Apim-Subscription-Key: {h32}", `"speechKey": "{h32}"`, "AZURE_OPENAI_API_KEY={h32}"}, No: []string{"luisAppId: {h32}"}},
	{ID: "azure-functions-legacy-key", Name: "Functions key in a header", Issuer: "Azure Functions", Class: Likely, Words: []string{"x-functions-key", "functions_key", "functionkey", "function_key"}, Shape: Shape{Set: "x", Min: 40, Max: 64, Strong: true}, Yes: []string{"x-functions-key: {a54}=="}, No: []string{"x-functions-key: $key"}},
	{ID: "dynamics-fo-secret", Name: "AAD secret in an F&O configuration", Issuer: "Microsoft Dynamics 365 Finance", Class: Likely, Words: []string{"Aad.Secret", "Infrastructure.S2SSecret", "KeyVaultSecret", "AzureStorage.StorageConnectionString", "DataAccess.SqlPwd", "DataAccess.Password", "GraphAPIServicePrincipalKey"}, Shape: Shape{Set: "x", Min: 12, Max: 100, Strong: true}, Yes: []string{`<add key="DataAccess.SqlPwd" value="{a16}7" />`, `<add key="GraphAPIServicePrincipalKey" value="{b43}=" />`}, No: []string{`<add key="DataAccess.SqlPwd" value="" />`}},
	{ID: "teams-bot-password", Name: "Bot password", Issuer: "Azure Bot Service", Class: Likely, Words: []string{"MicrosoftAppPassword", "MICROSOFT_APP_PASSWORD", "BotPassword", "BOT_PASSWORD", "SECRET_BOT_PASSWORD"}, Shape: Shape{Set: "x", Min: 16, Max: 64, Strong: true}, Yes: []string{`"MicrosoftAppPassword": "{a34}9"`}, No: []string{`"MicrosoftAppPassword": ""`}},
	{ID: "power-bi-embed-secret", Name: "Direct Line or web channel secret", Issuer: "Azure Bot Service", Class: Likely, Words: []string{"directline", "direct_line"}, Shape: Shape{Set: "x", Min: 43, Max: 90}, Yes: []string{`DIRECTLINE_SECRET={a11}.{a43}`}, No: []string{`directLineSecret=""`}},
	{ID: "storage-account-key-named", Name: "Storage or Cosmos key beside its name", Issuer: "Azure", Class: Likely, Words: []string{"storage", "accountkey", "account_key", "account-key", "cosmos", "documentdb", "AZURE_STORAGE_KEY", "batch", "primarykey", "primary_key", "secondarykey", "authkey", "auth_key", "masterkey", "master_key", "sharedkey", "workspacekey", "workspace_key"}, Shape: Shape{Set: "b", Min: 88, Max: 88}, Advice: adviceVault, Yes: []string{`STORAGE_KEY = "{b86}=="`, `"primaryKey": "{b86}=="`}, No: []string{`storageKey = "{b40}=="`}},
	{ID: "automation-webhook", Name: "Azure Automation webhook", Issuer: "Azure Automation", Class: Likely, Fold: true, Anchors: []string{".azure-automation.net/webhooks?token="}, Edge: EdgeNone, Pattern: `.{0,3}azure-automation\.net/webhooks\?token=([A-Za-z0-9%+/]{40,80}(?:=|%3[dD])?)`, Yes: []string{"https://s1events.azure-automation.net/webhooks?token={a44}%3d"}, No: []string{"https://s1events.azure-automation.net/webhooks?token=<token>"}},
	{ID: "power-platform-dlp-shared-key", Name: "Shared key of a custom connector", Issuer: "Power Platform", Class: Likely, Words: []string{"ZUMO-API-KEY", "x-ms-apim-tokens", "zumo-auth"}, Shape: Shape{Set: "x", Min: 20, Max: 200, Strong: true}, Yes: []string{"ZUMO-API-KEY: {a32}"}, No: []string{"ZUMO-API-KEY: xxx"}},
	{ID: "vsts-ssh-nuget", Name: "Password of a package source", Issuer: "NuGet", Class: Likely, Fold: true, Anchors: []string{"ClearTextPassword"}, Edge: EdgeNone, Pattern: `(?i:ClearTextPassword)"?\s{1,3}value\s?=\s?"([^"<>\s]{8,120})"`, Yes: []string{`<add key="ClearTextPassword" value="{a52}" />`}, No: []string{`<add key="ClearTextPassword" value="%NUGET_TOKEN%" />`}},
	{ID: "machine-key", Name: "machineKey of ASP.NET", Issuer: "ASP.NET", Class: Likely, Words: []string{"validationKey", "decryptionKey"}, Shape: Shape{Set: "h", Min: 40, Max: 128, Strong: true}, Yes: []string{`<machineKey validationKey="{H128}" decryptionKey="{H48}" />`}, No: []string{`<machineKey validationKey="AutoGenerate,IsolateApps" />`}},
}

func checkEntraLegacy(m *Match) {
	t := look(m.Value)
	if len(m.Value) < 32 || t.kinds() < 3 && !onlyHex(m.Value) || guid(m.Value) {
		m.Class = None
	}
}

// findSQL reads a password of a connection string that also names a server or a user.
func findSQL(in *Input, at int) (Match, bool) {
	data := in.Data
	if !in.Text || at == 0 || classOf[data[at-1]]&word != 0 {
		return Match{}, false
	}
	start := at + bytes.IndexByte(data[at:], '=') + 1
	end := start
	for end < len(data) && end-start < 128 && data[end] != ';' && data[end] != '"' && data[end] != '\n' && data[end] != '\r' && data[end] != '<' && data[end] != ' ' && data[end] != '&' && data[end] != '`' {
		end++
	}
	if data[at-1] != ';' && (end == len(data) || data[end] != ';') {
		return Match{}, false
	}
	v := bytes.Trim(data[start:end], `'\`)
	if len(v) < 4 || Placeholder(v) || typeName(v) || bytes.ContainsAny(v, "(){}") || v[0] == '@' || v[0] == '$' || v[0] == '%' || bytes.HasPrefix(v, []byte("\"+")) {
		return Match{}, false
	}
	around := bytes.ToLower(data[max(0, at-300):min(len(data), end+200)])
	line := around
	if !bytes.Contains(line, []byte(";")) {
		return Match{}, false
	}
	server, user := false, false
	for _, w := range []string{"server=", "data source=", "datasource=", "host=", "address=", "dsn=", "driver=", "addr=", "initial catalog=", "database="} {
		server = server || bytes.Contains(line, []byte(w))
	}
	for _, w := range []string{"user id=", "userid=", "uid=", "username=", "user=", "user name="} {
		user = user || bytes.Contains(line, []byte(w))
	}
	if !server || !user {
		return Match{}, false
	}
	class := Likely
	if wordy(v) || Entropy(v) < 2.3 || wontMatter(in.Path) {
		class = Possible
	}
	s := bytes.Index(data[start:end], v) + start
	return Match{Start: s, End: s + len(v), Class: class}, true
}

// findFlowSecret looks for the secret or password near the type of an HTTP
// action's authentication object.
func findFlowSecret(in *Input, at int) (Match, bool) {
	to := min(len(in.Data), at+1200)
	from := max(0, at-800)
	for _, window := range [][2]int{{at, to}, {from, at}} {
		part := in.Data[window[0]:window[1]]
		i := bytes.Index(part, []byte(`secret`))
		for i >= 0 {
			p, ok := assigned(in.Data, window[0]+i, window[0]+i+6)
			if ok && p.quoted && string(in.Data[p.nameStart:p.nameEnd]) == "secret" {
				v := in.Data[p.start:p.end]
				if len(v) >= 8 && !Placeholder(v) && v[0] != '@' {
					return Match{Start: p.start, End: p.end, Class: Likely}, true
				}
			}
			next := bytes.Index(part[i+6:], []byte(`secret`))
			if next < 0 {
				break
			}
			i += 6 + next
		}
	}
	return Match{}, false
}

// microsoftUrls are addresses that are secrets: who has one can call.
var microsoftUrls = []Detector{
	{ID: "power-automate-trigger-url", Name: "Trigger URL of a flow", Issuer: "Power Automate", Class: Certain, Anchors: []string{".environment.api.powerplatform.com"}, Find: findSignedURL, Advice: "let the trigger ask for a sign-in (who can trigger the flow), and make a new URL",
		Yes: []string{"https://{h30}.{h2}.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/{h32}/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={w43}"}, No: []string{"https://x.environment.api.powerplatform.com/powerautomate/", "https://a.aa.environment.api.powerplatform.com/workflows/{h32}/triggers/manual/paths/invoke?sig=<sig>"}},
	{ID: "logic-apps-trigger-url", Name: "Trigger or callback URL of a logic app or flow", Issuer: "Azure Logic Apps", Class: Certain, Anchors: []string{".logic.azure.com", ".logic.azure.us"}, Find: findSignedURL, Advice: "ask for a sign-in with an authorization policy, and make a new URL",
		Yes: []string{"https://prod-12.westeurope.logic.azure.com:443/workflows/{h32}/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={w43}"}, No: []string{"https://prod-12.westeurope.logic.azure.com:443/workflows/{h32}/triggers/manual/paths/invoke?api-version=2016-10-01"}},
	{ID: "teams-webhook", Name: "Incoming webhook of Teams", Issuer: "Microsoft Teams", Class: Certain, Anchors: []string{".webhook.office.com/webhookb2/", "outlook.office.com/webhook/", "outlook.office365.com/webhook/"}, Edge: EdgeNone,
		Pattern: `[a-z0-9./]{10,40}/webhook(?:b2)?/[0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/([0-9a-f]{32})/[0-9a-f-]{36}`, Yes: []string{"https://contoso.webhook.office.com/webhookb2/{guid}@{guid}/IncomingWebhook/{h32}/{guid}"}, No: []string{"https://contoso.webhook.office.com/webhookb2/xxx"}},
	{ID: "azure-sas", Name: "Shared access signature", Issuer: "Azure", Class: Likely, Anchors: []string{"sig="}, Find: findSAS, Advice: "give out user-delegation signatures that end soon, or let the caller sign in",
		Yes: []string{"https://contoso.blob.core.windows.net/c/b?sv=2022-11-02&st=2026-01-01T00%3A00%3A00Z&se=2036-01-01T00%3A00%3A00Z&sr=b&sp=r&sig={a42}%3D", "SharedAccessSignature sr=https%3a%2f%2fcontoso.servicebus.windows.net&sig={a42}%3d&se=2098988000&skn=Root", "?sv=2019-12-12&ss=b&srt=sco&sp=rwdl&se=2099-02-02T00:00:00Z&sig={a43}="}, No: []string{"?sig=abc", "sig={a42}%3D", "sv=2020-01-01&sig=<signature>"}},
	{ID: "functions-url-code", Name: "Functions URL with its key", Issuer: "Azure Functions", Class: Likely, Anchors: []string{".azurewebsites.net/"}, Edge: EdgeNone, Pattern: `\.azurewebsites\.net/[^\s"'<>]{1,120}[?&](?:amp;)?code=([A-Za-z0-9_/=%-]{32,120})`, Yes: []string{"https://contoso.azurewebsites.net/api/orders?code={a54}=="}, No: []string{"https://contoso.azurewebsites.net/api/orders?code=<key>"}},
}

// findSignedURL reads the signature of a trigger's URL.
func findSignedURL(in *Input, at int) (Match, bool) {
	end := at
	for end < len(in.Data) && end-at < 1200 && urlByte(in.Data[end]) {
		end++
	}
	rest := in.Data[at:end]
	if !bytes.Contains(rest, []byte("/paths/invoke")) && !bytes.Contains(rest, []byte("/triggers/")) && !bytes.Contains(rest, []byte("/runs/")) {
		return Match{}, false
	}
	i := bytes.Index(rest, []byte("sig="))
	if i < 0 {
		return Match{}, false
	}
	start := at + i + 4
	stop := start
	for stop < end && (classOf[in.Data[stop]]&(word|dash) != 0 || in.Data[stop] == '%') {
		stop++
	}
	if n := stop - start; n < 40 || n > 100 || Entropy(in.Data[start:stop]) < 3.2 {
		return Match{}, false
	}
	return Match{Start: start, End: stop, Class: Certain}, true
}

func urlByte(c byte) bool {
	return c > ' ' && c != '"' && c != '\'' && c != '<' && c != '>' && c != '`' && c != '\\' && c < 0x7f
}

// findSAS reads a signature together with the fields around it.
func findSAS(in *Input, at int) (Match, bool) {
	data := in.Data
	if at == 0 || classOf[data[at-1]]&alnum != 0 && !bytes.HasSuffix(data[:at], []byte("u0026")) && !escapeEnds(data, at) {
		return Match{}, false
	}
	start, end := at+4, at+4
	for end < len(data) && end-start < 140 && (classOf[data[end]]&(word|dash|plus) != 0 || data[end] == '%' || data[end] == '=') {
		end++
	}
	v := data[start:end]
	if len(v) < 43 || Placeholder(v) || Entropy(v) < 3.2 {
		return Match{}, false
	}
	from, to := at, end
	for from > 0 && at-from < 700 && urlByte(data[from-1]) {
		from--
	}
	for to < len(data) && to-end < 500 && urlByte(data[to]) {
		to++
	}
	around := string(data[max(0, from-25):to])
	around = strings.ReplaceAll(strings.ReplaceAll(around, "&amp;", "&"), `\u0026`, "&")
	q := func(key string) string {
		for _, sep := range []string{"&", "?", " ", ";", "\"", "'"} {
			if _, rest, ok := strings.Cut(around, sep+key+"="); ok {
				val, _, _ := strings.Cut(rest, "&")
				if u, err := url.QueryUnescape(val); err == nil {
					return u
				}
				return val
			}
		}
		return ""
	}
	if q("sv") == "" && !(q("sr") != "" && q("se") != "") {
		return Match{}, false
	}
	if strings.Contains(around, "/paths/invoke") {
		return Match{}, false // the trigger URL's own detector says more
	}
	m := Match{Start: start, End: end, Class: Certain}
	if wontMatter(in.Path) {
		m.Class = Possible
	}
	if sp := q("sp"); sp != "" && len(sp) < 40 {
		m.Add("rights", sp)
	}
	if q("skoid") != "" {
		m.Add("kind", "user delegation")
	}
	if ends, ok := sasEnd(q("se")); ok {
		m.Add("ends", ends.UTC().Format(time.DateOnly))
		if ends.Before(time.Now()) {
			m.Class = Possible
			m.Add("state", "expired")
		}
	}
	return m, true
}

func sasEnd(se string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z", time.DateOnly} {
		if t, err := time.Parse(layout, se); err == nil {
			return t, true
		}
	}
	if n, err := strconv.ParseInt(se, 10, 64); err == nil && n > 1e9 {
		return time.Unix(n, 0), true
	}
	return time.Time{}, false
}
