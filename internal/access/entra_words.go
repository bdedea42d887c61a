package access

import (
	"cmp"
	"strconv"
)

// refusedByEntra says what one of Entra's refusals means and who can do what.
// The codes are public:
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func refusedByEntra(name string, codes []int) error {
	for _, code := range codes {
		if text := entraWords[code]; text != "" {
			return &SignInError{Code: "AADSTS" + strconv.Itoa(code), Text: text}
		}
	}
	e := &SignInError{Code: cmp.Or(name, "no answer"), Text: "try again; if it stays so, an administrator finds the reason in Entra's sign-in log"}
	if len(codes) > 0 {
		e.Code = "AADSTS" + strconv.Itoa(codes[0])
	}
	return e
}

var entraWords = map[int]string{
	7000222: "the secret that rekey signs in with has ended; an administrator makes a new one for its application and sets signIn.clientSecretFile",
	7000215: "the secret that rekey signs in with is not right; an administrator checks signIn.clientSecretFile: the value is needed, not the secret's id",
	7000218: "rekey sent no secret; an administrator sets signIn.clientSecretFile or signIn.certificateFile",
	700016:  "Entra does not know the application; an administrator compares signIn.clientId and tenant.id",
	7000112: "the application is disabled; an administrator enables it under Enterprise applications",
	50011:   "the address to come back to is not registered; an administrator adds it under Authentication, Web",
	70008:   "the sign-in took too long; begin again",
	54005:   "this sign-in was ended before; begin again",
	501481:  "the sign-in was not begun in this browser; begin again",
	50105:   "you are not assigned to the application; ask whoever runs rekey for one of the roles user, administrator or auditor",
	65004:   "consent was not given; ask an administrator to consent for the organization",
	53003:   "a Conditional Access policy forbids it",
	50057:   "the account is disabled",
	700027:  "the certificate that rekey signs in with is not registered for its application",
}

// RefusedInBrowser is the error that a browser brought back from Entra.
func RefusedInBrowser(name string, code int) error {
	switch name {
	case "access_denied", "consent_required", "interaction_required", "login_required", "invalid_request", "unauthorized_client", "server_error", "temporarily_unavailable":
	default:
		name = "other" // the text in an address is anybody's
	}
	if code == 0 {
		if name == "access_denied" {
			return &SignInError{Code: name, Text: "the sign-in was cancelled"}
		}
		return refusedByEntra(name, nil)
	}
	return refusedByEntra(name, []int{code})
}
