package ui_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// always is a server that has one answer.
type always struct {
	status int
	code   string
}

func (a always) RoundTrip(r *http.Request) (*http.Response, error) {
	body := fmt.Sprintf(`{"type":"urn:rekey:problem:%[1]s","title":"x","status":%[2]d,"code":"%[1]s","detail":"it broke","hint":"wait","requestId":"r1"}`, a.code, a.status)
	return &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {"application/problem+json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}
