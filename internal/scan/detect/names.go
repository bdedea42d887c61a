package detect

import "bytes"

// A nameKind is what a name says of its value.
type nameKind uint8

const (
	nameNothing nameKind = iota
	namePassword
	nameKey // a key, token or secret made by a machine
)

// denied are the last words of names whose value tells of a secret and is none.
var denied = words(`name names id ids uri url urls path paths file files filename dir folder length len size count type types kind expiry expires
expiration expired ttl timeout age lifetime field fields label labels header headers prefix suffix hint policy policies reset regex pattern format error errors
message messages msg endpoint ref reference provider manager generator encoder decoder validator service class input placeholder prompt text title description
algorithm alg method mode scheme strategy version index offset limit min max required enabled disabled valid invalid rotation rotate changed change
updated created at date time request response handler callback func function parser reader writer store storage cache list map set array keys column table
row selector button form page dialog link icon image color style hash digest hashed checksum salt usage cost source target location region scope scopes audience
issuer public pub bits strength rules rule check checker checked confirm confirmation show visible visibility toggle mismatch missing incorrect
env var variable arn alias property attribute param parameter option options flag config settings template doc docs help comment info status state
event action test tests case spec mock stub stream kind pos start end left right budget count counts tokens symbol node tree operator separator delimiter literal identifier kind
authority identity username user email domain host server port protocol context`)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range bytes.Fields([]byte(s)) {
		m[string(w)] = true
	}
	return m
}

var (
	passwordWords = [][]byte{[]byte("password"), []byte("passwd"), []byte("passwort"), []byte("passphrase"), []byte("passcode"), []byte("pwd"), []byte("pass")}
	keyWords      = [][]byte{
		[]byte("secret"), []byte("token"), []byte("apikey"), []byte("accesskey"), []byte("authkey"), []byte("privatekey"), []byte("signingkey"), []byte("signkey"), []byte("encryptionkey"), []byte("cryptokey"),
		[]byte("accountkey"), []byte("sharedkey"), []byte("masterkey"), []byte("storagekey"), []byte("credential"), []byte("clientkey"), []byte("appkey"), []byte("sharedaccesskey"), []byte("primarykey"), []byte("secondarykey"), []byte("functionkey"), []byte("hostkey"), []byte("subscriptionkey"),
		[]byte("licensekey"), []byte("servicekey"), []byte("auth"), []byte("secretkey"), []byte("integrationkey"), []byte("writekey"), []byte("adminkey"), []byte("serverkey"), []byte("consumerkey"), []byte("aeskey"), []byte("hmackey"), []byte("userkey"), []byte("devkey"),
	}
)

// judgeName reads a name by its words.
func judgeName(name []byte) nameKind {
	var flat [nameMax*2 + 16]byte
	n, last := 0, 0
	for i, c := range name {
		k := classOf[c]
		if k&alnum == 0 {
			last = n
			continue
		}
		if i > 0 && k&upper != 0 && classOf[name[i-1]]&(lower|digit) != 0 {
			last = n
		}
		if n == len(flat) {
			break
		}
		if k&upper != 0 {
			c |= 0x20
		}
		flat[n] = c
		n++
	}
	all, tail := flat[:n], flat[last:n]
	if denied[string(bytes.TrimRight(tail, "0123456789"))] || bytes.HasPrefix(all, []byte("public")) || bytes.Contains(all, []byte("author")) || bytes.HasSuffix(all, []byte("url")) {
		return nameNothing
	}
	for _, w := range passwordWords {
		if bytes.Contains(all, w) {
			if len(w) == 4 && !bytes.HasSuffix(all, w) && !bytes.Contains(bytes.ToLower(name), []byte("pass_")) {
				continue // bypass, compass, passed, passive
			}
			if bytes.HasSuffix(all, []byte("bypass")) || bytes.HasSuffix(all, []byte("compass")) {
				continue
			}
			return namePassword
		}
	}
	for _, w := range keyWords {
		if bytes.Contains(all, w) {
			if len(w) == 4 && !bytes.HasSuffix(all, w) {
				continue
			}
			return nameKey
		}
	}
	return nameNothing
}
