package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	wire "rekey.example/rekey/api"
)

const atOnce = 256 // requests; more are told to come back

// Handler is everything the server answers.
func Handler(c Config) http.Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", c.API)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, c, false) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, c, true) })
	mux.HandleFunc("GET /openapi.json", openAPI)
	if c.Metrics != nil {
		mux.Handle("GET /metrics", c.Metrics)
	}
	pages(mux, c.Console)
	handovers(mux, c.Desk, c.Logger)
	calendars(mux, c.Feeds, c.Logger)
	if c.Slack != nil {
		mux.Handle("POST /slack/interactions", c.Slack)
	}
	c.Hooks.mount(mux)
	if c.Gate != nil {
		c.Gate.Routes(mux)
	}

	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "cross_origin", "the request was sent by a page of another site", "call the API from a program, or from this server's own pages")
	}))
	return c.Trace.Handler(logged(c, bounded(headers(own.Handler(mux)))))
}

// headers gives browsers no room: nothing loads, nothing frames, nothing is guessed.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// bounded keeps a flood from taking the memory of those inside.
func bounded(next http.Handler) http.Handler {
	slots := make(chan struct{}, atOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusServiceUnavailable, "busy", "too many requests run at once", "try again in a moment")
		}
	})
}

func refuse(w http.ResponseWriter, status int, code, detail, hint string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(wire.Problem{
		Type: "urn:rekey:problem:" + code, Title: http.StatusText(status), Status: status, Code: code, Detail: detail, Hint: hint,
	}) // the caller may be gone; there is nobody else to tell
}

// logged writes one line for each request: the route, never the address with its
// query, and nothing that was sent.
func logged(to Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c := &counted{ResponseWriter: w}
		defer func() {
			route := r.Pattern
			if route == "" {
				route = "none"
			}
			took := time.Since(began)
			if to.Observe != nil {
				to.Observe(method(r.Method), route, c.status, took)
			}
			to.Logger.Info("request", "method", method(r.Method), "route", route, "status", c.status, "bytes", c.bytes,
				"milliseconds", took.Milliseconds(), "request", w.Header().Get("client-request-id"))
		}()
		next.ServeHTTP(c, r)
	})
}

// method keeps invented methods out of the log.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// counted sees what is answered.
type counted struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (c *counted) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// ready says whether requests can be served, to whoever balances load; with
// ?writes also whether they may change anything, which they may not while rekey is
// held. What is wrong in detail is for the log and for rekey doctor.
func ready(w http.ResponseWriter, r *http.Request, c Config, verbose bool) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	status, lines := http.StatusOK, ""
	for _, check := range c.Checks {
		if err := check.Do(ctx); err != nil {
			status = http.StatusServiceUnavailable
			lines += fmt.Sprintf("[-] %s failed\n", check.Name)
			continue
		}
		lines += fmt.Sprintf("[+] %s ok\n", check.Name)
	}
	result := "ok\n"
	if status != http.StatusOK {
		result = "not ready\n"
	}
	if c.Held != nil {
		_, writes := r.URL.Query()["writes"]
		if c.Held() == "" {
			lines += "[+] writes ok\n"
		} else {
			lines += "[-] writes held\n"
			if writes && status == http.StatusOK {
				status, result = http.StatusServiceUnavailable, "held\n"
			}
		}
	}
	if verbose {
		result = lines + result
	}
	text(w, status, result)
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}
