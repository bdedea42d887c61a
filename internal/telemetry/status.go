package telemetry

import (
	"net/http"
	"strings"
)

// status sees with what a request was answered.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// cutPattern takes "GET /v1/x/{id}" apart.
func cutPattern(p string) (method, route string, ok bool) {
	method, route, ok = strings.Cut(p, " ")
	if !ok {
		return "", p, p != ""
	}
	return method, route, true
}
