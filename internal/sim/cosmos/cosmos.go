// Package cosmos answers as the accounts of Azure Cosmos DB, as far as a key is
// proved by it: the list of databases, which is empty. Requests carry a token
// made with one of the account's keys, which is computed again and compared.
//
// https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources
package cosmos

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Handler answers for the hosts of accounts.
func Handler(w *world.World) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		account := w.Serving(strings.ToLower(strings.TrimSuffix(r.Host, ":443")))
		status, body := serve(w, account, r)
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("x-ms-gatewayversion", "version=2.14.0")
		rw.WriteHeader(status)
		_ = json.NewEncoder(rw).Encode(body) // the client has gone if this fails
	})
}

func refused(status int, code, message string) (int, any) {
	id := fmt.Sprintf("%08x-0000-4000-8000-%012x", time.Now().Unix(), time.Now().Nanosecond())
	return status, map[string]string{"code": code, "message": message + "\r\nActivityId: " + id + ", Microsoft.Azure.Documents.Common/2.14.0"}
}

func serve(w *world.World, account *world.Resource, r *http.Request) (status int, body any) {
	path := strings.Trim(r.URL.Path, "/")
	switch {
	case account == nil || path != "dbs":
		return refused(http.StatusNotFound, "NotFound", "Message: {\"Errors\":[\"Resource Not Found.\"]}")
	case r.Method != http.MethodGet:
		return refused(http.StatusMethodNotAllowed, "MethodNotAllowed", "The requested verb is not supported.")
	case r.Header.Get("x-ms-version") == "":
		return refused(http.StatusBadRequest, "BadRequest", "The input request is missing the required header x-ms-version.")
	}
	key, status, code, why := check(w, account, r)
	if status != 0 {
		return refused(status, code, why)
	}
	w.Change(func() { w.Record(world.Fact{What: "listDatabases", Object: account.ID, Key: key}) })
	return http.StatusOK, map[string]any{"_rid": "", "Databases": []any{}, "_count": 0}
}

const unauthorized = "Unauthorized"

// check says which key made the token; a status tells that none did.
func check(w *world.World, account *world.Resource, r *http.Request) (key string, status int, code, why string) {
	sent, err := url.QueryUnescape(r.Header.Get("Authorization"))
	if err != nil || sent == "" {
		return "", http.StatusUnauthorized, unauthorized, "Required Header authorization is missing. Ensure a valid Authorization token is passed."
	}
	token := map[string]string{}
	for field := range strings.SplitSeq(sent, "&") {
		name, value, _ := strings.Cut(field, "=")
		token[name] = value
	}
	if token["type"] != "master" || token["ver"] != "1.0" {
		return "", http.StatusUnauthorized, unauthorized, "The authorization token is not of a kind that is known."
	}
	date := r.Header.Get("x-ms-date")
	at, err := http.ParseTime(date)
	if err != nil || time.Since(at).Abs() > 15*time.Minute {
		return "", http.StatusForbidden, "Forbidden", "The authorization token is not valid at the current time. Please create another token and retry (token start time: " + date + ")."
	}
	payload := "get\ndbs\n\n" + strings.ToLower(date) + "\n\n"
	replica, found := w.Replica(), false
	w.Read(func() {
		if account.KeysRefused() {
			status, code, why = http.StatusUnauthorized, unauthorized, "Local Authorization is disabled. Use an AAD token to authorize all requests."
			return
		}
		key, found = w.Opens(replica, account, func(value string) bool {
			raw, err := base64.StdEncoding.DecodeString(value)
			mac := hmac.New(sha256.New, raw)
			mac.Write([]byte(payload))
			return err == nil && hmac.Equal([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))), []byte(token["sig"]))
		})
		if !found {
			status, code, why = http.StatusUnauthorized, unauthorized, "The input authorization token can't serve the request. The wrong key is being used or the expected payload is not built as per the protocol. "+
				"For more info: https://aka.ms/cosmosdb-tsg-unauthorized. Server used the following payload to sign: '"+payload+"'"
		}
	})
	return key, status, code, why
}
