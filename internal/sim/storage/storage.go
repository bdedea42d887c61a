// Package storage answers as the blob service of the world's storage accounts,
// as far as a key is proved by it: the service's properties and the list of
// containers, which is empty. Requests are signed with one of the account's two
// keys (Shared Key), and the signature is computed again and compared.
//
// https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
package storage

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Handler answers for the hosts of blob services.
func Handler(w *world.World) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(strings.TrimSuffix(r.Host, ":443"))
		rw.Header().Set("x-ms-request-id", fmt.Sprintf("%08x-001e-0000-0000-%012x", time.Now().Unix(), time.Now().Nanosecond()))
		rw.Header().Set("x-ms-version", r.Header.Get("x-ms-version"))
		account := w.Serving(host)
		if account == nil {
			refuse(rw, &failure{http.StatusBadRequest, "InvalidUri", "The requested URI does not represent any resource on the server.", ""})
			return
		}
		body, f := serve(w, account, r)
		if f != nil {
			refuse(rw, f)
			return
		}
		rw.Header().Set("Content-Type", "application/xml")
		fmt.Fprint(rw, body)
	})
}

const head = "\ufeff" + `<?xml version="1.0" encoding="utf-8"?>`

func serve(w *world.World, account *world.Resource, r *http.Request) (string, *failure) {
	key, f := check(w, account, r)
	if f != nil {
		return "", f
	}
	q := r.URL.Query()
	what := q.Get("restype") + " " + q.Get("comp")
	switch {
	case r.Method != http.MethodGet || r.URL.Path != "/":
		return "", &failure{http.StatusMethodNotAllowed, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.", ""}
	case what == "service properties":
		w.Change(func() { w.Record(world.Fact{What: "blobProperties", Object: account.ID, Key: key}) })
		return head + `<StorageServiceProperties><Logging><Version>1.0</Version><Read>false</Read><Write>false</Write><Delete>false</Delete><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></Logging><Cors /></StorageServiceProperties>`, nil
	case what == " list":
		w.Change(func() { w.Record(world.Fact{What: "listContainers", Object: account.ID, Key: key}) })
		return head + `<EnumerationResults ServiceEndpoint="https://` + account.Host() + `/"><Containers /><NextMarker /></EnumerationResults>`, nil
	}
	return "", &failure{http.StatusBadRequest, "InvalidQueryParameterValue", "Value for one of the query parameters specified in the request URI is invalid.", ""}
}

// failure is an error as the service tells it.
type failure struct {
	status        int
	code, message string
	detail        string // AuthenticationErrorDetail, if any
}

func refuse(rw http.ResponseWriter, f *failure) {
	type answer struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
		Detail  string `xml:"AuthenticationErrorDetail,omitempty"`
	}
	id := rw.Header().Get("x-ms-request-id")
	text, err := xml.Marshal(answer{Code: f.code, Message: f.message + "\nRequestId:" + id + "\nTime:" + time.Now().UTC().Format("2006-01-02T15:04:05.0000000Z"), Detail: f.detail})
	if err != nil {
		panic("storage: " + err.Error()) // a struct of texts always marshals
	}
	rw.Header().Set("Content-Type", "application/xml")
	rw.Header().Set("x-ms-error-code", f.code)
	if f.status == http.StatusUnauthorized {
		rw.Header().Set("WWW-Authenticate", "Bearer authorization_uri=https://login.microsoftonline.com/ resource_id=https://storage.azure.com")
	}
	rw.WriteHeader(f.status)
	rw.Write([]byte(head))
	rw.Write(text)
}
