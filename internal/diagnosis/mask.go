package diagnosis

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"rekey.example/rekey/internal/secret"
)

// Shape is what may be said of a secret without showing it.
type Shape struct {
	Length  int    // in characters; 0: unknown
	Hint    string // its first three characters, as the portal shows them
	GUID    bool   // it is a GUID, which no client secret of Entra is
	KeyID   string // that GUID: the id of a secret is no secret
	Encoded bool   // it has %7E and the like in it
	Spaces  bool   // white space or quotes around it
	Odd     string // what else is strange about it, in words
}

// Known reports whether anything is known.
func (s Shape) Known() bool { return s.Length > 0 || s.Hint != "" || s.GUID }

// ShapeOf looks at a value.
func ShapeOf(v secret.Value) Shape {
	text := v.Reveal()
	inner := strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '\'' || r == '`' })
	s := Shape{Length: len([]rune(text)), Hint: secret.New(inner).Hint(), Spaces: inner != text, GUID: guid.MatchString(inner)}
	if s.GUID {
		s.KeyID, s.Hint = strings.ToLower(inner), ""
	}
	if plain, err := url.PathUnescape(inner); err == nil && plain != inner {
		s.Encoded = true
	}
	if strings.ContainsFunc(inner, func(r rune) bool { return r > '~' || unicode.IsSpace(r) }) {
		s.Odd = "characters that no client secret has"
	}
	return s
}

const blacked = "[secret]"

var (
	// named are places where a secret stands, by its name.
	named = regexp.MustCompile(`(?i)((?:["']?(?:client[_-]?secret|clientSecret|app[_-]?secret|application[_ -]?secret|secretText|password|passwd|pwd|SharedAccessKey|AccountKey|access[_-]?key|api[_-]?key|aeg-sas-key|aeg-sas-token|x-functions-key|ocp-apim-subscription-key|refresh_token|access_token|id_token|client_assertion|AZURE_CLIENT_SECRET|[A-Z0-9_]*(?:SECRET|PASSWORD|_KEY))["']?\s*[=:]\s*|[?&](?:sig|code)=|Bearer\s+|--?(?:p|password|client-secret)[ =]))("[^"\n]+"|'[^'\n]+'|[^\s"',;&<>\[\]{}]{3,})`)
	// bare are secrets that are recognised by themselves.
	bareSecret = regexp.MustCompile(`[A-Za-z0-9_~.\-]{3}[0-9]Q~[A-Za-z0-9_~.\-]{28,36}|eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}(?:\.[A-Za-z0-9_\-]*)?|(?:[A-Za-z0-9+/]{4}){10,}[A-Za-z0-9+/]{2,3}={1,2}`)
	pemSecret  = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)
	formBody   = regexp.MustCompile(`(?i)grant_type=|client_id=[^\s&]+&|&scope=`)
	noValue    = regexp.MustCompile(`(?i)^["']?(?:\[secret\]|\*+|<[^>]*>|null|none|x{3,}|redacted.*|value|keys?|is|not|provided|was|the|for|invalid|and|or|name:?)["']?$|^["']?@|^["']?\$`)
)

// mask blacks out the secrets of a text. What may be said of the client secret
// among them is kept, since it often tells what is wrong.
func mask(text string) (masked string, s Shape, count int) {
	text = pemSecret.ReplaceAllStringFunc(text, func(string) string { count++; return blacked })
	form := formBody.MatchString(text)
	text = named.ReplaceAllStringFunc(text, func(whole string) string {
		m := named.FindStringSubmatch(whole)
		name, value := m[1], m[2]
		if noValue.MatchString(value) {
			return whole
		}
		plain := strings.Trim(value, `"'`)
		if form && !strings.HasPrefix(value, `"`) {
			if decoded, err := url.QueryUnescape(plain); err == nil {
				plain = decoded
			}
		}
		lower := strings.ToLower(name)
		isClient := strings.Contains(lower, "secret") && !strings.Contains(lower, "name")
		seen := ShapeOf(secret.New(plain))
		if isClient && !s.Known() {
			s = seen
		}
		if seen.GUID && isClient {
			return whole // the id of a secret, which opens nothing
		}
		if seen.GUID && !strings.Contains(lower, "key") && !strings.Contains(lower, "password") {
			return whole
		}
		count++
		return name + blacked
	})
	text = bareSecret.ReplaceAllStringFunc(text, func(value string) string {
		count++
		if seen := ShapeOf(secret.New(value)); !s.Known() && strings.Contains(value[:min(len(value), 8)], "Q~") {
			s = seen
		}
		return blacked
	})
	return text, s, count
}
