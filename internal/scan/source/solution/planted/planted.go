// Package planted makes Power Platform solutions and settings files with
// secrets that nobody issued, at every place where makers put them, and a label
// for each: its path, its value and the names that its place must have. Beside them
// stand references and placeholders, which are no secrets. Tests and benchmarks
// measure recall and precision with it.
package planted

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"

	"rekey.example/rekey/internal/scan/detect"
)

// A Label is one planted secret.
type Label struct {
	Path  string // as the scanner names it when the folder is scanned as "."
	Value string // as it is, not as it is written
	Kind  string // entra, key, password, connection, url, basic
	Place string // a name that the hit's place must hold
}

// A Set is a folder of files and what is hidden there.
type Set struct {
	Files  map[string][]byte
	Labels []Label
	Clean  []string // paths of files without a secret
}

// Make makes the set of that name; the same name makes the same set.
func Make(name string) Set {
	m := &maker{set: Set{Files: map[string][]byte{}}, seed: name}
	for round := range 5 {
		m.round = round
		m.solution(fmt.Sprintf("ContosoFinance%d", round), round%2 == 0)
		m.loose(fmt.Sprintf("repo%d", round))
	}
	m.references()
	return m.set
}

type maker struct {
	set   Set
	seed  string
	round int
	n     int
}

// value makes a secret of a kind. The kinds of a place change with the round.
func (m *maker) value(kind string) string {
	m.n++
	name := fmt.Sprint(m.seed, m.n)
	switch kind {
	case "entra":
		return detect.ClientSecret(name)
	case "password":
		return detect.Expand(name, "{a6}!{d2}{a4}#")
	case "connection":
		return detect.Expand(name, "DefaultEndpointsProtocol=https;AccountName=contoso{d4};AccountKey={b86}==;EndpointSuffix=core.windows.net")
	case "url":
		return detect.Expand(name, "https://prod-{d2}.westeurope.logic.azure.com:443/workflows/{h32}/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={w43}")
	}
	return detect.Expand(name, "{a40}")
}

// secretOf is the part of a value that is secret.
func secretOf(kind, v string) string {
	switch kind {
	case "connection":
		_, v, _ = strings.Cut(v, "AccountKey=")
		v, _, _ = strings.Cut(v, ";")
	case "url":
		_, v, _ = strings.Cut(v, "sig=")
	}
	return v
}

// fill replaces every «kind|place» of a text by a secret, written as write says,
// and labels it.
func (m *maker) fill(path, text string, write func(string) string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "«")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		hole, after, _ := strings.Cut(rest, "»")
		kinds, place, _ := strings.Cut(hole, "|")
		choice := strings.Split(kinds, ",")
		kind := choice[m.round%len(choice)]
		v := m.value(kind)
		m.set.Labels = append(m.set.Labels, Label{Path: path, Value: secretOf(kind, v), Kind: kind, Place: place})
		out.WriteString(write(v))
		text = after
	}
}

func inJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s)
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `"`), "\"\n")
}

func asIs(s string) string { return s }

func (m *maker) add(path, text string, write func(string) string) {
	m.set.Files[path] = []byte(m.fill(path, text, write))
}

// Zip packs files, in the order of their names.
func Zip(files map[string][]byte) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err == nil {
			w.Write(files[name])
		}
	}
	z.Close()
	return out.Bytes()
}

// solution makes a solution, as a zip file or as a folder.
func (m *maker) solution(name string, packed bool) {
	prefix, app := name+"/", name+"/CanvasApps/contoso_app_DocumentUri/"
	if packed {
		prefix, app = name+".zip!", name+".zip!CanvasApps/contoso_app_DocumentUri.msapp!"
	}
	files, controls := map[string][]byte{}, map[string][]byte{}
	for path, t := range solutionTexts {
		write := inJSON
		if strings.HasSuffix(path, ".xml") {
			write = html.EscapeString
		} else if !strings.HasSuffix(path, ".json") {
			write = asIs
		}
		text := strings.ReplaceAll(t, "NAME", name)
		if inner, ok := strings.CutPrefix(path, "app/"); ok {
			controls[inner] = []byte(m.fill(app+inner, text, write))
			continue
		}
		files[path] = []byte(m.fill(prefix+path, text, write))
	}
	if !packed {
		for path, data := range files {
			m.set.Files[prefix+path] = data
		}
		for path, data := range controls {
			m.set.Files[app+path] = data
		}
		return
	}
	windows := map[string][]byte{}
	for path, data := range controls {
		windows[strings.ReplaceAll(path, "/", `\`)] = data
	}
	files["CanvasApps/contoso_app_DocumentUri.msapp"] = Zip(windows)
	m.set.Files[name+".zip"] = Zip(files)
}

func (m *maker) loose(folder string) {
	for path, t := range looseTexts {
		write := asIs
		switch {
		case strings.HasSuffix(path, "json"), strings.HasSuffix(path, ".tfstate"), strings.HasSuffix(path, ".ipynb"):
			write = inJSON
		case strings.HasSuffix(path, ".config"):
			write = html.EscapeString
		}
		m.add(folder+"/"+path, t, write)
	}
}

func (m *maker) references() {
	for path, t := range referenceTexts {
		m.set.Files["clean/"+path] = []byte(t)
		m.set.Clean = append(m.set.Clean, "clean/"+path)
	}
}
