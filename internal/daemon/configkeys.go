package daemon

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Key is one thing that can be set. Those of a list's elements have a name like
// vaults[].readValues and stand in the file only.
type Key struct {
	Name     string
	Meaning  string
	Variable string // in the environment; empty for elements of lists
	kind     reflect.Type
}

// meanings says in words what each key does; a test compares it with Config.
var meanings = map[string]string{
	"data":                     "folder of the database, the keyring and rekey.yaml",
	"listen":                   "address that rekey serve answers on, HOST:PORT",
	"database":                 "postgres://USER@HOST/NAME; empty: SQLite in the data folder. The password comes from PGPASSWORD, PGPASSFILE or REKEY_DATABASE_FILE",
	"masterKeyFile":            "file of the master key, 32 bytes in base64, best outside the data folder and its backups; empty: master.key in the data folder",
	"masterKey.source":         "what the keyring is sealed under: file, passphrase (REKEY_MASTER_PASSPHRASE, or asked for in a terminal) or pkcs11; empty: as the keyring says, a file for a new one",
	"masterKey.passphraseFile": "file with the passphrase, where it comes from a file",
	"masterKey.module":         "library of the PKCS#11 token's maker, such as /usr/lib/softhsm/libsofthsm2.so; needs a rekey that was built with it",
	"masterKey.token":          "label of the PKCS#11 token",
	"masterKey.key":            "label of the AES key in the token; made there if it is missing. The label that the keyring was sealed under comes before this",
	"masterKey.pinFile":        "file with the token's PIN; REKEY_MASTER_KEY_PIN holds the PIN itself",
	"proxy":                    "HTTP proxy for everything sent to the clouds; empty: HTTPS_PROXY and NO_PROXY",
	"caFile":                   "PEM file of certificates to trust besides the system's, for a proxy that inspects TLS",
	"beat.vault":               "one of vaults, for the entry that tells a restored or copied installation from the one that counts; empty: only beat.json in the data folder, which a copy of the folder takes along",
	"tenant.id":                "the Entra tenant: its GUID or a verified domain",
	"tenant.name":              "what people call the tenant; empty: its id",
	"reader.clientId":          "application that reads the directory and the vaults; empty: the environment's identity (AZURE_*, workload or managed identity, Azure CLI)",
	"reader.certificateFile":   "PEM or PKCS#12 file with the reader's certificate and private key",
	"reader.clientSecretFile":  "file with the reader's client secret; a certificate or a managed identity is better",
	"writer.clientId":          "application that renews the secrets of the applications it owns; empty: the environment's identity",
	"writer.certificateFile":   "PEM or PKCS#12 file with the writer's certificate and private key",
	"writer.clientSecretFile":  "file with the writer's client secret; a certificate or a managed identity is better",
	"vaults":                   "the Key Vaults to read and to deposit in",
	"vaults[].name":            "name of the vault, or its host name",
	"vaults[].readValues":      "also read the values, to recognise them by a keyed hash and the first three characters; they are not kept",
	"defaultVault":             "vault for new secrets of applications whose place is not known; \"embedded\" is the sealed vault in rekey's own database",
	"rotation.lifetime":        "how long a new secret is valid",
	"rotation.label":           "name of new secrets; empty: the old one's",
	"rotation.signIns":         "sign-ins with the new secret, all accepted, before it is deposited",
	"rotation.proof":           "how long these sign-ins are spread over, at least",
	"rotation.overlap":         "how long both secrets stay valid after the switch, at least; App Service caches references for 24 h",
	"rotation.watch":           "how long late failures are watched for at the end",
	"rotation.records":         "after how long a sign-in surely stands in the tenant's sign-in log; the old secret goes only when the log is that complete and quiet",
	"rotation.vaultPairs":      "a Key Vault makes the key pair of a certificate that goes there, exportable, under a name of its own first; otherwise rekey makes it in memory",
	"rotation.patience":        "how long a proposal waits for an approval",
	"bindings":                 "who uses which application's credentials: what stops when they end",
	"bindings[].application":   "name, client id or object id of the application",
	"bindings[].consumer":      "what uses it, in plain words: Invoice export to Basware",
	"bindings[].reference":     "how it gets the value: VAULT/NAME, app:ARM-ID, webhook:NAME, hook:NAME, person:WHO, or in words what a person has to do",
	"metrics.open":             "anybody who reaches the server may read /metrics; otherwise a token is needed, of any role",
	"metrics.series":           "how many credentials have a series of their own in /metrics, those that end first; 0: 2000",
	"sync.every":               "how often rekey serve reads the inventory again; 0: only when asked",
}

// Keys lists everything that can be set, in the order of Config.
func Keys() []Key { return keysOf(reflect.TypeFor[Config](), "") }

