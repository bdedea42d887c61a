package detect

import (
	"bytes"
	"encoding/base64"
	"path"
	"strings"
)

func basic(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// files are formats in which a password stands at a place of its own.
var files = []Detector{
	{ID: "netrc-password", Name: "Password in .netrc", Issuer: "any", Class: Likely, Anchors: []string{"machine ", "password "}, Find: findNetrc, Yes: []string{"machine api.contoso.com login svc password {a9}!7", "machine x.contoso.com\n  login a\n  password {a12}"}, No: []string{"machine learning is hard", "machine x login a password ${P}"}},
	{ID: "pgpass", Name: "Password in .pgpass", Issuer: "PostgreSQL", Class: Likely, Anchors: []string{":5432:", ":*:*:"}, Find: findPgpass, Yes: []string{"db.contoso.com:5432:orders:svc:{a10}!7"}, No: []string{"localhost:5432:x"}},
	{ID: "htpasswd", Name: "Password hash of a web server", Issuer: "a web server", Class: Possible, Anchors: []string{":$apr1$", ":$2y$", ":{SHA}"}, Pattern: `:((?:\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22})|(?:\$2y\$[0-9]{2}\$[./A-Za-z0-9]{53})|(?:\{SHA\}[A-Za-z0-9+/]{27}=))`, Edge: EdgeNone, Yes: []string{"admin:$apr1${a8}${a22}", "admin:$2y$10${a53}"}, No: []string{"admin:$apr1$x"}},
	{ID: "unix-password-hash", Name: "Password hash of a Unix account", Issuer: "Unix", Class: Possible, Anchors: []string{"$6$", "$5$", "$y$j9T$", "$1$"}, Pattern: `\$(?:6\$(?:rounds=[0-9]+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}|5\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}|y\$j9T\$[./A-Za-z0-9]{8,32}\$[./A-Za-z0-9]{43}|1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22})`, Edge: EdgeNone, Yes: []string{"root:$6${a16}${a86}:18000:0", "x:$1${a8}${a22}:"}, No: []string{"$6$ is a price", "$1$"}},
	{ID: "filezilla-password", Name: "Password in FileZilla's settings", Issuer: "a file server", Class: Likely, Anchors: []string{"<Pass encoding=\"base64\">", "<Pass>"}, Pattern: `<Pass(?: encoding="base64")?>([^<\s]{4,120})</Pass>`, Edge: EdgeNone, Entropy: 1.8, Yes: []string{`<Pass encoding="base64">{b15}=</Pass>`, `<Pass>{a9}!</Pass>`}, No: []string{"<Pass></Pass>"}},
	{ID: "rails-master-key", Name: "Rails master key", Issuer: "Ruby on Rails", Class: Likely, Words: []string{"RAILS_MASTER_KEY", "secret_key_base"}, Shape: Shape{Set: "h", Min: 32, Max: 128, Strong: true}, Yes: []string{"RAILS_MASTER_KEY={h32}", "secret_key_base: {h128}"}, No: []string{"secret_key_base: <%= ENV['X'] %>"}},
	{ID: "django-secret-key", Name: "Django secret key", Issuer: "Django", Class: Likely, Anchors: []string{"SECRET_KEY"}, Pattern: `SECRET_KEY\s{0,3}=\s{0,3}["'](?:django-insecure-)?([^"'\s]{40,80})["']`, Edge: EdgeNone, Entropy: 3.5, Yes: []string{"SECRET_KEY = '{a40}!#7&'"}, No: []string{"SECRET_KEY = os.environ['X']"}},
	{ID: "wordpress-salt", Name: "Key or salt of WordPress", Issuer: "WordPress", Class: Likely, Anchors: []string{"AUTH_KEY'", "LOGGED_IN_KEY'", "NONCE_KEY'", "AUTH_SALT'", "LOGGED_IN_SALT'", "NONCE_SALT'"}, Pattern: `[A-Z_]{8,16}',\s{0,8}'([^'\n]{50,80})'`, Edge: EdgeNone, Entropy: 4, Yes: []string{"define('AUTH_KEY', '{a30}#{a20}!{a12}');"}, No: []string{"define('AUTH_KEY', 'put your unique phrase here');"}},
	{ID: "php-define-password", Name: "Password in a PHP configuration", Issuer: "a database", Class: Likely, Fold: true, Anchors: []string{"DB_PASSWORD'", "DB_PASSWORD\"", "PASSWORD'", "_PASS'"}, Pattern: `(?i:[A-Z_]*(?:PASSWORD|PASS))["'],\s{0,4}["']([^"'\s]{4,80})["']`, Edge: EdgeNone, Entropy: 2, Check: defined, Yes: []string{"define('DB_PASSWORD', '{a9}!7');"}, No: []string{"define('DB_PASSWORD', 'password_here');"}},
	{ID: "ansible-vault", Name: "Ansible vault (encrypted; its password is the secret)", Issuer: "Ansible", Class: Broken, Anchors: []string{"$ANSIBLE_VAULT;"}, Pattern: `\$ANSIBLE_VAULT;[0-9.]{3};AES256[^\n]{0,60}\n\s*[0-9a-f]{60,80}`, Edge: EdgeNone, Entropy: -1, Yes: []string{"$ANSIBLE_VAULT;1.1;AES256\n{h80}"}, No: []string{"$ANSIBLE_VAULT;"}},
	{ID: "cisco-password", Name: "Password of a network device", Issuer: "Cisco", Class: Likely, Anchors: []string{"password 7 ", "secret 5 ", "password 0 ", "secret 0 ", "secret 9 ", "snmp-server community "}, Pattern: `(?:(?:password|secret) [0579] |snmp-server community )(\S{5,80})`, Edge: EdgeNone, Entropy: 2.2, Yes: []string{"enable secret 5 $1${a4}${a22}", "username x password 7 {H18}"}, No: []string{"password 7 <x>"}},
	{ID: "gpp-cpassword", Name: "Password of a Group Policy preference", Issuer: "Windows", Class: Certain, Anchors: []string{"cpassword=\""}, Pattern: `cpassword="([A-Za-z0-9+/]{20,200}={0,2})"`, Edge: EdgeNone, Yes: []string{`cpassword="{b43}="`}, No: []string{`cpassword=""`}},
	{ID: "unattend-password", Name: "Password of a Windows answer file", Issuer: "Windows", Class: Likely, Anchors: []string{"<AdministratorPassword>", "<Password>"}, Find: findUnattend, Yes: []string{"<AdministratorPassword>\n  <Value>{b20}=</Value>"}, No: []string{"<AdministratorPassword><Value></Value>"}},
	{ID: "powershell-secure-string", Name: "Password made a SecureString in clear text", Issuer: "any", Class: Likely, Fold: true, Anchors: []string{"ConvertTo-SecureString"}, Pattern: `(?i:ConvertTo-SecureString)\s{1,3}(?i:-String\s{1,3})?["']([^"'\n]{5,120})["']`, Edge: EdgeNone, Entropy: 2.2, Yes: []string{`ConvertTo-SecureString "{a9}!7" -AsPlainText -Force`}, No: []string{`ConvertTo-SecureString $password -AsPlainText`, `ConvertTo-SecureString "$env:PASS" -AsPlainText`}},
	{ID: "mozilla-login", Name: "Password saved by Firefox", Issuer: "any", Class: Likely, Anchors: []string{"\"encryptedPassword\""}, Entropy: -1, Pattern: `"encryptedPassword"\s?:\s?"([A-Za-z0-9+/]{40,400}={0,2})"`, Edge: EdgeNone, Yes: []string{`"encryptedPassword":"{b60}"`}, No: []string{`"encryptedPassword":""`}},
	{ID: "maven-password", Name: "Password of a Maven server", Issuer: "Maven", Class: Likely, Anchors: []string{"<server>"}, Window: 600, Pattern: `<server>(?s:.{0,400}?)<password>([^<\s]{4,120})</password>`, Edge: EdgeNone, Entropy: 2, Yes: []string{"<server><id>x</id><username>a</username><password>{a10}!7</password></server>"}, No: []string{"<server><id>x</id><password>${env.P}</password></server>"}},
}

// defined clears what only stands in a list of words.
func defined(m *Match) {
	if !bytes.Contains(m.Before, []byte("define(")) && !bytes.Contains(m.Before, []byte("DEFINE(")) {
		m.Class = None
	}
}

func findNetrc(in *Input, at int) (Match, bool) {
	if !in.Text {
		return Match{}, false
	}
	if at > 0 && classOf[in.Data[at-1]]&word != 0 && !escapeEnds(in.Data, at) {
		return Match{}, false
	}
	data := in.Data[at:min(len(in.Data), at+300)]
	base := strings.ToLower(path.Base(in.Path))
	i := 0
	if bytes.HasPrefix(data, []byte("machine ")) {
		if !bytes.Contains(data, []byte("login ")) {
			return Match{}, false
		}
		i = bytes.Index(data, []byte("password "))
		if j := bytes.Index(data[8:], []byte("machine ")); i < 0 || j >= 0 && i > j+8 {
			return Match{}, false
		}
	} else if !strings.HasSuffix(base, "netrc") && !strings.HasSuffix(base, "esmtprc") && !strings.HasSuffix(base, "msmtprc") && !strings.HasSuffix(base, "fetchmailrc") || at > 0 && classOf[in.Data[at-1]]&alnum != 0 {
		return Match{}, false
	}
	start := i + len("password ")
	for start < len(data) && (data[start] == ' ' || data[start] == '"' || data[start] == '\'' || data[start] == '=') {
		start++
	}
	end := start
	for end < len(data) && data[end] > ' ' && data[end] != '"' && data[end] != '\'' {
		end++
	}
	v := data[start:end]
	if len(v) < 4 || Placeholder(v) || typeName(v) || bytes.ContainsAny(v, "[](){}=") {
		return Match{}, false
	}
	class := Likely
	if wontMatter(in.Path) || strings.HasSuffix(base, ".go") {
		class = Possible
	}
	return Match{Start: at + start, End: at + end, Class: class}, true
}

// findPgpass reads host:port:database:user:password.
func findPgpass(in *Input, at int) (Match, bool) {
	if !in.Text {
		return Match{}, false
	}
	from := bytes.LastIndexByte(in.Data[:at], '\n') + 1
	to := len(in.Data)
	if i := bytes.IndexByte(in.Data[at:], '\n'); i >= 0 {
		to = at + i
	}
	if to-from > 300 {
		return Match{}, false
	}
	line := bytes.TrimRight(in.Data[from:to], "\r")
	parts := bytes.Split(line, []byte(":"))
	if len(parts) != 5 || len(parts[4]) < 4 || Placeholder(parts[4]) || bytes.ContainsAny(line, " \"'<>(") {
		return Match{}, false
	}
	class := Likely
	if wontMatter(in.Path) {
		class = Possible
	}
	return Match{Start: from + len(line) - len(parts[4]), End: from + len(line), Class: class}, true
}

func findUnattend(in *Input, at int) (Match, bool) {
	part := in.Data[at:min(len(in.Data), at+300)]
	i := bytes.Index(part, []byte("<Value>"))
	if i < 0 || i > 80 {
		return Match{}, false
	}
	start := i + 7
	j := bytes.IndexByte(part[start:], '<')
	if j < 4 || Placeholder(part[start:start+j]) {
		return Match{}, false
	}
	return Match{Start: at + start, End: at + start + j, Class: Likely}, true
}
