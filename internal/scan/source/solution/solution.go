// Package solution knows where credentials stand in Power Platform solutions,
// Logic Apps, templates of Azure and the settings files around them, so that a
// hit names the flow, the action and the input as their maker knows them, and
// says what to use there instead. It reads exported zip files, unpacked folders
// and single files alike. What it does not understand is scanned as it is.
package solution

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/files"
	"rekey.example/rekey/internal/scan/source/archive"
)

// most is how large a file may be to be read for its places; a larger one is
// scanned without them.
const most = 16 << 20

// A Reader scans files of the formats that it knows. It does not change.
type Reader struct{}

// Wants goes by the path and, for JSON and XML, by the first bytes.
func (Reader) Wants(name string, head []byte) bool { return formatOf(name, head).read != nil }

// Unpack scans one file.
func (r Reader) Unpack(ctx context.Context, w *scan.Worker, c scan.Container) error {
	_, err := r.look(ctx, w, c, surroundings{})
	return err
}

// surroundings are what the files beside a file say about it.
type surroundings struct {
	solution string
	names    map[string]string // of flows and apps, by the lower-case path in the solution
}

type surroundingsKey struct{}

func (Reader) look(ctx context.Context, w *scan.Worker, c scan.Container, around surroundings) (bool, error) {
	f := formatOf(c.Path, c.Head)
	if f.read == nil {
		return false, nil
	}
	if c.Size > most {
		return true, files.Stream(ctx, w, scan.Piece{Path: c.Path, Advice: f.advice}, io.NewSectionReader(c.R, 0, c.Size), 1<<60)
	}
	data := make([]byte, c.Size)
	if n, err := c.R.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return true, fmt.Errorf("cannot read the file: %w", err)
	} else {
		data = data[:n]
	}
	s := &sheet{w: w, path: c.Path, data: data, advice: f.advice, format: f}
	s.place = placeOf(c.Path, f, around)
	f.read(s)
	s.flush()
	return true, nil
}

// placeOf names the solution, unless the file is not of one, and the flow, app or file.
func placeOf(name string, f format, around surroundings) []string {
	full := name
	if i := strings.LastIndexByte(name, '!'); i >= 0 {
		name = name[i+1:]
	}
	var place []string
	switch {
	case around.solution != "":
		place = append(place, around.solution)
	case f.folder != "":
		if before, _, found := cutFolder(full, f.folder); found && before != "" {
			place = append(place, path.Base(strings.TrimSuffix(before, ".zip!")))
		}
	}
	if n := around.names[strings.ToLower(name)]; n != "" {
		return append(place, n)
	}
	if f.kind == "flow" || f.kind == "app" || f.kind == "workflow" {
		return append(place, flowName(name, f.kind))
	}
	if f.kind != "" {
		return append(place, f.kind+" "+path.Base(name))
	}
	return append(place, path.Base(name))
}

// flowName makes a name of Workflows/Send_invoice-1F0C….json, and of the folder
// of an exported flow or an unpacked app.
func flowName(name, kind string) string {
	base := path.Base(name)
	if kind == "app" {
		if _, after, found := cutFolder(name, "canvasapps/"); found {
			base, _, _ = strings.Cut(after, "/")
		}
		return strings.TrimSuffix(base, ".msapp")
	}
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".json"), ".xaml")
	if len(base) > 37 && base[len(base)-37] == '-' && strings.Count(base[len(base)-36:], "-") == 4 {
		base = base[:len(base)-37]
	}
	return strings.ReplaceAll(base, "_", " ")
}

// cutFolder cuts a path around a folder name, in any case.
func cutFolder(p, folder string) (before, after string, found bool) {
	low := strings.ToLower(p)
	i := strings.LastIndex("/"+strings.ReplaceAll(low, "!", "/"), "/"+folder)
	if i < 0 {
		return "", "", false
	}
	return strings.TrimSuffix(p[:max(0, i)], "/"), p[min(len(p), i+len(folder)):], true
}

// Inside knows the entries of a solution's or an app's zip file.
func (r Reader) Inside(z *archive.Zip) archive.Look {
	own := surroundings{}
	isSolution := z.Has("solution.xml")
	isApp := z.Has("Header.json") && z.Has("Properties.json")
	switch {
	case isSolution:
		own = readManifest(z)
	case z.Has("manifest.json"):
		own = readPackage(z)
	}
	return func(ctx context.Context, w *scan.Worker, c scan.Container) (bool, error) {
		around := own
		if outer, ok := ctx.Value(surroundingsKey{}).(surroundings); ok && around.solution == "" {
			around = outer
		}
		_, entry, _ := strings.Cut(c.Path[max(0, strings.LastIndexByte(c.Path, '!')):], "!")
		if isSolution && strings.HasSuffix(strings.ToLower(entry), ".msapp") {
			app := surroundings{solution: around.solution, names: map[string]string{"": around.names[strings.ToLower(entry)]}}
			if app.names[""] == "" {
				app.names[""] = flowName(entry, "app")
			}
			return w.Unpack(context.WithValue(ctx, surroundingsKey{}, app), c)
		}
		if isApp {
			if app := around.names[""]; app != "" {
				around.names = map[string]string{"": app, strings.ToLower(entry): app}
			} else if i := strings.LastIndexByte(c.Path, '!'); i > 0 {
				around.names = map[string]string{strings.ToLower(entry): flowName(strings.ReplaceAll(c.Path[:i], "!", "/"), "app")}
			}
		}
		if isApp && strings.HasSuffix(strings.ToLower(entry), "appcheckerresult.sarif") {
			return true, nil // repeats the formulas, whose hits would be told twice
		}
		if bytes.HasPrefix(c.Head, []byte("MZ")) {
			return true, assembly(w, c, around)
		}
		return r.look(ctx, w, c, around)
	}
}
