package server

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"sync"

	"gopkg.in/yaml.v3"

	wire "rekey.example/rekey/api"
)

//go:embed page/index.html page/style.css
var files embed.FS

// pages adds the page that says what this server is, and its style.
func pages(mux *http.ServeMux, version string) {
	var page bytes.Buffer
	t := template.Must(template.ParseFS(files, "page/index.html"))
	if err := t.Execute(&page, struct{ Version string }{version}); err != nil {
		panic(err) // the template is part of the program
	}
	style, err := files.ReadFile("page/style.css")
	if err != nil {
		panic(err) // so is the style
	}
	mux.HandleFunc("GET /{$}", static("text/html; charset=utf-8", page.Bytes()))
	mux.HandleFunc("GET /style.css", static("text/css; charset=utf-8", style))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "no_route", "there is nothing at this address", "the API's addresses are in /openapi.json")
	})
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
