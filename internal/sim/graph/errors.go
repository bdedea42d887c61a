package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// failure is an error of the service.
type failure struct {
	status  int
	code    string
	message string
	details []detail
	header  http.Header
}

// detail is one line of error.details.
type detail struct {
	Target  string `json:"target"`
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
}

func (f *failure) Error() string { return f.code + ": " + f.message }

func badRequest(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, code: "Request_BadRequest", message: fmt.Sprintf(format, args...)}
}

// malformed is what the front of the service says, before the directory is asked.
func malformed(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, code: "BadRequest", message: fmt.Sprintf(format, args...)}
}

func unsupportedQuery(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, code: "Request_UnsupportedQuery", message: fmt.Sprintf(format, args...)}
}

func notFound(id string) *failure {
	return &failure{
		status: http.StatusNotFound, code: "Request_ResourceNotFound",
		message: "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present.",
	}
}

func denied() *failure {
	return &failure{status: http.StatusForbidden, code: "Authorization_RequestDenied", message: "Insufficient privileges to complete the operation."}
}

// body is the error envelope. Its date has no zone; it is UTC.
func (f *failure) body(requestID, clientRequestID string) []byte {
	type inner struct {
		Date            string `json:"date"`
		RequestID       string `json:"request-id"`
		ClientRequestID string `json:"client-request-id"`
	}
	var e struct {
		Error struct {
			Code    string   `json:"code"`
			Message string   `json:"message"`
			Details []detail `json:"details,omitempty"`
			Inner   inner    `json:"innerError"`
		} `json:"error"`
	}
	e.Error.Code, e.Error.Message, e.Error.Details = f.code, f.message, f.details
	e.Error.Inner = inner{time.Now().UTC().Format("2006-01-02T15:04:05"), requestID, clientRequestID}
	text, err := json.Marshal(e)
	if err != nil {
		return []byte(`{"error":{"code":"UnknownError","message":""}}`)
	}
	return text
}
