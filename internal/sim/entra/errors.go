package entra

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// failure is one AADSTS error.
type failure struct {
	code     int
	name     string // the OAuth error
	status   int
	message  string
	suberror string
	claims   string
}

func (f *failure) Error() string { return fmt.Sprintf("AADSTS%d: %s", f.code, f.message) }

// The three shapes of refusal; which code has which is in the public list of
// codes, https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func invalidRequest(code int, format string, args ...any) *failure {
	return &failure{code: code, name: "invalid_request", status: http.StatusBadRequest, message: fmt.Sprintf(format, args...)}
}

func invalidClient(code int, format string, args ...any) *failure {
	return &failure{code: code, name: "invalid_client", status: http.StatusUnauthorized, message: fmt.Sprintf(format, args...)}
}

func unauthorizedClient(code int, format string, args ...any) *failure {
	return &failure{code: code, name: "unauthorized_client", status: http.StatusBadRequest, message: fmt.Sprintf(format, args...)}
}

// refuse writes the error body, whose field order and date format are the service's.
func (c *call) refuse(f *failure) {
	at := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	body := struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
		Timestamp   string `json:"timestamp"`
		Trace       string `json:"trace_id"`
		Correlation string `json:"correlation_id"`
		URI         string `json:"error_uri"`
		Suberror    string `json:"suberror,omitempty"`
		Claims      string `json:"claims,omitempty"`
	}{
		Error:       f.name,
		Description: fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", f.code, f.message, c.trace, c.correlation, at),
		Codes:       []int{f.code}, Timestamp: at, Trace: c.trace, Correlation: c.correlation,
		URI:      fmt.Sprintf("https://%s/error?code=%d", c.host, f.code),
		Suberror: f.suberror, Claims: f.claims,
	}
	c.rw.Header().Set("x-ms-clitelem", fmt.Sprintf("1,%d,0,,", f.code))
	c.write(f.status, body)
}

func (c *call) write(status int, body any) {
	c.rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.rw.WriteHeader(status)
	e := json.NewEncoder(c.rw)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // the client has gone if this fails; nobody is left to be told
}
