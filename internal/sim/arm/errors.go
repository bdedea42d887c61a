package arm

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"rekey.example/rekey/internal/sim/world"
)

// failure is an error as the manager tells it.
type failure struct {
	status        int
	code, message string
	challenge     string // WWW-Authenticate, if any
	retryAfter    int    // seconds, if any
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s: %s", f.status, f.code, f.message) }

func fail(status int, code, message string) *failure {
	return &failure{status: status, code: code, message: message}
}

func refuse(rw http.ResponseWriter, err error) {
	f, is := errors.AsType[*failure](err)
	if !is {
		f = fail(http.StatusInternalServerError, "InternalServerError", "Encountered internal server error.")
	}
	if f.challenge != "" {
		rw.Header().Set("WWW-Authenticate", f.challenge)
	}
	if f.retryAfter > 0 {
		rw.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	rw.Header().Set("x-ms-failure-cause", "gateway")
	write(rw, f.status, map[string]any{"error": map[string]any{"code": f.code, "message": f.message}})
}

func unauthorized(c world.Claims, action, scope string) error {
	return fail(http.StatusForbidden, "AuthorizationFailed", fmt.Sprintf("The client '%s' with object id '%s' does not have authorization to perform action '%s' "+
		"over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.", c.AppID, c.ObjectID, action, scope))
}

func resourceNotFound(kind, name, group string) error {
	return fail(http.StatusNotFound, "ResourceNotFound", fmt.Sprintf("The Resource '%s/%s' under resource group '%s' was not found. "+
		"For more details please go to https://aka.ms/ARMResourceNotFoundFix", kind, name, group))
}

func groupNotFound(group string) error {
	return fail(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '"+group+"' could not be found.")
}

func badRequest(code, message string) error { return fail(http.StatusBadRequest, code, message) }
