package solution

import (
	"bytes"
	"path"
	"strings"
)

// stretchOf finds the content of the first element of that name after from.
func stretchOf(data []byte, from int, name string) (start, end int, ok bool) {
	i := bytes.Index(data[from:], []byte("<"+name))
	if i < 0 {
		return 0, 0, false
	}
	start = from + i
	gt := bytes.IndexByte(data[start:], '>')
	if gt < 0 || data[start+gt-1] == '/' {
		return 0, 0, false
	}
	start += gt + 1
	n := bytes.Index(data[start:], []byte("</"+name))
	if n < 0 {
		return 0, 0, false
	}
	return start, start + n, true
}

// variableDefinition cuts the default value of an environment variable.
func variableDefinition(s *sheet) {
	name := attribute(find(s.data, "<environmentvariabledefinition "), "schemaname")
	if name == "" {
		name = path.Base(path.Dir(s.path))
	}
	shown := attribute(find(s.data, "<displayname "), "default")
	if shown == "" {
		shown = name
	}
	s.place[len(s.place)-1] = "environment variable " + shown
	s.variable("defaultvalue", name)
}

// variable cuts an environment variable's value. One of type Secret that holds
// the path of a vault's secret is right as it is.
func (s *sheet) variable(what, name string) {
	start, end, ok := stretchOf(s.data, 0, what)
	if !ok {
		return
	}
	if vaultPath(s.data[start:end]) {
		s.skip(start, end)
		return
	}
	if element(s.data, "type") == "100000005" {
		name += "_secret"
	}
	s.value(start, end, name, s.at("default value"), "")
}

func vaultPath(v []byte) bool {
	return bytes.Contains(bytes.ToLower(v[:min(len(v), 500)]), []byte("/providers/microsoft.keyvault/vaults/"))
}

// variableValues cuts the values of an environment variable's file, which is
// called by its folder.
func variableValues(s *sheet) {
	root, err := parse(s.data)
	if err != nil {
		return
	}
	name := path.Base(path.Dir(s.path))
	s.place[len(s.place)-1] = "environment variable " + name
	s.values(root, name)
}

func (s *sheet) values(n *node, name string) {
	for i := range n.inside {
		m := &n.inside[i]
		if m.key == "value" && m.kind == '"' && m.end-m.start > 5 {
			if vaultPath(s.data[m.start:m.end]) {
				s.skip(m.start, m.end)
				continue
			}
			s.value(m.start+1, m.end-1, name, s.at("current value"), "")
		}
		s.values(m, name)
	}
}

// steps cuts the configuration of plug-in steps out of customizations.
func steps(s *sheet) {
	for _, tag := range []string{"SdkMessageProcessingStep ", "ServiceEndpoint "} {
		pos := 0
		for range 20_000 {
			i := bytes.Index(s.data[pos:], []byte("<"+tag))
			if i < 0 {
				break
			}
			at := pos + i
			pos = at + 1
			body := s.data[at:]
			closing := bytes.Index(body, []byte("</"+tag[:len(tag)-1]+">"))
			if closing < 0 {
				continue
			}
			s.step(at, at+closing)
			pos = at + closing
		}
	}
}

func (s *sheet) step(start, end int) {
	body := s.data[start:end]
	name := attribute(body, "Name")
	if name == "" {
		name = element(body, "Name")
	}
	place := append(s.place[:max(0, len(s.place)-1):max(0, len(s.place)-1)], "plug-in step "+name)
	s.cut(start, end, place, adviceStep)
	for what, names := range map[string]string{"unsecure configuration": "Configuration", "configuration": "configuration"} {
		from, to, ok := stretchOf(body, 0, names)
		if !ok {
			continue
		}
		full := append(place[:len(place):len(place)], what)
		if word := bytes.TrimSpace(body[from:to]); len(word) > 7 && bytes.IndexAny(word, "=:<{& ") < 0 {
			s.value(start+from, start+to, "configuration_secret", full, adviceStep)
			continue
		}
		s.cut(start+from, start+to, full, adviceStep)
	}
}

// settingsXML cuts <add key="…" value="…"/> so that a place names the key.
func settingsXML(s *sheet) {
	for pos := 0; ; {
		i := bytes.Index(s.data[pos:], []byte("<add "))
		if i < 0 {
			return
		}
		start := pos + i
		n := bytes.IndexByte(s.data[start:], '>')
		if n < 0 {
			return
		}
		end := start + n + 1
		name := attribute(s.data[start:end], "key")
		if name == "" {
			name = attribute(s.data[start:end], "name")
		}
		if name != "" && end-start < 4096 {
			s.cut(start, end, s.at(name), "")
			if i := bytes.Index(s.data[start:end], []byte(` value="`)); i >= 0 && strings.HasSuffix(strings.ToLower(name), "pwd") {
				from := start + i + len(` value="`)
				s.value(from, from+max(0, bytes.IndexByte(s.data[from:end], '"')), name+"_password", s.at(name), "")
			}
		}
		pos = end
	}
}
