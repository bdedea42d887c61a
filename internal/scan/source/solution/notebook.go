package solution

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"rekey.example/rekey/internal/scan"
)

// notebook cuts the cells of a Jupyter notebook, which people count from one.
func notebook(s *sheet) {
	root, err := parse(s.data)
	if err != nil {
		return
	}
	cells := root.get("cells")
	if cells == nil {
		return
	}
	for i := range cells.inside {
		c := &cells.inside[i]
		for _, part := range []string{"source", "outputs"} {
			if n := c.get(part); n != nil {
				s.cut(n.keyAt, n.end, s.at(fmt.Sprintf("cell %d", i+1), part), "")
			}
		}
	}
}

// assembly looks through the texts of a plug-in assembly, which .NET keeps in UTF-16.
func assembly(w *scan.Worker, c scan.Container, around surroundings) error {
	if c.Size > most {
		w.Limit(c.Path, "the assembly is too large to be read")
		return nil
	}
	data, err := io.ReadAll(io.NewSectionReader(c.R, 0, c.Size))
	if err != nil {
		return fmt.Errorf("cannot read the assembly: %w", err)
	}
	place := []string{"assembly " + c.Path[strings.LastIndexAny(c.Path, "/!")+1:]}
	if around.solution != "" {
		place = append([]string{around.solution}, place...)
	}
	w.Scan(scan.Piece{Path: c.Path, Data: data, Kind: scan.Binary, Place: place, Advice: adviceAssembly})
	w.Scan(scan.Piece{Path: c.Path, Data: wideTexts(data), Place: append(place, "texts"), Advice: adviceAssembly})
	return nil
}

// wideTexts returns the runs of UTF-16 text of at least six letters, a line each.
func wideTexts(data []byte) []byte {
	var out bytes.Buffer
	for i := 0; i+1 < len(data); {
		j := i
		for j+1 < len(data) && data[j+1] == 0 && (data[j] >= ' ' && data[j] < 0x7f || data[j] == '\t') {
			j += 2
		}
		if j-i >= 12 {
			for k := i; k < j; k += 2 {
				out.WriteByte(data[k])
			}
			out.WriteByte('\n')
		}
		i = max(j, i+1)
	}
	return out.Bytes()
}
