// Package api holds the types that travel over rekey's REST API.
//
// They are generated from openapi.yaml, which is where the API is designed and
// described, and they import nothing of ours: a program that only wants to speak
// to a server needs this package and client.
package api

import (
	_ "embed" // openapi.yaml
)

//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config oapi-codegen.yaml openapi.yaml

// Description is the API's OpenAPI 3.1 document, as YAML.
//
//go:embed openapi.yaml
var Description []byte
