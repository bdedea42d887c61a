package diagnosis

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
)

// object is an application or a service principal as Graph tells it.
type object struct {
	ID         string     `json:"id"`
	AppID      string     `json:"appId"`
	Name       string     `json:"displayName"`
	Audience   string     `json:"signInAudience"`
	Home       string     `json:"appOwnerOrganizationId"`
	Enabled    *bool      `json:"accountEnabled"`
	Disabled   bool       `json:"isDisabled"`
	ByMS       string     `json:"disabledByMicrosoftStatus"`
	Type       string     `json:"servicePrincipalType"`
	Required   bool       `json:"appRoleAssignmentRequired"`
	DeletedAt  time.Time  `json:"deletedDateTime"`
	Passwords  []password `json:"passwordCredentials"`
	Keys       []key      `json:"keyCredentials"`
	Identifier []string   `json:"identifierUris"`
	Names      []string   `json:"servicePrincipalNames"`
}

type password struct {
	KeyID  string    `json:"keyId"`
	Name   string    `json:"displayName"`
	Hint   string    `json:"hint"`
	Starts time.Time `json:"startDateTime"`
	Ends   time.Time `json:"endDateTime"`
}

func (p password) valid(now time.Time) bool { return now.Before(p.Ends) && !now.Before(p.Starts) }

// words are how a person knows a secret again.
func (p password) words() string {
	text := "the secret " + p.KeyID
	if p.Hint != "" {
		text += " (" + p.Hint + "...)"
	}
	return text
}

type key struct {
	KeyID  string    `json:"keyId"`
	Name   string    `json:"displayName"`
	Custom string    `json:"customKeyIdentifier"` // SHA-1 in base64, or in hexadecimal
	Usage  string    `json:"usage"`
	Type   string    `json:"type"`
	Starts time.Time `json:"startDateTime"`
	Ends   time.Time `json:"endDateTime"`
}

// thumbprint is SHA-1 in upper-case hexadecimal; empty if it cannot be told.
func (k key) thumbprint() string { return thumbprint(k.Custom) }

func thumbprint(text string) string {
	if len(text) == 40 {
		if _, err := hex.DecodeString(text); err == nil {
			return strings.ToUpper(text)
		}
	}
	text = strings.TrimRight(text, "=")
	for _, coding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if raw, err := coding.DecodeString(text); err == nil && len(raw) == 20 {
			return strings.ToUpper(hex.EncodeToString(raw))
		}
	}
	return ""
}

// passwords are the client secrets with which the application can sign in.
func (l *walker) passwords() (list []password) {
	for _, o := range []*object{l.app, l.principal} {
		if o != nil {
			list = append(list, o.Passwords...)
		}
	}
	return list
}

// keys are its certificates.
func (l *walker) keys() (list []key) {
	for _, o := range []*object{l.app, l.principal} {
		if o == nil {
			continue
		}
		for _, k := range o.Keys {
			if k.Usage == "Verify" || k.Usage == "" {
				list = append(list, k)
			}
		}
	}
	return list
}

const (
	ofApplication = "?$select=id,appId,displayName,signInAudience,isDisabled,identifierUris,passwordCredentials,keyCredentials"
	ofPrincipal   = "?$select=id,appId,displayName,appOwnerOrganizationId,accountEnabled,servicePrincipalType,appRoleAssignmentRequired,servicePrincipalNames,passwordCredentials,keyCredentials"
)
