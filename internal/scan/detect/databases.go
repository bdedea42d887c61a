package detect

import (
	"bytes"
	"strings"
)

const adviceDatabase = "let the application sign in with its own identity, or read the password from a vault at start"

// databases are addresses with a password inside.
var databases = []Detector{
	address("postgres-url", "PostgreSQL address with a password", "PostgreSQL", "postgres://", "postgresql://", "postgresql+psycopg2://", "postgresql+asyncpg://", "postgis://"),
	address("mysql-url", "MySQL address with a password", "MySQL", "mysql://", "mysql2://", "mariadb://", "mysql+pymysql://", "jdbc:mysql://"),
	address("mongodb-url", "MongoDB address with a password", "MongoDB", "mongodb://", "mongodb+srv://"),
	address("redis-url", "Redis address with a password", "Redis", "redis://", "rediss://"),
	address("amqp-url", "RabbitMQ address with a password", "RabbitMQ", "amqp://", "amqps://"),
	address("mssql-url", "SQL Server address with a password", "SQL Server", "mssql://", "sqlserver://", "mssql+pyodbc://"),
	address("clickhouse-url", "ClickHouse address with a password", "ClickHouse", "clickhouse://"),
	address("snowflake-url", "Snowflake address with a password", "Snowflake", "snowflake://"),
	address("cockroach-url", "CockroachDB address with a password", "CockroachDB", "cockroachdb://"),
	address("ldap-url", "LDAP address with a password", "a directory", "ldap://", "ldaps://"),
	address("smtp-url", "Mail server's address with a password", "a mail server", "smtp://", "smtps://", "imap://", "imaps://"),
	address("ftp-url", "FTP or SFTP address with a password", "a file server", "ftp://", "ftps://", "sftp://", "ssh://"),
	address("sentry-dsn", "Old Sentry DSN with its secret", "Sentry", "sentry+https://"),
	address("basic-auth-url", "Address with user and password", "any", "https://", "http://", "git+https://"),
	{ID: "jdbc-password", Name: "Password in a JDBC address", Issuer: "a database", Class: Likely, Anchors: []string{"jdbc:"}, Window: 400, Edge: EdgeNone, Entropy: 2.0, Pattern: `jdbc:[a-z0-9:]{2,30}[^\s"'<>]{4,250}?[?&;](?i:password|pwd)=([^&;\s"'<>]{4,100})`, Yes: []string{"jdbc:sqlserver://db:1433;databaseName=x;user=a;password={a9}!3", "jdbc:postgresql://db/x?user=a&password={a12}"}, No: []string{"jdbc:postgresql://db/x?user=a&password=${PASS}"}},
	{ID: "basic-auth-header", Name: "Password in a Basic header", Issuer: "any", Class: Likely, Anchors: []string{"Basic ", "basic "}, Find: findBasic, Make: func() []string {
		return []string{"Authorization: Basic " + basic("svc_orders:"+Expand("q", "{a14}!7")), `"Authorization": "Basic ` + basic("u:"+Expand("r", "{a16}")) + `"`}
	}, No: []string{"Basic knowledge of something", "Authorization: Basic {a10}", "Authorization: Basic " + basic("user:password")}},
	{ID: "curl-user", Name: "Password on a command line", Issuer: "any", Class: Likely, Anchors: []string{"curl ", "wget ", "sqlcmd", "sshpass -p", "mysql -u", "mysqldump -u"}, Find: findCommand, Yes: []string{"curl -u admin:{a9}!7 https://x.contoso.com", "curl --user svc:{a12}7 https://api", "sshpass -p '{a9}!7' ssh x", "sqlcmd -S db -U sa -P {a9}!7"}, No: []string{"curl -u $USER:$PASS https://x", "curl https://x.contoso.com", "curl -u user:password https://x"}},
	{ID: "bearer-token", Name: "Bearer token in a header", Issuer: "any", Class: Likely, Fold: true, Anchors: []string{"Bearer "}, Pattern: `(?i:bearer) {1,3}([A-Za-z0-9_.~+/-]{24,500}=*)`, Entropy: 3.6, Edge: EdgeNone, Window: 600, Check: bearerCheck, Yes: []string{"Authorization: Bearer {a40}", "-H 'authorization: bearer {w64}'"}, No: []string{"Authorization: Bearer $TOKEN", "the bearer of this letter-of-recommendation-from-me", "Bearer eyJhbGciOi..."}},
}

func bearerCheck(m *Match) {
	t := look(m.Value)
	if t.digit < 2 || wordy(m.Value) || t.kinds() < 2 || changes(m.Value) < 6 {
		m.Class = None
	}
}

// address makes a detector of scheme://user:password@host.
func address(id, name, issuer string, schemes ...string) Detector {
	d := Detector{ID: id, Name: name, Issuer: issuer, Class: Likely, Anchors: schemes, Advice: adviceDatabase}
	d.Find = func(in *Input, at int) (Match, bool) { return findAddress(in, at) }
	d.Yes = []string{schemes[0] + "svc:{a14}7@db.contoso.com/orders", `"` + schemes[0] + `app:{a9}!{d3}@10.1.2.3:5432/x"`}
	d.No = []string{schemes[0] + "localhost/db", schemes[0] + "user:password@localhost/db", schemes[0] + "${USER}:${PASS}@host/db", schemes[0] + "host:8080/path@x", schemes[0] + "<user>:<pass>@host"}
	return d
}

