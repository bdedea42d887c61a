package detect

import (
	"bytes"
	"strings"
)

var generic = []Detector{
	{
		ID: "generic-password", Name: "Password in an assignment", Issuer: "any", Class: Likely, Fold: true,
		Anchors: []string{"password", "passwd", "passwort", "passphrase", "passcode", "pwd", "_pass", "-pass", "dbpass", "\"pass", "'pass", " pass", "<pass", "userpass", ".pass", "smtppass", "mailpass", "\npass", "\tpass"},
		Find:    findPassword,
		Yes: []string{`password = "{a7}!{d3}"`, `DB_PASSWORD={a8}#{d2}x`, `<add key="SmtpPassword" value="{a8}!{d2}" />`, `<password>{a9}${d2}</password>`,
			`"adminPassword": "{a8}!{d2}q"`, `--password {a9}!{d2}`, `private string _password = @"{a8}!{d3}";`, `"name": "Password",` + "\n" + ` "value": "{a8}!{d3}"`, `{\"password\": \"{a9}!{d2}\"}`},
		No: []string{`password = "password"`, `password = os.Getenv("PASSWORD")`, `password: ${DB_PASSWORD}`, `passwordField = "textbox1"`, `password = "your-password"`,
			`password := config.Password`, `<password></password>`, `password = "xxxxxxxxxx"`, `"passwordPolicy": "Strong1!"`, `// the password is "not checked" here`},
	},
	{
		ID: "generic-secret", Name: "Key, token or secret in an assignment", Issuer: "any", Class: Likely, Fold: true,
		Anchors: []string{"secret", "token", "apikey", "api_key", "api-key", "accesskey", "access_key", "access-key", "auth_key", "authkey", "auth-key", "privatekey", "private_key", "private-key", "signing_key", "signingkey", "signing-key",
			"encryption_key", "encryptionkey", "encryption-key", "account_key", "accountkey", "account-key", "shared_key", "sharedkey", "master_key", "masterkey", "master-key", "storagekey", "storage_key", "storage-key", "credential", "clientkey", "client_key",
			"appkey", "app_key", "app-key", "primarykey", "primary_key", "secondarykey", "secondary_key", "functionkey", "function_key", "hostkey", "subscription-key", "subscriptionkey", "subscription_key", "_auth", "\"auth\"", "authorization", "service_key", "servicekey", "server_key",
			"serverkey", "consumer_key", "consumerkey", "secretkey", "integration_key", "write_key", "writekey", "admin_key", "adminkey", "license_key", "licensekey", "aes_key", "aeskey", "hmac_key", "hmackey", "user_key", "userkey", "devkey"},
		Find: findKey,
		Yes: []string{`client_secret = "{a32}"`, `API_KEY={a40}`, `"apiKey": "{w36}"`, `auth_token: {h40}`, `<add key="ClientSecret" value="{b43}=" />`, `const secretKey: string = '{a24}'`,
			`var apiKey = "{a30}";`, `--api-key {a32}`, `X-Api-Key: {a32}`, `"value": "q", "name":"AppSecret", "value": "{a30}"`},
		No: []string{`token = "token"`, `secretName = "prod-database-secret"`, `api_key = get_api_key()`, `token: {{ .Values.token }}`, `client_secret = "<your-client-secret>"`, `SecretManager = "com.example.foo.Manager"`,
			`token := lexer.NextToken`, `"tokenEndpoint": "https://login.example.com/token"`, `secret: @Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)`},
	},
}

func findPassword(in *Input, at int) (Match, bool) { return findGeneric(in, at, namePassword) }
func findKey(in *Input, at int) (Match, bool)      { return findGeneric(in, at, nameKey) }

func findGeneric(in *Input, at int, want nameKind) (Match, bool) {
	if !in.Text {
		return Match{}, false
	}
	data := in.Data
	for at < len(data) && classOf[data[at]]&alnum == 0 {
		at++
	}
	p, ok := assigned(data, at, min(at+3, len(data)))
	if !ok || judgeName(data[p.nameStart:p.nameEnd]) != want {
		return Match{}, false
	}
	p = headerScheme(data, p)
	v := data[p.start:p.end]
	if bytes.Equal(data[p.nameStart:p.nameEnd], []byte("PASS")) && bytes.HasPrefix(v, []byte("Test")) {
		return Match{}, false // a line of a test's output
	}
	class := judge(v, p, want)
	if class == None {
		return Match{}, false
	}
	if class == Likely && wontMatter(in.Path) {
		class = Possible
	}
	return Match{Start: p.start, End: p.end, Class: class}, true
}

// headerScheme steps over the scheme of an Authorization header.
func headerScheme(data []byte, p pair) pair {
	v := data[p.start:p.end]
	for _, scheme := range []string{"Bearer ", "bearer ", "Basic ", "basic ", "Token ", "token ", "ApiKey "} {
		if bytes.HasPrefix(v, []byte(scheme)) {
			p.start += len(scheme)
			return p
		}
		if s := strings.TrimSpace(scheme); !p.quoted && string(v) == s && p.end < len(data) && data[p.end] == ' ' {
			q := p
			if value(data, spaces(data, p.end), &q) {
				return q
			}
		}
	}
	return p
}

// judge decides whether a value beside a name of this kind is a secret.
func judge(v []byte, p pair, kind nameKind) Class {
	if !p.quoted {
		v = bytes.TrimRight(v, ".,;\\&")
	}
	if len(v) < 4 || kind == nameKey && len(v) < 8 || Placeholder(v) || reference(v, p) {
		return None
	}
	t := look(v)
	if t.space > 0 && bytes.IndexByte(v, '=') >= 0 {
		return None // several settings in one string: each is looked at by itself
	}
	if t.space > 0 && (kind == nameKey || t.space > 3 || t.digit == 0) {
		return None
	}
	if kind == nameKey {
		return judgeKey(v, t)
	}
	return judgePassword(v, t, p)
}

