package diagnosis

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
)

const (
	guidText = `([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})`
	between  = `\s*["')\]]?\s*[:=]?\s*["']?\s*`
)

// Where each fact stands in the texts of Microsoft's services, the surer places
// first. See the reference of each in docs/reference/diagnose.md.
var (
	clientForms = forms(
		`(?i)application with identifier '`+guidText, `(?i)application '`+guidText, `(?i)secret added to app '`+guidText, `(?i)keys for app '`+guidText,
		`(?i)client application `+guidText, `(?i)client ID: '?`+guidText, `(?i)\bappid=`+guidText, `(?i)["']?\b(?:client[_ -]?id|appId|application[_ -]?id|AZURE_CLIENT_ID|client_id|app id)\b`+between+guidText,
		`(?i)service principal (?:named )?'?`+guidText, `(?i)identifier of (?:the )?application:? '?`+guidText, `(?i)the client '`+guidText, `(?i)(?:--username|-u) `+guidText)
	tenantForms = forms(
		`(?i)tenant '([^'\s]{3,120})' not found`, `(?i)login\.(?:microsoftonline\.com|windows\.net|microsoftonline\.us|partner\.microsoftonline\.cn)/([0-9a-zA-Z.\-]{3,120})`,
		`(?i)specified tenant identifier '([^']{1,120})'`, `(?i)found https://sts\.windows\.net/`+guidText, `(?i)sts\.windows\.net/`+guidText, `(?i)in the tenant `+guidText, `(?i)was not found in the directory '`+guidText,
		`(?i)["']?\b(?:tenant[_ -]?id|AZURE_TENANT_ID|tid)\b`+between+guidText, `(?i)--tenant `+guidText)
	callerForms = forms(`(?i)\boid=`+guidText, `(?i)with object id '`+guidText, `(?i)objectId`+between+guidText)
	callerApp   = forms(`(?i)\bappid=`+guidText, `(?i)the client '`+guidText)
	vaultForms  = forms(
		`(?i)key vault dns:?\s*(?:https?://)?([0-9a-zA-Z.\-]{3,100})`, `(?i)(?:https?:|//|\b)(?://)?([0-9a-zA-Z\-]{2,64}\.vaults?\.(?:azure\.net|azure\.cn|usgovcloudapi\.net))`,
		`(?i)/vaults/([0-9a-zA-Z\-]{3,24})`, `(?i)VaultName\s*=\s*([0-9a-zA-Z\-]{3,24})`, `(?i)key vault '([0-9a-zA-Z\-]{3,24})[;']`, `(?i)Vault: ([0-9a-zA-Z\-]{3,24});`, `(?i)vaultName`+between+`([0-9a-zA-Z\-]{3,24})`)
	secretForms = forms(
		`(?i)secret name:?\s*'?"?([0-9A-Za-z_.\-]{1,127})`, `(?i)retrieving secret '([^']{1,127})'`, `(?i)/secrets/([0-9A-Za-z_.\-]{1,127})`, `(?i)\(name/id\) ([0-9A-Za-z_.\-]{1,127})`, `(?i)SecretName\s*=\s*([0-9A-Za-z_.\-]{1,127})`,
		`(?i)contains an invalid name: ([^\s"',;]{1,127})`, `(?i)secretName`+between+`([0-9A-Za-z_.\-]{1,127})`, `(?i)deleted secret not found: ([0-9A-Za-z\-]{1,127})`)
	versionForms  = forms(`(?i)/secrets/[0-9A-Za-z\-]{1,127}/([0-9a-f]{32})`, `(?i)SecretVersion\s*=\s*([0-9a-f]{32})`)
	resourceForms = forms(`(?i)resource principal named (\S{3,300}?) was not found`, `(?i)resource:? '?(https://[^\s'",]{3,200})`)
	scopeForms    = forms(`(?i)input parameter 'scope' is not valid\. the scope (\S{1,300}) is not valid`, `(?i)provided value for scope (\S{1,300}) is not valid`, `(?i)scope`+between+`(https?:[^\s"'&]{3,300}|api:[^\s"'&]{3,300})`)
	envForms      = forms(`(?i)([0-9a-z\-]{2,80}(?:\.[0-9a-z\-]{2,40}){0,2}\.(?:dynamics\.com|cloudax\.dynamics\.com))`)
	topicForms    = forms(`(?i)([0-9a-z\-]{3,50}\.[0-9a-z\-]{3,40}\.eventgrid\.azure\.net)`, `(?i)([0-9a-z\-]{6,50}\.servicebus\.windows\.net)`)
	entityForms   = forms(`(?i)servicebus\.windows\.net(?::\d+)?/([0-9a-z._\-]{1,120})`, `(?i)messaging entity '[^'\n]*?/?([0-9a-z._\-]{1,120})' could not`, `(?i)(?:queue|topic) name:? '?([0-9a-z._\-]{1,120})`)
	siteForms     = forms(`(?i)(/subscriptions/[0-9a-f\-]{36}/resourceGroups/[^/\s'"]{1,90}/providers/Microsoft\.Web/sites/[0-9a-z\-]{1,60}(?:/slots/[0-9a-z\-]{1,60})?)`, `(?i)([0-9a-z\-]{2,60})\.azurewebsites\.net`, `(?i)(?:web app|function app|site|app service):? '([0-9a-z\-]{2,60})'`)
	pathForms     = forms(`(?i)(/subscriptions/[0-9a-f\-]{36}/resourceGroups/[^/\s'"]{1,90}/providers/Microsoft\.KeyVault/vaults/[0-9a-z\-]{3,24}(?:/secrets/[0-9a-z\-]{1,127})?)`)
	thumbForms    = forms(`(?i)thumbprint of key used by client: '?([0-9A-Fa-f]{40}|[0-9A-Za-z_\-]{27}=?)`, `(?i)thumbprint`+between+`([0-9A-Fa-f]{40})`)
	issuerForms   = forms(`(?i)assertion issuer:? '(https?://[^'\s]{1,300})'`, `(?i)issuer`+between+`(https://[^\s'",]{1,300})`)
	subjectForms  = forms(`(?i)assertion subject:? '([^'\n]{1,300})'`, `(?i)subject claim`+between+`([^\s'",]{1,300})`, `(?i)subject(?: identifier)?`+between+`((?:repo|system|sc|project_path):[^\s'",]{1,300})`)
	audienceForms = forms(`(?i)assertion audience:? '([^'\n]{1,300})'`, `(?i)audience`+between+`(api:[^\s'",]{1,300})`)
	addressForms  = forms(`(?i)client address: ([0-9a-fA-F.:]{3,45})`, `(?i)request from ([0-9.]{7,15})`)
	authForms     = forms(`(?i)(?:issuer|issued by|CN of issuer)\s*[:=]?\s*["']?(?:C=\w\w, ?)?(?:O=[^,\n]+, ?)?(?:CN ?= ?)?([A-Z][^"'\n,;]{2,80}?(?:CA|Root|Proxy|Authority|Gateway)[^"'\n,;]{0,30})`)
	correlation   = forms(`(?i)correlation[_ -]?id`+between+guidText, `(?i)x-ms-request-id`+between+guidText)
	timeForms     = forms(`(?i)timestamp`+between+`(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ)`, `(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z)`)
	nowForms      = forms(`(?i)current time: (\d{4}-\d\d-\d\dT[0-9:.]{8,17}Z)`)
	fromForms     = forms(`(?i)assertion valid from (\d{4}-\d\d-\d\dT[0-9:.]{8,17}Z)`)
	untilForms    = forms(`(?i)expiry time of assertion (\d{4}-\d\d-\d\dT[0-9:.]{8,17}Z)`)
)

