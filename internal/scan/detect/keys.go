package detect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// keys are private keys, tokens with claims, and key containers.
var keys = []Detector{
	{ID: "private-key", Name: "Private key (PEM)", Issuer: "any", Class: Certain, Anchors: []string{"-----BEGIN ", "---- BEGIN "}, Find: findPEM, Advice: adviceVault, Yes: pemExamples("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK", "ENCRYPTED PRIVATE KEY"),
		No: []string{"-----BEGIN " + "CERTIFICATE-----\n{b64}\n{b64}\n-----END CERTIFICATE-----", "-----BEGIN PRIV" + "ATE KEY-----", "-----BEGIN PUBLIC KEY-----\n{b64}\n{b64}\n", "-----BEGIN RSA PRIV" + "ATE KEY-----\n...\n-----END RSA PRIVATE KEY-----"}},
	{ID: "putty-private-key", Name: "PuTTY private key", Issuer: "SSH", Class: Certain, Anchors: []string{"PuTTY-User-Key-File-"}, Find: findPutty, Yes: []string{"PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nComment: x\nPublic-Lines: 1\n{b64}\nPrivate-Lines: 6\n{b64}\n{b64}\n{b64}\n{b64}\n{b64}\n{b20}\nPrivate-MAC: {h40}"}, No: []string{"PuTTY-User-Key-File-2: ssh-rsa"}},
	{ID: "pfx-base64", Name: "Certificate with private key (PFX) in base64", Issuer: "any", Class: Likely, Anchors: []string{"IBAzCC"}, Find: findPFX, Advice: adviceVault, Yes: []string{`"pfx": "MIIKAgIBAzCC{b900}"`}, No: []string{"IBAzCC", "MIIKAgIBAzCC{b20}"}},
	{ID: "json-web-key", Name: "Private JSON Web Key", Issuer: "any", Class: Certain, Anchors: []string{"\"kty\"", "\\\"kty\\\""}, Find: findJWK, Yes: []string{`{"kty":"RSA","n":"{w342}","e":"AQAB","d":"{w342}","p":"{w170}"}`, `{"kty": "EC", "crv":"P-256", "x":"{w43}", "y":"{w43}", "d":"{w43}"}`}, No: []string{`{"kty":"RSA","n":"{w342}","e":"AQAB"}`}},
	{ID: "jwt", Name: "JSON Web Token", Issuer: "any", Class: Likely, Anchors: []string{"eyJ"}, Find: findJWT, Make: makeJWT, No: []string{"eyJ", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJ{a30}.{a30}.{a30}", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"}},
	{ID: "entra-refresh-token", Name: "Refresh token of Microsoft Entra ID", Issuer: "Microsoft Entra ID", Class: Likely, Anchors: []string{"0.A", "1.A"}, Find: findEntraRefresh, Yes: []string{`"refresh_token": "0.AXoA{w400}"`, `refresh_token=1.AXoA{w600}&x`}, No: []string{"0.AX", "version 0.Alpha"}},
	{ID: "wireguard-private-key", Name: "WireGuard private key", Issuer: "WireGuard", Class: Likely, Fold: false, Anchors: []string{"PrivateKey = ", "PrivateKey=", "PresharedKey = "}, Pattern: `(?:Private|Preshared)Key ?= ?([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)`, Edge: EdgeNone, Yes: []string{"PrivateKey = {b42}A="}, No: []string{"PrivateKey = <key>"}},
}

func pemExamples(labels ...string) (out []string) {
	for _, l := range labels {
		out = append(out, "-----BEGIN "+l+"-----\n{b64}\n{b64}\n{b64}\n{b64}\n-----END "+l+"-----", `"-----BEGIN `+l+`-----\n{b64}\n{b64}\n{b64}\n-----END `+l+`-----\n"`)
	}
	return out
}

