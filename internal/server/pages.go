package server

import (
	"encoding/json"
	"net/http"
	"sync"

	"gopkg.in/yaml.v3"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/server/ui"
)

// pages adds the console, and what all pages load. Each page sets its own policy.
func pages(mux *http.ServeMux, console http.Handler) {
	mux.Handle("GET /assets/", ui.Assets())
	if console == nil {
		console = http.HandlerFunc(nothing)
	}
	mux.Handle("/", console)
}

func nothing(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusNotFound, "no_route", "there is nothing at this address", "the API's addresses are in /openapi.json")
}

func static(kind string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-cache")
		w.Write(body)
	}
}

// document is the API's description as JSON.
var document = sync.OnceValues(func() ([]byte, error) {
	var v any
	if err := yaml.Unmarshal(wire.Description, &v); err != nil {
		return nil, err
	}
	return json.MarshalIndent(v, "", "  ")
})

func openAPI(w http.ResponseWriter, _ *http.Request) {
	raw, err := document()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "internal", "the API's description cannot be shown", "report it as a bug")
		return
	}
	static("application/json", raw)(w, nil)
}
