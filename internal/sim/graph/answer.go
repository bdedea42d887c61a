package graph

import (
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// largestBody is more than any request the service accepts.
const largestBody = 4 << 20

// read takes the body in. Writes with a body must say that it is JSON.
func (c *call) read(rw http.ResponseWriter) *failure {
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, c.r.Body, largestBody))
	if err != nil {
		return &failure{status: http.StatusRequestEntityTooLarge, code: "RequestEntityTooLarge", message: "The request body is too large."}
	}
	c.body = body
	return c.checkType(c.r.Header.Get("Content-Type"))
}

func (c *call) checkType(contentType string) *failure {
	if len(c.body) == 0 || c.method == http.MethodGet || c.method == http.MethodDelete {
		return nil
	}
	if contentType == "" {
		return malformed("Write requests (excluding DELETE) must contain the Content-Type header declaration.")
	}
	if !strings.Contains(strings.ToLower(contentType), "json") {
		return malformed("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	return nil
}

const (
	typeJSON  = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
	typeError = "application/json"
	typeText  = "text/plain"
)

// frame is the headers of an answer or a failure.
func (c *call) frame(h http.Header, a *answer, f *failure) {
	maps.Copy(h, c.header)
	if f != nil {
		maps.Copy(h, f.header)
		h.Set("Content-Type", typeError)
		return
	}
	if len(a.body) > 0 {
		h.Set("OData-Version", "4.0")
		h.Set("Content-Type", typeJSON)
		if a.body[0] != '{' {
			h.Set("Content-Type", typeText)
		}
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
}

func (c *call) write(rw http.ResponseWriter, a *answer, f *failure) {
	h := rw.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Vary", "Accept-Encoding")
	h.Set("request-id", c.requestID)
	h.Set("client-request-id", c.clientID)
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"00`+strconv.Itoa(1+c.replica)+`","RoleInstance":"AM2PEPF0002`+strconv.Itoa(1000+c.replica)+`"}}`)
	h.Set("x-ms-resource-unit", strconv.Itoa(c.units))
	c.frame(h, a, f)
	if f != nil {
		rw.WriteHeader(f.status)
		_, _ = rw.Write(f.body(c.requestID, c.clientID)) // the client has gone if this fails
		return
	}
	if len(a.body) > 0 {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	rw.WriteHeader(a.status)
	if c.r.Method != http.MethodHead && len(a.body) > 0 {
		_, _ = rw.Write(a.body)
	}
}