// findPEM reads a block and looks that something like a key stands in it.
func findPEM(in *Input, at int) (Match, bool) {
	data := in.Data
	head := data[at:min(len(data), at+80)]
	i := bytes.Index(head, []byte("PRIVATE KEY"))
	if i < 0 || i > 45 || bytes.IndexByte(head[:i], '\n') >= 0 {
		if !bytes.Contains(head[:min(len(head), 50)], []byte("SSH2 ENCRYPTED PRIVATE")) {
			return Match{}, false
		}
		i = 11
	}
	body := at + i + 11
	end := body
	key := 0
	for end < len(data) && end-at < 16384 {
		c := data[end]
		if c == '-' && bytes.HasPrefix(data[end:], []byte("---- ")) || c == '-' && end > body+12 && bytes.HasPrefix(data[end:], []byte("-----")) {
			if bytes.HasPrefix(data[end:], []byte("-----BEGIN")) {
				return Match{}, false // another begins: this one has no end
			}
			break
		}
		if classOf[c]&(alnum|plus) != 0 {
			key++
		}
		end++
	}
	if key < 60 || end-at >= 16384 {
		return Match{}, false
	}
	text := data[body:end]
	if bytes.Contains(text, []byte("...")) || repeats(text[:min(len(text), 200)]) && Entropy(text) < 4 || Entropy(text) < 3.6 || bytes.Count(text, []byte(" ")) > key/6 {
		return Match{}, false
	}
	stop := min(len(data), end+len("-----END PRIVATE KEY-----"))
	if j := bytes.Index(data[end:min(len(data), end+60)], []byte("KEY")); j >= 0 {
		stop = end + j + 3
	}
	m := Match{Start: at, End: stop, Class: Certain}
	label := string(bytes.Trim(head[len("-----BEGIN"):i], " -"))
	if label != "" {
		m.Add("format", strings.TrimSpace(label))
	}
	if strings.Contains(label, "ENCRYPTED") || bytes.Contains(text[:min(len(text), 60)], []byte("ENCRYPTED")) {
		m.Class = Likely
		m.Add("state", "encrypted with a passphrase")
	}
	if wontMatter(in.Path) {
		m.Class = Possible
		m.Add("place", "test or example")
	}
	return m, true
}

// findPutty reads the private lines of a key file.
func findPutty(in *Input, at int) (Match, bool) {
	part := in.Data[at:min(len(in.Data), at+8000)]
	i := bytes.Index(part, []byte("Private-Lines:"))
	if i < 0 {
		return Match{}, false
	}
	j := bytes.IndexByte(part[i:], '\n')
	end := bytes.Index(part[i:], []byte("Private-MAC"))
	if j < 0 || end < j+60 {
		return Match{}, false
	}
	return Match{Start: at + i + j + 1, End: at + i + end, Class: Certain}, true
}

func findPFX(in *Input, at int) (Match, bool) {
	start := at
	for start > 0 && at-start < 12 && classOf[in.Data[start-1]]&(alnum|plus) != 0 {
		start--
	}
	if at-start < 5 || at-start > 7 || in.Data[start] != 'M' || in.Data[start+1] != 'I' {
		return Match{}, false
	}
	end := at
	for end < len(in.Data) && end-at < 64<<10 && (classOf[in.Data[end]]&(alnum|plus) != 0 || in.Data[end] == '=' || in.Data[end] == '\n' || in.Data[end] == '\r') {
		end++
	}
	if end-start < 600 {
		return Match{}, false
	}
	class := Likely
	if wontMatter(in.Path) {
		class = Possible
	}
	return Match{Start: start, End: end, Class: class}, true
}

