package report

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"rekey.example/rekey/internal/scan/detect"
)

type object = map[string]any

// writeSARIF writes version 2.1.0 as GitHub code scanning and Azure DevOps read it.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/
func writeSARIF(w io.Writer, d Document) error {
	rules, index := []object{}, map[string]int{}
	results := []object{}
	for _, f := range d.Findings {
		n, ok := index[f.Detector]
		if !ok {
			n = len(rules)
			index[f.Detector] = n
			rules = append(rules, rule(f))
		}
		results = append(results, result(f, n))
	}
	notes := []object{}
	for _, s := range d.Skipped {
		notes = append(notes, object{"level": "warning", "message": object{"text": s.Path + ": " + s.Why}})
	}
	run := object{
		"tool":       object{"driver": object{"name": "rekey", "semanticVersion": strings.TrimPrefix(d.Version, "v"), "informationUri": "https://rekey.example", "rules": rules}},
		"columnKind": "utf16CodeUnits",
		"results":    results,
		"invocations": []object{{
			"executionSuccessful": true, "toolExecutionNotifications": notes,
		}},
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(object{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": []object{run}})
}

func rule(f Finding) object {
	return object{
		"id": f.Detector, "name": f.Detector,
		"shortDescription":     object{"text": f.Name},
		"fullDescription":      object{"text": f.Name + ", accepted by " + f.Issuer},
		"help":                 object{"text": help(f)},
		"defaultConfiguration": object{"level": level(f.Class)},
		"properties":           object{"tags": []string{"security", "secret"}, "security-severity": severity(f.Class)},
	}
}

func result(f Finding, rule int) object {
	region := object{"startLine": f.Line, "startColumn": f.Column, "endLine": f.EndLine, "endColumn": f.EndColumn}
	location := object{"physicalLocation": object{"artifactLocation": object{"uri": uri(f.Path)}, "region": region}}
	if len(f.Place) > 0 {
		location["logicalLocations"] = []object{{"fullyQualifiedName": strings.Join(f.Place, "/"), "name": f.Place[len(f.Place)-1]}}
	}
	r := object{
		"ruleId": f.Detector, "ruleIndex": rule, "level": level(f.Class),
		"message":             object{"text": f.text() + ". " + help(f)},
		"locations":           []object{location},
		"partialFingerprints": object{"rekeyValue/v1": f.Fingerprint},
		"properties":          object{"class": f.Class.String(), "masked": f.Masked, "commit": f.Commit},
	}
	if f.Allowed != "" {
		r["suppressions"] = []object{{"kind": "inSource", "justification": f.Allowed}}
	}
	return r
}

func help(f Finding) string {
	if f.Advice != "" {
		return "Renew it, and " + f.Advice + "."
	}
	return "Renew it, and keep it in a vault that the program reads at start."
}

func level(c detect.Class) string {
	switch c {
	case detect.Certain:
		return "error"
	case detect.Likely:
		return "warning"
	}
	return "note"
}

func severity(c detect.Class) string {
	return [...]string{"0.0", "1.0", "4.0", "7.5", "9.5"}[c]
}

// uri is a path as a relative reference.
func uri(path string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	return strings.TrimPrefix(u.String(), "./")
}