func forms(list ...string) []*regexp.Regexp {
	out := make([]*regexp.Regexp, len(list))
	for i, f := range list {
		out[i] = regexp.MustCompile(f)
	}
	return out
}

// pick is what the first form that fits has found; in a whole log its last
// occurrence, which is nearest to what the person sees.
func pick(list []*regexp.Regexp, text string) string {
	for _, f := range list {
		if m := f.FindAllStringSubmatch(text, 500); m != nil {
			return strings.Trim(m[len(m)-1][1], `.'"`)
		}
	}
	return ""
}

// read fills in what the text says and nobody has given.
func (f *Facts) read(text string) {
	set := func(field *string, list []*regexp.Regexp) {
		if *field == "" {
			*field = pick(list, text)
		}
	}
	set(&f.Client, clientForms)
	set(&f.Tenant, tenantForms)
	set(&f.Caller, callerForms)
	set(&f.CallerApp, callerApp)
	set(&f.Vault, vaultForms)
	set(&f.Secret, secretForms)
	set(&f.Version, versionForms)
	set(&f.Resource, resourceForms)
	set(&f.Scope, scopeForms)
	set(&f.Environment, envForms)
	set(&f.Topic, topicForms)
	set(&f.Entity, entityForms)
	set(&f.Site, siteForms)
	set(&f.Path, pathForms)
	set(&f.Thumbprint, thumbForms)
	set(&f.Issuer, issuerForms)
	set(&f.Subject, subjectForms)
	set(&f.Audience, audienceForms)
	set(&f.Address, addressForms)
	set(&f.Authority, authForms)
	set(&f.Correlation, correlation)
	f.Time, f.Now, f.From, f.Until = moment(pick(timeForms, text)), moment(pick(nowForms, text)), moment(pick(fromForms, text)), moment(pick(untilForms, text))
	f.tidy()
}

// tidy brings facts into the form in which they are asked for.
func (f *Facts) tidy() {
	f.Client, f.Caller, f.CallerApp = strings.ToLower(f.Client), strings.ToLower(f.Caller), strings.ToLower(f.CallerApp)
	f.Vault = strings.ToLower(strings.TrimSuffix(f.Vault, "/"))
	if f.Vault != "" && !strings.Contains(f.Vault, ".") {
		f.Vault += vaultSpan
	}
	switch strings.ToLower(f.Tenant) {
	case "common", "organizations", "consumers", "error":
		f.Tenant = ""
	}
	f.Environment = strings.ToLower(f.Environment)
	if !f.finance() && !strings.Contains(f.Environment, ".crm") {
		f.Environment = ""
	}
	if _, err := netip.ParseAddr(f.Address); err != nil {
		f.Address = ""
	}
	if strings.EqualFold(f.Secret, "management") || strings.EqualFold(f.Secret, "not") {
		f.Secret = ""
	}
}

// finance reports whether the environment is one of Finance and Operations.
func (f *Facts) finance() bool {
	return strings.HasSuffix(f.Environment, ".operations.dynamics.com") || strings.HasSuffix(f.Environment, ".cloudax.dynamics.com") || strings.Contains(f.Environment, ".operations.")
}

// ofVault is the vault's name alone.
func (f *Facts) vaultName() string { name, _, _ := strings.Cut(f.Vault, "."); return name }

const vaultSpan = ".vault.azure.net"

func moment(text string) time.Time {
	for _, layout := range []string{"2006-01-02 15:04:05Z", time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
