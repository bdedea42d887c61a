package azure

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// SignInError says why Entra refused us, or why it could not be asked, and what
// to do about it.
type SignInError struct {
	Code int    // AADSTS number; 0 if there is none
	Text string // one sentence
	Cure string // what to do; empty if only Text can tell
}

func (e *SignInError) Error() string {
	text := "sign-in failed: " + e.Text
	if e.Cure != "" {
		text += "; " + e.Cure
	}
	return text
}

var aadsts = regexp.MustCompile(`AADSTS(\d{4,9}):?\s*([^"\r\n\\]*)`)

// cures are for the refusals a person can do something about. See
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
var cures = map[int]string{
	90002:   "check the tenant id: no such tenant",
	900023:  "check the tenant id: it is neither a GUID nor a domain",
	90013:   "check the tenant id and the client id",
	700016:  "check the client id, and that the application is in this tenant",
	7000215: "check the client secret: it must be the value, not its id",
	7000222: "the client secret has expired; make a new one for rekey's own application",
	7000112: "the application is switched off in this tenant",
	700024:  "check this machine's clock: the certificate's assertion is not valid at Entra's time",
	700027:  "the certificate is not registered on rekey's own application, or has expired",
	7000229: "the application has no service principal in this tenant; grant consent once",
	53003:   "a Conditional Access policy blocks rekey's own identity",
	500011:  "the resource is not known in this tenant",
}

// explain turns the many-lined errors of azidentity into one sentence. What they
// quote of the answer stays behind.
func explain(err error) error {
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return fmt.Errorf("cannot sign in: %w", ended)
		}
	}
	text := answered(err)
	if m := aadsts.FindStringSubmatch(text); m != nil {
		code, _ := strconv.Atoi(m[1])
		sentence, _, _ := strings.Cut(m[2], "Trace ID:")
		return &SignInError{Code: code, Text: fmt.Sprintf("AADSTS%d %s", code, shorten(sentence)), Cure: cures[code]}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok || strings.Contains(text, "x509:") {
		return &SignInError{Text: "the certificate of the login host is not trusted", Cure: "if a proxy or the simulator stands between, give its CA file (ca_file)"}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok || strings.Contains(text, "no such host") {
		return &SignInError{Text: "the login host was not found", Cure: "check the network and the proxy"}
	}
	if _, ok := errors.AsType[*net.OpError](err); ok || strings.Contains(text, "connection refused") {
		return &SignInError{Text: "the login host could not be reached", Cure: "check the network and the proxy"}
	}
	return &SignInError{Text: shorten(text)}
}

// answered is the text to look for a code in: Entra's answer, or the error's own.
func answered(err error) string {
	if e, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok && e.RawResponse != nil && e.RawResponse.Body != nil {
		if body, readErr := io.ReadAll(io.LimitReader(e.RawResponse.Body, 64<<10)); readErr == nil && aadsts.Match(body) {
			return string(body)
		}
	}
	return err.Error()
}

// shorten keeps the first 300 printable characters.
func shorten(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)), " ")
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "..."
	}
	return s
}
