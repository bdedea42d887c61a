package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// Limits of a list of applications.
const (
	longestList = 1 << 20 // bytes
	mostNamed   = 10_000  // lines
	longestName = 256     // characters of one
)

// readNames reads the file that lists what an incident is about; "-" is stdin.
func readNames(s *session, name string) ([]string, error) {
	in := s.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usage("cannot read --apps: %v", err)
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, longestList+1))
	if err != nil {
		return nil, usage("cannot read --apps %s: %v", name, err)
	}
	list, err := parseNames(raw)
	if err != nil {
		return nil, usage("--apps %s: %v", name, err).next("one application on each line (name, client id, object id or key id), or CSV with a header; # begins a comment")
	}
	return list, nil
}

// nameColumns are headers under which a CSV names applications, the best first: an
// id is clearer than a name.
var nameColumns = []string{
	"key_id", "keyid", "object_id", "objectid", "app_object_id", "client_id", "clientid", "app_id", "appid", "application_id", "applicationid",
	"application", "app_name", "appname", "app", "displayname", "display_name", "name",
}

// parseNames reads one name a line, or the best column of a CSV with a header.
// What is named twice counts once.
func parseNames(raw []byte) ([]string, error) {
	if len(raw) > longestList {
		return nil, errors.New("is larger than 1 MB")
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if !utf8.Valid(raw) {
		return nil, errors.New("is not UTF-8 text")
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	column := -1
	head := strings.FieldsFunc(first, func(r rune) bool { return r == ',' || r == ';' })
	for _, wanted := range nameColumns {
		for n, cell := range head {
			if column < 0 && strings.ReplaceAll(strings.ToLower(strings.Trim(cell, " \t\r\"")), " ", "_") == wanted {
				column = n
			}
		}
	}
	var names []string
	var err error
	if column >= 0 {
		names, err = oneColumn(raw, column, strings.Contains(first, ";"))
	} else {
		names = strings.Split(string(raw), "\n")
	}
	if err != nil {
		return nil, err
	}
	return distinct(names)
}

// oneColumn is one column of a CSV, without its header.
func oneColumn(raw []byte, column int, semicolons bool) (names []string, err error) {
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord = -1
	if semicolons {
		r.Comma = ';'
	}
	for n := 0; ; n++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("is no CSV: %w", err)
		}
		if n > mostNamed {
			return nil, fmt.Errorf("has more than %d lines", mostNamed)
		}
		if n > 0 && column < len(row) {
			names = append(names, row[column])
		}
	}
}

func distinct(names []string) (list []string, err error) {
	seen := map[string]bool{}
	for n, name := range names {
		name = strings.TrimSpace(name)
		key := strings.ToLower(name)
		if name == "" || strings.HasPrefix(name, "#") || seen[key] {
			continue
		}
		if utf8.RuneCountInString(name) > longestName {
			return nil, fmt.Errorf("has a name of more than %d characters on line %d", longestName, n+1)
		}
		seen[key] = true
		list = append(list, name)
	}
	switch {
	case len(names) > mostNamed+1:
		return nil, fmt.Errorf("has more than %d lines", mostNamed)
	case len(list) == 0:
		return nil, errors.New("names nothing")
	}
	return list, nil
}