func findJWK(in *Input, at int) (Match, bool) {
	colon := at + 5
	for colon < len(in.Data) && colon < at+12 && (in.Data[colon] == '"' || in.Data[colon] == '\\' || in.Data[colon] == ' ') {
		colon++
	}
	if colon >= len(in.Data) || in.Data[colon] != ':' {
		return Match{}, false
	}
	from, to := max(0, at-2500), min(len(in.Data), at+2500)
	if i := bytes.LastIndexByte(in.Data[from:at], '{'); i >= 0 {
		from += i
	}
	if i := bytes.IndexByte(in.Data[at:to], '}'); i >= 0 {
		to = at + i
	}
	part := in.Data[from:to]
	i := bytes.Index(part, []byte(`"d"`))
	if i < 0 {
		i = bytes.Index(part, []byte(`"k"`))
	}
	if i < 0 {
		return Match{}, false
	}
	p, ok := assigned(in.Data, from+i+1, from+i+2)
	if !ok || p.end-p.start < 40 || Placeholder(in.Data[p.start:p.end]) {
		return Match{}, false
	}
	class := Certain
	if wontMatter(in.Path) {
		class = Possible
	}
	return Match{Start: p.start, End: p.end, Class: class}, true
}

// findJWT decodes header and claims: their end, issuer and audience are facts.
func findJWT(in *Input, at int) (Match, bool) {
	data := in.Data
	if at > 0 && classOf[data[at-1]]&(word|dash) != 0 && !escapeEnds(data, at) || at > 0 && data[at-1] == '.' {
		return Match{}, false
	}
	var part [3][2]int
	pos := at
	for i := range part {
		start := pos
		for pos < len(data) && pos-at < 16384 && classOf[data[pos]]&(word|dash) != 0 {
			pos++
		}
		part[i] = [2]int{start, pos}
		if i < 2 {
			if pos >= len(data) || data[pos] != '.' || pos-start < 14 {
				return Match{}, false
			}
			pos++
		}
	}
	if part[2][1]-part[2][0] < 10 && part[2][1] != part[2][0] {
		return Match{}, false
	}
	end := part[2][1]
	var header struct{ Alg, Kid, Typ string }
	var claims map[string]any
	h, _ := base64.RawURLEncoding.DecodeString(string(data[part[0][0]:part[0][1]]))
	if json.Unmarshal(h, &header) != nil || header.Alg == "" {
		return Match{}, false
	}
	c, _ := base64.RawURLEncoding.DecodeString(string(data[part[1][0]:part[1][1]]))
	m := Match{Start: at, End: end, Class: Likely}
	if json.Unmarshal(c, &claims) != nil {
		m.Class = Possible
		return m, true
	}
	if Placeholder(data[at:end]) || part[2][0] == part[2][1] {
		return Match{}, false
	}
	for _, k := range []string{"iss", "aud", "appid", "azp", "tid"} {
		if s, ok := claims[k].(string); ok && len(s) < 200 {
			m.Add(k, s)
		}
	}
	exp, has := claims["exp"].(float64)
	if !has {
		m.Add("ends", "never")
	} else if exp > 0 && exp < 1e11 {
		t := time.Unix(int64(exp), 0)
		m.Add("ends", t.UTC().Format(time.RFC3339))
		if t.Before(time.Now()) {
			m.Class = Possible
			m.Add("state", "expired")
		}
	}
	if wontMatter(in.Path) {
		m.Class = Possible
	}
	return m, true
}

func makeJWT() []string {
	enc := base64.RawURLEncoding.EncodeToString
	long := enc([]byte(`{"alg":"RS256","typ":"JWT","kid":"`+Expand("kid", "{a8}")+`"}`)) + "." + enc([]byte(`{"iss":"https://sts.windows.net/x/","aud":"https://graph.microsoft.com","exp":4102444800}`)) + "." + Expand("sig", "{w342}")
	return []string{long, "Authorization: Bearer " + long, `"token":"` + long + `"`}
}

func findEntraRefresh(in *Input, at int) (Match, bool) {
	data := in.Data
	if !in.Text || at > 0 && classOf[data[at-1]]&(word|dash) != 0 || at > 0 && data[at-1] == '.' {
		return Match{}, false
	}
	end := at
	for end < len(data) && end-at < 3000 && (classOf[data[end]]&(word|dash) != 0 || data[end] == '.') {
		end++
	}
	if end-at < 300 {
		return Match{}, false
	}
	v := data[at:end]
	return Match{Start: at, End: end, Class: Likely}, Entropy(v) > 4.5
}
