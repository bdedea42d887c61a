package diagnosis

import (
	"html"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// LongestPaste bounds a text that is looked through, in bytes.
const LongestPaste = 256 << 10

// Facts are what is known of a failure before anybody looked: out of a pasted
// text, or as they were given. Empty means unknown. They hold no secret.
type Facts struct {
	Client      string    // client id of the application that signs in
	Tenant      string    // GUID or domain it signs in to
	Caller      string    // object id of the principal that a vault named
	CallerApp   string    // its client id
	Vault       string    // host
	Secret      string    // name of the entry
	Version     string    // of the entry, where the consumer asks for one
	Resource    string    // that a token was asked for: https://graph.microsoft.com
	Scope       string    // as it was asked for
	Endpoint    string    // name of a business event endpoint
	Environment string    // host of a Finance and Operations environment
	Topic       string    // host of an Event Grid topic or a Service Bus namespace
	Entity      string    // queue or topic below a namespace
	Site        string    // name or ARM id of an App Service or Functions app
	Identity    string    // object id, or name, of the identity that an app uses
	Path        string    // ARM path of a vault entry, as Power Platform keeps it
	Thumbprint  string    // of the certificate that signed
	Issuer      string    // of a federated token
	Subject     string    // likewise
	Audience    string    // likewise
	Address     string    // the client's IP address
	Authority   string    // who issued the TLS certificate that was not trusted
	Correlation string    // to find the call again in Microsoft's logs
	Time        time.Time // when it failed
	From        time.Time // from when an assertion was valid ...
	Until       time.Time // ... and until when
	Now         time.Time // what Entra's clock said
	Shape       Shape     // of the secret that was sent, if it stood in the text
	Masked      int       // how many secrets were blacked out
}

// Pasted is a text that somebody pasted, without the secrets that were in it.
type Pasted struct {
	Text  string
	Facts Facts
	Codes []string // in the order in which they stand in the text: AADSTS7000215, ForbiddenByRbac
}

// Read looks through a text: an error message in any language, a JSON or HTML
// answer, a whole log. The first thing it does is to black the secrets out.
func Read(text string) Pasted {
	text = plainText(text)
	p := Pasted{}
	p.Text, p.Facts.Shape, p.Facts.Masked = mask(text)
	p.Facts.read(p.Text)
	p.Codes = codesIn(p.Text)
	return p
}

var (
	tags    = regexp.MustCompile(`(?s)<(?:script|style)[^>]*>.*?</(?:script|style)>|<[a-zA-Z/!][^<>]{0,500}>`)
	escapes = strings.NewReplacer(`\r`, " ", `\n`, "\n", `\t`, " ", `\"`, `"`, `\/`, "/", `\u0027`, "'", `\u0022`, `"`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\\`, `\`)
	quotes  = strings.NewReplacer("\u2018", "'", "\u2019", "'", "\u201c", `"`, "\u201d", `"`, "\u00a0", " ", "\u2013", "-", "\u200b", "", "\ufeff", "")
)

// plainText takes HTML, JSON escapes and what word processors make of quotes out
// of a text.
func plainText(text string) string {
	if len(text) > LongestPaste {
		text = text[:LongestPaste]
	}
	text = strings.ToValidUTF8(text, " ")
	if strings.Contains(text, "\x00") { // UTF-16, as PowerShell redirects it
		text = strings.ReplaceAll(text, "\x00", "")
	}
	text = escapes.Replace(text)
	if strings.ContainsRune(text, '<') {
		text = tags.ReplaceAllString(text, " ")
	}
	text = quotes.Replace(html.UnescapeString(text))
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError:
			return ' '
		}
		return r
	}, text)
}

var codeForms = regexp.MustCompile(`AADSTS ?(\d{4,9})|AADB2C\d{5}|\b(AKV1\d{4})\b|"?error_codes"?\s*:\s*\[\s*(\d{4,9})|\b(ForbiddenBy[A-Z][a-z]+|SecretNotFound|SecretDisabled|VaultNotFound|SecretVersionNotFound|MSINotEnabled|AccessToKeyVaultDenied|InvalidSyntax|ObjectIsDeletedButRecoverable|ObjectIsBeingDeleted|ObjectIsBeingRecovered|AuthorizationFailed|Authorization_RequestDenied|InvalidAuthenticationToken(?:Tenant|Audience)?|MissingSubscriptionRegistration|SubscriptionNotFound|BadParameter|Request_UnsupportedQuery|TooManyRequests|VaultRequestTypeLimitReached|4010[0-9]|40400|0x8[0-9A-Fa-f]{7})\b`)

// codesIn lists the codes in a text, each once, the first first.
func codesIn(text string) (list []string) {
	seen := map[string]bool{}
	for _, m := range codeForms.FindAllStringSubmatch(text, 2000) {
		code := strings.ReplaceAll(m[0], " ", "")
		switch {
		case m[1] != "":
			code = "AADSTS" + m[1]
		case m[3] != "":
			code = "AADSTS" + m[3]
		}
		if !seen[code] && len(list) < 100 {
			seen[code] = true
			list = append(list, code)
		}
	}
	return list
}