func findAddress(in *Input, at int) (Match, bool) {
	data := in.Data
	if at > 0 && (classOf[data[at-1]]&(lower|upper) != 0 || data[at-1] == '+') && !escapeEnds(data, at) {
		return Match{}, false
	}
	i := at + bytes.Index(data[at:], []byte("://")) + 3
	colon, atSign, end := -1, -1, i
loop:
	for ; end < len(data) && end-i < 250; end++ {
		switch c := data[end]; c {
		case ' ', '\t', '\n', '\r', '"', '\'', '<', '>', '`', '/', '?', '#', '\\', ',', '{', '(', ')', '|', '*', '[', ']':
			if c == '#' && colon > 0 && atSign < 0 && end+1 < len(data) && bytes.IndexByte(data[end:min(len(data), end+40)], '@') > 0 && bytes.IndexByte(data[end:min(len(data), end+40)], '/') > bytes.IndexByte(data[end:min(len(data), end+40)], '@') {
				continue
			}
			break loop
		case ':':
			if colon < 0 {
				colon = end
			}
		case '@':
			atSign = end
		}
	}
	if colon < 0 || atSign < colon+2 || atSign-colon < 4 || atSign+2 >= len(data) {
		return Match{}, false
	}
	user, pass := data[i:colon], data[colon+1:atSign]
	host := data[atSign+1 : end]
	if len(host) < 2 || classOf[host[0]]&alnum == 0 || Placeholder(pass) || typeName(pass) || bytes.ContainsAny(pass, "$%{}") && hole(pass) || bytes.EqualFold(user, pass) && wordy(pass) {
		return Match{}, false
	}
	t := look(pass)
	class := Likely
	low := strings.ToLower(string(host))
	switch {
	case strings.Contains(low, "example.") || strings.Contains(low, "domain.") || low == "host" || low == "hostname" || strings.HasPrefix(low, "host:") || strings.HasPrefix(low, "localhost") || strings.HasPrefix(low, "127.") || strings.Contains(low, "foo."):
		class = Possible
		if t.digit == 0 || len(pass) < 8 {
			return Match{}, false
		}
	case string(user) == "user" || string(user) == "username":
		class = Possible
	case t.digit == 0 && t.other == 0 && (wordy(pass) || len(pass) < 8) || t.kinds() == 1:
		class = Possible
	}
	if wontMatter(in.Path) {
		if class == Possible {
			return Match{}, false
		}
		class = Possible
	}
	switch strings.ToLower(string(pass)) {
	case "password", "passwd", "pass", "pwd", "secret", "pw", "pswd", "token", "mypassword", "userpass", "12345", "123456", "test":
		return Match{}, false
	}
	m := Match{Start: colon + 1, End: atSign, Class: class}
	if len(user) > 0 && len(user) < 60 {
		m.Add("user", string(user))
	}
	if len(host) < 100 {
		m.Add("host", string(host))
	}
	return m, true
}

func findBasic(in *Input, at int) (Match, bool) {
	start := at + 6
	end := start
	for end < len(in.Data) && end-start < 300 && (classOf[in.Data[end]]&(alnum|plus) != 0 || in.Data[end] == '=') {
		end++
	}
	return basicPair(in, start, end, 12)
}

// basicPair decodes user:password.
func basicPair(in *Input, start, end, least int) (Match, bool) {
	if !in.Text || end-start < least || end-start > 400 {
		return Match{}, false
	}
	plain := decode64(in.Data[start:end])
	user, pass, found := bytes.Cut(plain, []byte(":"))
	if !found || len(pass) < 3 || len(user) == 0 || Placeholder(pass) || typeName(pass) {
		return Match{}, false
	}
	for _, c := range plain {
		if c < ' ' || c > '~' {
			return Match{}, false
		}
	}
	m := Match{Start: start, End: end, Class: Likely}
	m.Add("user", string(user))
	t := look(pass)
	if t.digit == 0 && wordy(pass) || len(pass) < 6 || wontMatter(in.Path) {
		m.Class = Possible
	}
	return m, true
}

func dockerAuth(in *Input, at int) (Match, bool) {
	p, ok := assigned(in.Data, at+1, at+5)
	if !ok {
		return Match{}, false
	}
	return basicPair(in, p.start, p.end, 8)
}

// findCommand reads -u user:password and -p password of some programs.
func findCommand(in *Input, at int) (Match, bool) {
	if !in.Text || at > 0 && classOf[in.Data[at-1]]&(word|dash) != 0 && !escapeEnds(in.Data, at) {
		return Match{}, false
	}
	line := in.Data[at:min(len(in.Data), at+400)]
	if i := bytes.IndexByte(line, '\n'); i >= 0 && (i == 0 || line[i-1] != '\\') {
		line = line[:i]
	}
	for _, flag := range []string{" -u ", " --user ", " -u", "sshpass -p ", " -P ", " -p", " --password="} {
		i := bytes.Index(line, []byte(flag))
		if i < 0 {
			continue
		}
		start := i + len(flag)
		for start < len(line) && (line[start] == '"' || line[start] == '\'') {
			start++
		}
		end := start
		for end < len(line) && line[end] > ' ' && line[end] != '"' && line[end] != '\'' {
			end++
		}
		v := line[start:end]
		if strings.HasPrefix(strings.TrimSpace(flag), "-u") || strings.HasPrefix(strings.TrimSpace(flag), "--user") {
			user, pass, ok := bytes.Cut(v, []byte(":"))
			if !ok || len(user) == 0 {
				continue
			}
			start, v = end-len(pass), pass
		}
		if len(v) < 5 || Placeholder(v) || typeName(v) || v[0] == '$' || v[0] == '-' || bytes.ContainsAny(v, "{}()/") {
			continue
		}
		t := look(v)
		if t.digit == 0 || t.lower+t.upper == 0 || wordy(v) {
			continue
		}
		class := Likely
		if wontMatter(in.Path) || len(v) < 8 {
			class = Possible
		}
		return Match{Start: at + start, End: at + start + len(v), Class: class}, true
	}
	return Match{}, false
}
