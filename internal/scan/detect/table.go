package detect

import (
	"strconv"
	"strings"
)

// token is a detector of a credential with a mark of its own. The examples that
// must not match are the mark with too little after it, and with a mask.
func token(id, name, issuer, anchor, pattern string, yes ...string) Detector {
	return Detector{ID: id, Name: name, Issuer: issuer, Class: Likely, Anchors: []string{anchor}, Pattern: pattern, Edge: EdgeWord, Yes: yes,
		No: []string{anchor, anchor + "{a3}", anchor + strings.Repeat("x", 40), strings.ReplaceAll(yes[0], anchor, "")}}
}

// certain raises the class: the form leaves no doubt.
func certain(d Detector) Detector {
	d.Class = Certain
	return d
}

// checked adds a check.
func checked(d Detector, check func(*Match), make func() []string) Detector {
	d.Check, d.Make = check, make
	return d
}

// back sets how far before its anchor a match begins.
func back(n int, d Detector) Detector {
	d.Back = n
	d.No = d.No[:3]
	return d
}

// edge sets what may not stand beside a match.
func edge(e Edge, d Detector) Detector {
	d.Edge = e
	return d
}

// wide sets how many bytes a match may have.
func wide(n int, d Detector) Detector {
	d.Window = n
	return d
}

// next sets what follows an anchor of two or three bytes.
func next(alphabet string, d Detector) Detector {
	d.Next = alphabet
	return d
}

// unmeasured is for tokens whose own mark would pass for a placeholder.
func unmeasured(d Detector) Detector {
	d.Entropy, d.No = -1, d.No[:2]
	return d
}

// also adds anchors.
func also(d Detector, anchors ...string) Detector {
	d.Anchors = append(d.Anchors, anchors...)
	return d
}

// beside is a detector of a value without a mark beside a name that contains one
// of the words, which are separated by spaces.
func beside(id, name, issuer, names, set string, least, most int) Detector {
	list := strings.Fields(names)
	hole := "{" + set + ":" + strconv.Itoa(least) + "}"
	if set == "g" {
		hole = "{guid}"
	}
	if set == "x" {
		hole = "{w:" + strconv.Itoa(least-1) + "}7"
	}
	suffix := "_api_key"
	if strings.HasSuffix(list[0], "key") || strings.HasSuffix(list[0], "token") || strings.HasSuffix(list[0], "secret") {
		suffix = ""
	}
	return Detector{ID: id, Name: name, Issuer: issuer, Class: Likely, Words: list, Shape: Shape{Set: set, Min: least, Max: most},
		Yes: []string{list[0] + suffix + ` = "` + hole + `"`, strings.ToUpper(list[0]+suffix) + "=" + hole, `"` + list[0] + suffix + `": "` + hole + `"`},
		No:  []string{list[0] + suffix + ` = "changeme"`, list[0] + suffix + " = $KEY", list[0] + suffix + ` = "{a3}"`}}
}
