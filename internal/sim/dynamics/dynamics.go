// Package dynamics answers as environments of Dynamics 365 Finance and Operations,
// as far as their business event endpoints are concerned: a list over OData, without
// the application's secret, which the product never shows again.
package dynamics

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// Handler answers for the hosts of environments.
func Handler(w *world.World) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(strings.TrimSuffix(r.Host, ":443"))
		claims, err := w.Bearer(r.Header.Get("Authorization"), "https://"+host)
		if err != nil {
			rw.Header().Set("WWW-Authenticate", `Bearer authorization_uri="https://login.windows.net/`+w.Tenant.ID+`"`)
			refuse(rw, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
			return
		}
		var list []map[string]any
		known := false
		w.Read(func() {
			f := w.Finance[host]
			if f == nil || !slices.ContainsFunc(f.Registered, func(id string) bool { return strings.EqualFold(id, claims.AppID) }) {
				return
			}
			known = true
			for _, e := range f.Endpoints {
				list = append(list, map[string]any{
					"EndpointName": e.Name, "EndpointType": e.Type, "EndpointAddress": e.Address, "ApplicationId": e.Client,
					"KeyVaultDnsName": e.Vault, "KeyVaultSecretName": e.Secret, "IsActive": yes(e.Active), "HasApplicationSecret": yes(e.AppSecret != ""),
				})
			}
		})
		switch {
		case !known: // an application that the environment does not list is a stranger to it
			refuse(rw, http.StatusUnauthorized, "Unauthorized", "The application is not registered in this environment.")
		case r.Method != http.MethodGet:
			refuse(rw, http.StatusMethodNotAllowed, "MethodNotAllowed", "The method is not allowed.")
		case !strings.EqualFold(r.URL.Path, "/data/BusinessEventsEndpoints"):
			refuse(rw, http.StatusNotFound, "", "No HTTP resource was found that matches the request URI 'https://"+host+r.URL.Path+"'.")
		default:
			write(rw, http.StatusOK, map[string]any{"@odata.context": "https://" + host + "/data/$metadata#BusinessEventsEndpoints", "value": list})
		}
	})
}

func yes(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

func refuse(rw http.ResponseWriter, status int, code, message string) {
	write(rw, status, map[string]any{"error": map[string]any{"code": code, "message": message}})
}

func write(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body) // the client has gone if this fails
}
