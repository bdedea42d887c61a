package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	wire "rekey.example/rekey/api"
)

// description is the API's document, read for checking requests against it.
type description struct {
	routes map[string]*routers.Route // by pattern of the ServeMux: "GET /v1/me"
}

func describe() (*description, error) {
	document, err := openapi3.NewLoader().LoadFromData(wire.Description)
	if err != nil {
		return nil, fmt.Errorf("cannot read the API's description: %w", err)
	}
	// The description keeps to what OpenAPI 3.0 and 3.1 share. Held as 3.1, each
	// schema would be compiled anew for each request.
	document.OpenAPI = "3.0.3"
	d := &description{routes: map[string]*routers.Route{}}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			d.routes[method+" "+path] = &routers.Route{Spec: document, Path: path, PathItem: item, Method: method, Operation: operation}
		}
	}
	return d, nil
}

// check holds a request against the description. Its error never repeats what
// was sent, which may be a secret in the wrong field.
func (d *description) check(r *http.Request) error {
	route := d.routes[r.Pattern]
	if route == nil {
		return fmt.Errorf("the API's description lacks %s", r.Pattern)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, Route: route, PathParams: map[string]string{}, QueryParams: r.URL.Query(),
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true, SkipSettingDefaults: true},
	}
	known := map[string]bool{}
	for _, p := range slices.Concat(route.PathItem.Parameters, route.Operation.Parameters) {
		switch p.Value.In {
		case openapi3.ParameterInPath:
			in.PathParams[p.Value.Name] = r.PathValue(p.Value.Name)
		case openapi3.ParameterInQuery:
			known[p.Value.Name] = true
		}
	}
	for name, values := range in.QueryParams {
		switch {
		case !known[name]:
			return invalid("query", "has a parameter that this list does not know; it knows "+words(known))
		case len(values) > 1:
			return invalid(name, "stands more than once")
		}
	}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		return &invalidError{fields: explain(err)}
	}
	return nil
}

func words(set map[string]bool) string {
	if len(set) == 0 {
		return "none"
	}
	var list []string
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// explain says where a request does not fit and what would, in our words. The
// types are looked at level by level: a MultiError can stand in an error and
// around it.
func explain(err error) []wire.InvalidField {
	switch e := err.(type) {
	case openapi3.MultiError:
		var fields []wire.InvalidField
		for _, one := range e {
			fields = append(fields, explain(one)...)
		}
		return fields
	case *openapi3filter.RequestError:
		name := "body"
		if e.Parameter != nil {
			name = e.Parameter.Name
		}
		return misfits(name, e.Err)
	}
	return []wire.InvalidField{{Name: "request", Reason: "does not fit the description of the API"}}
}

func misfits(name string, err error) []wire.InvalidField {
	list, ok := err.(openapi3.MultiError)
	if !ok {
		return []wire.InvalidField{misfit(name, err)}
	}
	var fields []wire.InvalidField
	for _, one := range list {
		fields = append(fields, misfits(name, one)...)
	}
	return fields
}

func misfit(name string, err error) wire.InvalidField {
	e, ok := errors.AsType[*openapi3.SchemaError](err)
	if !ok {
		reason := "is not of the right type"
		if errors.Is(err, openapi3filter.ErrInvalidRequired) {
			reason = "is missing"
		}
		return wire.InvalidField{Name: name, Reason: reason}
	}
	if path := e.JSONPointer(); len(path) > 0 && e.SchemaField != "properties" {
		name = strings.Join(path, ".") // names of the description: others are refused as a whole
	}
	return wire.InvalidField{Name: name, Reason: rule(e.SchemaField, e.Schema)}
}

// rule says in words what a schema asks for.
func rule(field string, s *openapi3.Schema) string {
	switch field {
	case "required":
		return "is missing"
	case "properties", "additionalProperties":
		return "has a field that is not known here"
	case "enum":
		return fmt.Sprintf("must be one of %s", list(s.Enum))
	case "minLength":
		return fmt.Sprintf("must have at least %d characters", s.MinLength)
	case "maxLength":
		if s.MaxLength != nil {
			return fmt.Sprintf("must have at most %d characters", *s.MaxLength)
		}
	case "minimum", "maximum":
		if s.Min != nil && s.Max != nil {
			return fmt.Sprintf("must be from %v to %v", *s.Min, *s.Max)
		}
	case "pattern":
		return "must match " + s.Pattern
	case "format":
		return "must be a " + s.Format + " such as 2026-05-03T09:00:00Z"
	case "type":
		if s.Type != nil {
			return "must be a " + strings.Join(*s.Type, " or ")
		}
	}
	return "is not of the right form"
}

func list(values []any) string {
	var words []string
	for _, v := range values {
		words = append(words, fmt.Sprint(v))
	}
	return strings.Join(words, ", ")
}
