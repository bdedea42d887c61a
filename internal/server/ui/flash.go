package ui

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// Notice is a message of the page, in the flow of it: nothing pops up and goes away.
type Notice struct {
	Tone   string // good, info, warn, bad
	Title  Text
	Detail Text
	Action Link // what to do; none without an address
}

func good(text string) Notice { return Notice{Tone: "good", Title: words(text)} }
func warn(title, detail string) Notice {
	return Notice{Tone: "warn", Title: words(title), Detail: words(detail)}
}

// Icon is the shape that says the tone without its colour.
func (n Notice) Icon() string { return toneIcon(n.Tone) }

// Role is how a screen reader hears it.
func (n Notice) Role() string {
	if n.Tone == "bad" {
		return "alert"
	}
	return "status"
}

// What a form did is said by the page after it, once. The message travels in a
// cookie, so that any replica can show it; it is text and nothing else, whoever wrote it.
type flash struct {
	Tone   string `json:"t"`
	Title  string `json:"m"`
	Detail string `json:"d,omitempty"`
}

const longestFlash = 700 // characters

// cookie makes one that no script reads and no other site sends.
func cookie(r *http.Request, name, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(r, name), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	}
}

// cookieName: over TLS nobody but this very host can have set it.
func cookieName(r *http.Request, name string) string {
	if r.TLS != nil {
		return "__Host-rekey-" + name
	}
	return "rekey-" + name
}

func putFlash(w http.ResponseWriter, r *http.Request, n Notice) {
	raw, err := json.Marshal(flash{n.Tone, cut(n.Title.Full, longestFlash), cut(n.Detail.Full, longestFlash)})
	if err != nil {
		return // strings always encode
	}
	http.SetCookie(w, cookie(r, "said", base64.RawURLEncoding.EncodeToString(raw), 60))
}

func takeFlash(w http.ResponseWriter, r *http.Request) *Notice {
	k, err := r.Cookie(cookieName(r, "said"))
	if err != nil || r.Header.Get("Rekey-Live") != "" {
		return nil
	}
	http.SetCookie(w, cookie(r, "said", "", -1))
	raw, err := base64.RawURLEncoding.DecodeString(k.Value)
	var f flash
	if err != nil || json.Unmarshal(raw, &f) != nil {
		return nil
	}
	switch f.Tone {
	case "good", "info", "warn", "bad":
	default:
		return nil
	}
	return &Notice{Tone: f.Tone, Title: words(f.Title), Detail: words(f.Detail)}
}