func judgeKey(v []byte, t traits) Class {
	e := Entropy(v)
	switch {
	case guid(v):
		return Possible
	case t.digit == 0 && (t.other*4 > len(v) || len(v) < 24 || wordy(v) || t.kinds() < 2):
		if t.digit == 0 && len(v) >= 16 && t.other == 0 && !wordy(v) && e > 3.3 {
			return Possible
		}
		return None
	case t.lower+t.upper == 0: // only digits and signs: a number, a date
		return None
	case wordy(v) || e < 2.9 || len(v) >= 12 && t.kinds() < 2:
		return None
	case len(v) >= 16 && e >= 3.2 && (changes(v) >= 5 || onlyHex(v)):
		return Likely
	case len(v) >= 10 && changes(v) >= 4:
		return Possible
	}
	return None
}

func judgePassword(v []byte, t traits, p pair) Class {
	if bytes.EqualFold(v, []byte("password")) || typeName(v) {
		return None
	}
	strong := len(v) >= 8 && t.digit > 0 && t.lower+t.upper > 0 && (t.other > 0 || t.lower > 0 && t.upper > 0 || len(v) >= 12)
	switch {
	case strong && !wordy(v) && Entropy(v) > 2.7:
		return Likely
	case !p.sure:
		return None
	case t.digit > 0 && t.lower+t.upper > 0 && len(v) >= 6:
		return Possible
	case p.quoted && t.other == 0 && t.kinds() == 1 && len(v) >= 5 && !wordy(v):
		return Possible
	case t.other > 0 && t.kinds() >= 3 && !wordy(v) && p.quoted:
		return Possible
	}
	return None
}

// typeName reports whether v is a word that declares or asks, not a password.
func typeName(v []byte) bool {
	switch string(bytes.ToLower(v)) {
	case "string", "str", "password", "null", "nil", "none", "true", "false", "secret", "token", "text", "hidden", "required", "optional", "securestring", "pass", "passwd", "pwd", "value", "default", "self", "this", "boolean", "integer", "object", "varchar", "bytes", "input", "prompt", "unknown", "empty", "test", "sensitive":
		return true
	}
	return false
}

// reference reports whether v names something else: code, a path, an address, a
// variable of a template, a secret of a vault.
func reference(v []byte, p pair) bool {
	if bytes.Contains(v, []byte("://")) || bytes.HasPrefix(v, []byte("/")) && bytes.Count(v, []byte("/")) > 1 && look(v).digit*5 < len(v) || bytes.HasPrefix(v, []byte("./")) || bytes.HasPrefix(v, []byte("~/")) || bytes.HasPrefix(v, []byte("--")) || bytes.HasPrefix(v, []byte("//")) || bytes.HasPrefix(v, []byte("/*")) {
		return true
	}
	for _, s := range []string{"KeyVault", "keyvault", "vault:", "secrets.", "env.", "process.", "ENC[", "var.", "parameters(", "local.", "data.", "config.", "-----BEGIN", "secretref", "arn:aws"} {
		if bytes.Contains(v, []byte(s)) {
			return true
		}
	}
	if constant(v) {
		return true
	}
	if p.quoted {
		return fileName(v)
	}
	if bytes.ContainsAny(v, "(){}[]$\\*") || v[0] == '&' || v[0] == '!' || v[0] == '.' || v[0] == '=' {
		return true
	}
	return identifier(v) || fileName(v)
}

// identifier reports whether an unquoted v reads as code: words joined by dots.
func identifier(v []byte) bool {
	parts := bytes.Split(v, []byte("."))
	if len(parts) == 1 {
		t := look(v)
		return t.digit*6 < len(v) && wordy(v) && t.other == bytes.Count(v, []byte("_"))+bytes.Count(v, []byte("-"))
	}
	for _, q := range parts {
		if len(q) == 0 || classOf[q[0]]&digit != 0 || look(q).digit > 5 || len(q) > 60 || !constant(q) && (changes(q) > 6 || len(q) > 30) {
			return false
		}
	}
	return true
}

// constant reports whether v is a name in capitals, as TOKEN_PROXY_256.
func constant(v []byte) bool {
	t := look(v)
	return t.upper > 0 && t.lower == 0 && t.other > 0 && t.other == bytes.Count(v, []byte("_")) && t.digit*3 <= len(v)
}

func fileName(v []byte) bool {
	dot := bytes.LastIndexByte(v, '.')
	if dot <= 0 {
		return false
	}
	switch string(v[dot:]) {
	case ".pem", ".key", ".txt", ".json", ".crt", ".cer", ".pfx", ".p12", ".yml", ".yaml", ".go", ".js", ".ts", ".html", ".xml", ".env", ".jks", ".php", ".py", ".md", ".cs", ".com", ".org", ".net", ".io", ".default":
		return true
	}
	return false
}

func guid(v []byte) bool {
	return len(v) == 36 && v[8] == '-' && v[13] == '-' && v[18] == '-' && v[23] == '-'
}

func onlyHex(v []byte) bool {
	for _, c := range v {
		if classOf[c]&hexa == 0 {
			return false
		}
	}
	return true
}

// wontMatter reports whether a path is of tests, examples or documentation,
// where a value without a mark of its own is seldom a live one.
func wontMatter(path string) bool {
	low := strings.ToLower(path)
	for _, s := range []string{"test", "example", "sample", "fixture", "mock", "/doc", "docs/", "spec/", "spec.", "node_modules/", "vendor/", "demo", "stub", ".md", "changelog", "tutorial"} {
		if strings.Contains(low, s) {
			return true
		}
	}
	return false
}
