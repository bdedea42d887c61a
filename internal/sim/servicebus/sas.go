package servicebus

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const invalidSignature = "InvalidSignature: The token has an invalid signature."

// signer is the rule whose key signed a request, and which key.
type signer struct {
	rule *world.Resource
	key  string
}

func (s signer) may(right string) bool {
	rights, _ := s.rule.Properties["rights"].([]any)
	for _, r := range rights {
		if r == right {
			return true
		}
	}
	return false
}

// check finds the rule whose key signed the request, or says why none did.
func (q *request) check() (by signer, why string) {
	sent := q.r.Header.Get("Authorization")
	fields, ok := strings.CutPrefix(sent, "SharedAccessSignature ")
	if !ok {
		return by, "MissingToken: The request contains no authorization header."
	}
	token, resource := map[string]string{}, ""
	for field := range strings.SplitSeq(fields, "&") {
		name, value, _ := strings.Cut(field, "=")
		plain, err := url.QueryUnescape(value)
		if err != nil {
			return by, "MalformedToken: The token is malformed."
		}
		if token[name] = plain; name == "sr" {
			resource = value
		}
	}
	off := false
	q.w.Read(func() { off = q.space.KeysRefused() })
	if off {
		return by, "LocalAuthDisabled: Authorization failed because SAS authentication has been disabled for the namespace."
	}
	within, ok := q.within(token["sr"])
	if !ok {
		return by, "InvalidAudience: The authorization header contains a token with a wrong audience."
	}
	replica, signed := q.w.Replica(), []byte(resource+"\n"+token["se"])
	q.w.Read(func() {
		for _, rule := range q.rules(within, token["skn"]) {
			name, fits := q.w.Opens(replica, rule, func(value string) bool {
				mac := hmac.New(sha256.New, []byte(value)) // the key as it is written, not decoded
				mac.Write(signed)
				return hmac.Equal([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))), []byte(token["sig"]))
			})
			if fits {
				by = signer{rule, name}
			}
		}
	})
	if by.rule == nil {
		return by, invalidSignature
	}
	if end, err := strconv.ParseInt(token["se"], 10, 64); err != nil || time.Now().Unix() > end {
		return by, "ExpiredToken: The token is expired."
	}
	return by, ""
}

// within is the path that a token was made for, if the request lies in it.
func (q *request) within(resource string) (path string, ok bool) {
	u, err := url.Parse(strings.ToLower(resource))
	if err != nil || u.Hostname() != q.host {
		return "", false
	}
	path = strings.Trim(u.Path, "/")
	asked := strings.ToLower(q.path)
	return path, path == "" || asked == path || strings.HasPrefix(asked, path+"/")
}

// rules are those of a name that can sign for a path: the namespace's, and the
// entity's if the token was made for one. The caller of rules holds Read.
func (q *request) rules(path, name string) (found []*world.Resource) {
	for _, r := range q.w.Azure.Resources {
		below, ok := strings.CutPrefix(strings.ToLower(r.ID), strings.ToLower(q.space.ID)+"/")
		if !ok || !strings.HasSuffix(r.Type, "/authorizationRules") {
			continue
		}
		segments := strings.Split(below, "/") // authorizationrules/r, or queues/q/authorizationrules/r
		entity := ""
		if len(segments) == 4 {
			entity = segments[1]
		}
		if r.Name[strings.LastIndex(r.Name, "/")+1:] == name && (entity == "" || entity == path) {
			found = append(found, r)
		}
	}
	return found
}
