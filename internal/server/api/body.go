package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"
)

const (
	maxBody  = 1 << 20
	maxDepth = 16
)

// readBody takes the whole body of a request, so that nothing behind works on
// half of one, and checks what encoding/json lets pass: keys that stand twice,
// of which checker and reader could take different ones, text that is not UTF-8,
// bottomless nesting, something after the end.
func readBody(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	if err != nil {
		return errCutOff
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		return nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return errMediaType
	}
	return plainJSON(body)
}

// plainJSON reports whether body is one JSON document that every reader
// understands alike.
func plainJSON(body []byte) error {
	if !utf8.Valid(body) {
		return invalid("body", "is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := value(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("body", "goes on after the end of the JSON document")
	}
	return nil
}

// value reads one JSON value.
func value(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return errNotJSON
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return invalid("body", "is nested too deeply")
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return errNotJSON
			}
			name := key.(string) // the decoder takes nothing else for a key
			if seen[name] {
				return invalid("body", "has the same key twice in one object")
			}
			seen[name] = true
		}
		if err := value(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errNotJSON
	}
	return nil
}