func keysOf(t reflect.Type, prefix string) []Key {
	var list []Key
	for f := range fieldsOf(t) {
		name := prefix + keyName(f)
		switch {
		case isStruct(f.Type):
			list = append(list, keysOf(f.Type, name+".")...)
		case isList(f.Type):
			list = append(list, Key{Name: name, Meaning: meaning(name, f), kind: f.Type})
			list = append(list, keysOf(f.Type.Elem(), name+"[].")...)
		default:
			k := Key{Name: name, Meaning: meaning(name, f), kind: f.Type}
			if !strings.Contains(name, "[]") {
				k.Variable = variable(name)
			}
			list = append(list, k)
		}
	}
	return list
}

func meaning(name string, f reflect.StructField) string {
	if m := f.Tag.Get("help"); m != "" {
		return m
	}
	return meanings[name]
}

// fieldsOf yields the fields that can be set.
func fieldsOf(t reflect.Type) iter.Seq[reflect.StructField] {
	return func(yield func(reflect.StructField) bool) {
		for f := range t.Fields() {
			if f.IsExported() && f.Tag.Get("koanf") != "-" && !yield(f) {
				return
			}
		}
	}
}

func isStruct(t reflect.Type) bool { return t.Kind() == reflect.Struct }

// isList is true for lists of structs; a list of words is a plain value.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// isDuration is true for time.Duration and for types made of it.
func isDuration(t reflect.Type) bool {
	return t.Kind() == reflect.Int64 && t.Name() == "Duration"
}

// keyName is the field's name in lower camel case, ID as a word: ClientID is
// clientId, CAFile is caFile.
func keyName(f reflect.StructField) string {
	if tag, _, _ := strings.Cut(f.Tag.Get("koanf"), ","); tag != "" {
		return tag
	}
	runes := []rune(f.Name)
	for i := range runes {
		startsWord := i > 0 && (unicode.IsLower(rune(f.Name[i-1])) || i+1 < len(runes) && unicode.IsLower(rune(f.Name[i+1])))
		if i == 0 || !startsWord {
			runes[i] = unicode.ToLower(runes[i])
		}
	}
	return string(runes)
}

// variable is the environment's name of a key: reader.clientId is
// REKEY_READER_CLIENT_ID.
func variable(key string) string {
	var b strings.Builder
	b.WriteString("REKEY_")
	for _, r := range key {
		switch {
		case r == '.':
			b.WriteByte('_')
		case unicode.IsUpper(r):
			b.WriteByte('_')
			b.WriteRune(r)
		default:
			b.WriteRune(unicode.ToUpper(r))
		}
	}
	return b.String()
}

// nearest is the known name most like a mistyped one, empty if none is.
func nearest(typed string, known []string) string {
	best, least := "", max(2, len(typed)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(typed), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the insertions, deletions and replacements between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// ParseDuration reads what time.ParseDuration takes, and days and weeks: 180d,
// 2w, 1d12h.
func ParseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a length of time; write 90s, 30m, 24h or 180d", s)
	rest, total := strings.TrimSpace(s), time.Duration(0)
	if rest == "0" {
		return 0, nil
	}
	if rest == "" || rest[0] == '-' || rest[0] == '+' {
		return 0, bad
	}
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"w", 7 * day}, {"d", day}} {
		number, after, found := strings.Cut(rest, unit.letter)
		if !found {
			continue
		}
		var n int64
		if len(number) == 0 || len(number) > 5 || slices.ContainsFunc([]byte(number), func(c byte) bool { return c < '0' || c > '9' }) {
			return 0, bad
		}
		for _, c := range []byte(number) {
			n = n*10 + int64(c-'0')
		}
		total += time.Duration(n) * unit.length
		rest = after
	}
	if rest == "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || total+d < 0 {
		return 0, bad
	}
	return total + d, nil
}

// FormatDuration writes what ParseDuration reads, days as days.
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	days := ""
	if d >= 2*day || d == day {
		days, d = fmt.Sprintf("%dd", d/day), d%day
	}
	rest := ""
	if d != 0 {
		rest = d.String()
		if strings.HasSuffix(rest, "m0s") {
			rest = strings.TrimSuffix(rest, "0s")
		}
		if strings.HasSuffix(rest, "h0m") {
			rest = strings.TrimSuffix(rest, "0m")
		}
	}
	return days + rest
}

// FindKey returns the key of that name. Its error names the nearest one.
func FindKey(name string) (Key, error) {
	var names []string
	for _, k := range Keys() {
		if k.Name == name || k.Variable == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	if near := nearest(name, names); near != "" {
		return Key{}, fmt.Errorf("there is no key %s; did you mean %s?", show(name), near)
	}
	return Key{}, fmt.Errorf("there is no key %s", show(name))
}
