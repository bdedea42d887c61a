package solution

import (
	"bytes"
	"encoding/json"
	"html"
	"strings"

	"rekey.example/rekey/internal/scan/source/archive"
)

const manifestMost = 8 << 20

// readManifest reads the solution's name, and those of its flows and apps.
func readManifest(z *archive.Zip) surroundings {
	s := surroundings{names: map[string]string{}}
	manifest := z.Read("solution.xml", 1<<20)
	s.solution = element(manifest, "UniqueName")
	if local := attribute(find(manifest, "<LocalizedName "), "description"); local != "" {
		s.solution = local
	}
	text := z.Read("customizations.xml", manifestMost)
	for range 10_000 {
		tag := find(text, "<Workflow ")
		if tag == nil {
			break
		}
		text = tag[1:]
		if file := element(upTo(text, "</Workflow>"), "JsonFileName"); file != "" {
			s.names[strings.ToLower(strings.TrimPrefix(file, "/"))] = attribute(tag, "Name")
		}
	}
	text = z.Read("customizations.xml", manifestMost)
	for range 10_000 {
		tag := find(text, "<CanvasApp>")
		if tag == nil {
			break
		}
		text = tag[1:]
		body := upTo(text, "</CanvasApp>")
		if file := element(body, "DocumentUri"); file != "" {
			s.names[strings.ToLower(strings.TrimPrefix(file, "/"))] = element(body, "DisplayName")
		}
	}
	return s
}

// readPackage reads the manifest of a flow that was exported by itself.
func readPackage(z *archive.Zip) surroundings {
	s := surroundings{names: map[string]string{}}
	var m struct {
		Details   struct{ DisplayName string } `json:"details"`
		Resources map[string]struct {
			Type    string
			Details struct{ DisplayName string } `json:"details"`
		} `json:"resources"`
	}
	if json.Unmarshal(bytes.TrimPrefix(z.Read("manifest.json", 1<<20), []byte("\xef\xbb\xbf")), &m) != nil {
		return s
	}
	s.solution = m.Details.DisplayName
	for id, r := range m.Resources {
		if r.Type == "Microsoft.Flow/flows" && r.Details.DisplayName != "" {
			s.names["microsoft.flow/flows/"+strings.ToLower(id)+"/definition.json"] = r.Details.DisplayName
		}
	}
	return s
}

// find returns the text from the first occurrence of mark on, or nil.
func find(text []byte, mark string) []byte {
	if i := bytes.Index(text, []byte(mark)); i >= 0 {
		return text[i:]
	}
	return nil
}

func upTo(text []byte, mark string) []byte {
	if i := bytes.Index(text, []byte(mark)); i >= 0 {
		return text[:i]
	}
	return text
}

// element is the text of the first element of that name.
func element(text []byte, name string) string {
	rest := find(text, "<"+name+">")
	if rest == nil {
		return ""
	}
	rest = rest[len(name)+2:]
	if i := bytes.IndexByte(rest, '<'); i >= 0 && i < 500 {
		return strings.TrimSpace(html.UnescapeString(string(rest[:i])))
	}
	return ""
}

// attribute is the value of an attribute of the tag at the start of text.
func attribute(tag []byte, name string) string {
	if i := bytes.IndexByte(tag, '>'); i >= 0 {
		tag = tag[:i]
	}
	rest := find(tag, " "+name+`="`)
	if rest == nil {
		return ""
	}
	rest = rest[len(name)+3:]
	i := bytes.IndexByte(rest, '"')
	if i < 0 || i > 300 {
		return ""
	}
	return html.UnescapeString(string(rest[:i]))
}
