package keyvault

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// failure is an error as the service tells it.
type failure struct {
	status     int
	code       string
	inner      string // innererror.code, if any
	message    string
	challenge  string // WWW-Authenticate, if any
	retryAfter int    // seconds, if any
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s: %s", f.status, f.code, f.message) }

type envelope struct {
	Error struct {
		Code    string     `json:"code"`
		Message string     `json:"message"`
		Inner   *innerCode `json:"innererror,omitempty"`
	} `json:"error"`
}

type innerCode struct {
	Code string `json:"code"`
}

func refuse(rw http.ResponseWriter, err error) {
	f, is := errors.AsType[*failure](err)
	if !is {
		f = &failure{status: http.StatusInternalServerError, code: "InternalServerError", message: "An unexpected error occurred."}
	}
	if f.challenge != "" {
		rw.Header().Set("WWW-Authenticate", f.challenge)
	}
	if f.retryAfter > 0 {
		rw.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	var e envelope
	e.Error.Code, e.Error.Message = f.code, f.message
	if f.inner != "" {
		e.Error.Inner = &innerCode{f.inner}
	}
	write(rw, f.status, e)
}

func badParameter(message string) error {
	return &failure{status: http.StatusBadRequest, code: "BadParameter", message: message}
}

func forbidden(inner, message string) error {
	return &failure{status: http.StatusForbidden, code: "Forbidden", inner: inner, message: message}
}

func conflict(inner, message string) error {
	return &failure{status: http.StatusConflict, code: "Conflict", inner: inner, message: message}
}

// notFound says that an object is not there. kind is Secret, Certificate or Key.
func notFound(kind, id string) error {
	return &failure{
		status: http.StatusNotFound, code: kind + "NotFound",
		message: fmt.Sprintf("A %s with (name/id) %s was not found in this key vault. If you recently deleted this %s you may be able to recover it "+
			"using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182",
			lower(kind), id, lower(kind)),
	}
}

func deletedNotFound(kind, name string) error {
	return &failure{status: http.StatusNotFound, code: kind + "NotFound", message: "Deleted " + kind + " not found: " + name}
}

func unknownRoute(method string) error {
	return &failure{status: http.StatusMethodNotAllowed, code: "MethodNotAllowed", message: "The HTTP method " + method + " is not allowed on this path."}
}
