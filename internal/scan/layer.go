package scan

import "sort"

// A layer is a stretch of bytes as it reads after one encoding was undone, and
// how its positions map to those of the layer below, at whose bottom is the piece.
type layer struct {
	below *layer
	name  string // base64, hex, percent, json, xml, utf-16
	data  []byte
	marks []mark
}

// From a mark on, position to of the layer is position from of the layer
// below, and each num bytes of it are den bytes below.
type mark struct{ to, from, num, den int32 }

// below maps a position down by one layer.
func (l *layer) down(pos int) int {
	i := sort.Search(len(l.marks), func(i int) bool { return int(l.marks[i].to) > pos }) - 1
	if i < 0 {
		return 0
	}
	m := l.marks[i]
	return int(m.from) + (pos-int(m.to))*int(m.den)/int(m.num)
}

// origin maps a stretch to the piece.
func (l *layer) origin(start, end int) (int, int) {
	for ; l.below != nil; l = l.below {
		start, end = l.down(start), l.down(end-1)+l.width(end-1)
		end = min(end, len(l.below.data))
	}
	return start, max(end, start+1)
}

// width is how many bytes below the byte at pos takes.
func (l *layer) width(pos int) int {
	if pos+1 >= len(l.data) {
		return max(1, l.down(pos+1)-l.down(pos))
	}
	return max(1, l.down(pos+1)-l.down(pos))
}

// through names the encodings that were undone, outermost first.
func (l *layer) through() []string {
	if l.below == nil {
		return nil
	}
	return append(l.below.through(), l.name)
}
