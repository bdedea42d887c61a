package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const unauthentic = "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature."

// check says which key signed the request.
func check(w *world.World, account *world.Resource, r *http.Request) (key string, f *failure) {
	sent := r.Header.Get("Authorization")
	if sent == "" {
		return "", &failure{http.StatusUnauthorized, "NoAuthenticationInformation", "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.", ""}
	}
	scheme, rest, _ := strings.Cut(sent, " ")
	name, signature, ok := strings.Cut(rest, ":")
	if scheme != "SharedKey" || !ok {
		return "", &failure{http.StatusBadRequest, "InvalidAuthenticationInfo", "Authentication information is not given in the correct format. Check the value of Authorization header.", ""}
	}
	if f := checkDate(r); f != nil {
		return "", f
	}
	text := stringToSign(account.Name, r)
	replica, found := w.Replica(), false
	w.Read(func() {
		if account.KeysRefused() {
			f = &failure{http.StatusForbidden, "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted on this storage account.", ""}
			return
		}
		if strings.EqualFold(name, account.Name) {
			key, found = w.Opens(replica, account, func(value string) bool { return signedWith(value, text, signature) })
		}
		if !found {
			f = &failure{http.StatusForbidden, "AuthenticationFailed", unauthentic,
				"The MAC signature found in the HTTP request '" + signature + "' is not the same as any computed signature. Server used following string to sign: '" + text + "'."}
		}
	})
	return key, f
}

// checkDate refuses a request that is more than a quarter of an hour off.
func checkDate(r *http.Request) *failure {
	at, err := http.ParseTime(r.Header.Get("x-ms-date"))
	if err != nil {
		at, err = http.ParseTime(r.Header.Get("Date"))
	}
	if err != nil || time.Since(at).Abs() > 15*time.Minute {
		return &failure{http.StatusForbidden, "AuthenticationFailed", unauthentic, "Request date header too old: '" + r.Header.Get("x-ms-date") + "'"}
	}
	return nil
}

func signedWith(key, text, signature string) bool {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte(text))
	return hmac.Equal([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))), []byte(signature))
}

// stringToSign is the text of version 2015-02-21 and later, in which an empty
// body has an empty length.
func stringToSign(account string, r *http.Request) string {
	h := r.Header
	length := h.Get("Content-Length")
	if length == "0" {
		length = ""
	}
	date := h.Get("Date")
	if h.Get("x-ms-date") != "" {
		date = ""
	}
	lines := []string{
		r.Method, h.Get("Content-Encoding"), h.Get("Content-Language"), length, h.Get("Content-MD5"), h.Get("Content-Type"), date,
		h.Get("If-Modified-Since"), h.Get("If-Match"), h.Get("If-None-Match"), h.Get("If-Unmodified-Since"), h.Get("Range"),
	}
	var headers []string
	for name, values := range h {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-ms-") {
			headers = append(headers, name+":"+strings.Join(values, ","))
		}
	}
	slices.Sort(headers)
	return strings.Join(append(lines, headers...), "\n") + "\n/" + account + canonicalPath(r.URL)
}

// canonicalPath is the path and each parameter on a line of its own.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	var parameters []string
	for name, values := range u.Query() {
		slices.Sort(values)
		parameters = append(parameters, strings.ToLower(name)+":"+strings.Join(values, ","))
	}
	slices.Sort(parameters)
	for _, p := range parameters {
		path += "\n" + p
	}
	return path
}
