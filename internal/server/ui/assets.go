package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strings"
)

//go:embed assets/*
var assetFiles embed.FS

// The addresses of what pages load. Each carries a hash of its content, so that a
// browser may keep it for ever.
var (
	StylePath   = versioned("console.css")
	scriptPath  = versioned("console.js")
	faviconPath = versioned("icon.svg")
)

func versioned(name string) string {
	raw, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // it is part of the program
	}
	sum := sha256.Sum256(raw)
	return "/assets/" + name + "?v=" + hex.EncodeToString(sum[:6])
}

// Assets answers for everything under /assets/, to anybody.
func Assets() http.Handler {
	kinds := map[string]string{"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/assets/")
		raw, err := assetFiles.ReadFile("assets/" + name)
		_, ending, _ := strings.Cut(name, ".")
		if err != nil || kinds[ending] == "" || strings.Contains(name, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", kinds[ending])
		w.Header().Set("Cache-Control", "no-cache")
		if r.URL.RequestURI() == versioned(name) {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		_, _ = w.Write(raw) // the browser may have gone
	})
}
