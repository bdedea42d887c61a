package detect

// Shape is what a value beside a name looks like.
type Shape struct {
	Set      string // letters of the alphabets of Expand: h, a, w, b, l, 32, d; + for extra characters after a space
	Min, Max int
	Strong   bool // the name need not say that it is a key
}

// sets are the bytes of a Shape's alphabet.
var sets = map[string]*[256]bool{
	"h": setOf("0123456789abcdefABCDEF"), "d": setOf("0123456789"), "l": setOf(alphabets["l"]), "a": setOf(alphabets["a"]), "u": setOf(alphabets["u"]),
	"w": setOf(alphabets["w"]), "b": setOf(alphabets["b"] + "="), "32": setOf(alphabets["32"]), "x": setOf(alphabets["w"] + ".~=+/:"), "g": setOf("0123456789abcdefABCDEF-"),
}

func setOf(s string) *[256]bool {
	var t [256]bool
	for i := range len(s) {
		t[s[i]] = true
	}
	return &t
}

// Named is what the engine calls for a detector with Words: the value beside
// the name that contains the word at.
func Named(d *Detector, in *Input, at, end int) (Match, bool) {
	if !in.Text {
		return Match{}, false
	}
	p, ok := assigned(in.Data, at, end)
	if !ok {
		return Match{}, false
	}
	p = headerScheme(in.Data, p)
	v := in.Data[p.start:p.end]
	set := sets[d.Shape.Set]
	if len(v) < d.Shape.Min || len(v) > d.Shape.Max {
		return Match{}, false
	}
	for _, c := range v {
		if !set[c] {
			return Match{}, false
		}
	}
	name := in.Data[p.nameStart:p.nameEnd]
	if !d.Shape.Strong && judgeName(name) == nameNothing && !keyish(name) || deniedName(name) {
		return Match{}, false
	}
	if Placeholder(v) || wordy(v) || look(v).digit == 0 && len(v) < 40 {
		return Match{}, false
	}
	class := d.Class
	if wontMatter(in.Path) {
		class = min(class, Possible)
	}
	return Match{Start: p.start, End: p.end, Class: class}, true
}

// keyish reports whether the last word of a name is one that keys have.
func keyish(name []byte) bool {
	for _, w := range []string{"key", "Key", "KEY", "token", "secret", "pat", "PAT", "auth"} {
		if len(name) >= len(w) && string(name[len(name)-len(w):]) == w {
			return true
		}
	}
	return false
}

func deniedName(name []byte) bool {
	last := 0
	for i, c := range name {
		if classOf[c]&alnum == 0 || i > 0 && classOf[c]&upper != 0 && classOf[name[i-1]]&lower != 0 {
			last = i
		}
	}
	tail := name[last:]
	if len(tail) > 0 && classOf[tail[0]]&alnum == 0 {
		tail = tail[1:]
	}
	low := make([]byte, 0, 16)
	for _, c := range tail {
		low = append(low, c|0x20)
	}
	return denied[string(low)]
}
