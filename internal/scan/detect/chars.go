package detect

import (
	"bytes"
	"math"
)

// class bits of a byte.
const (
	lower = 1 << iota
	upper
	digit
	under // _
	dash  // -
	plus  // + /
	hexa
)

var classOf = func() (t [256]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		t[c] |= lower
		t[c-32] |= upper
	}
	for c := '0'; c <= '9'; c++ {
		t[c] |= digit | hexa
	}
	for _, c := range "abcdefABCDEF" {
		t[c] |= hexa
	}
	t['_'] |= under
	t['-'] |= dash
	t['+'] |= plus
	t['/'] |= plus
	return t
}()

const (
	alnum = lower | upper | digit
	word  = alnum | under
)

var edges = [...]uint8{EdgeWord: word, EdgeDash: word | dash, EdgeBase64: word | dash | plus, EdgeNone: 0}

// clear reports whether nothing of the edge stands beside data[start:end]. A
// letter that is the end of an escape, as in "\nAKIA", is no letter.
func (e Edge) clear(data []byte, start, end int) bool {
	set := edges[e]
	if end < len(data) && classOf[data[end]]&set != 0 {
		return false
	}
	if start == 0 || classOf[data[start-1]]&set == 0 {
		return true
	}
	return escapeEnds(data, start)
}

// escapeEnds reports whether an escape of JSON, C or a URL ends before start.
func escapeEnds(data []byte, start int) bool {
	if start >= 2 && data[start-2] == '\\' && bytes.IndexByte([]byte("nrtbf"), data[start-1]) >= 0 {
		return true
	}
	if start >= 3 && data[start-3] == '%' && classOf[data[start-2]]&hexa != 0 && classOf[data[start-1]]&hexa != 0 {
		return true
	}
	return start >= 6 && data[start-6] == '\\' && data[start-5] == 'u' && data[start-4] == '0' && data[start-3] == '0'
}

// Entropy is Shannon's, in bits a byte.
func Entropy(b []byte) float64 {
	var count [256]int
	for _, c := range b {
		count[c]++
	}
	var sum float64
	n := float64(len(b))
	for _, c := range count {
		if c > 0 {
			p := float64(c) / n
			sum -= p * math.Log2(p)
		}
	}
	return sum
}

// traits of a value: which classes it has, how many characters of each kind.
type traits struct{ lower, upper, digit, other, space int }

func look(b []byte) (t traits) {
	for _, c := range b {
		switch k := classOf[c]; {
		case k&lower != 0:
			t.lower++
		case k&upper != 0:
			t.upper++
		case k&digit != 0:
			t.digit++
		case c == ' ' || c == '\t':
			t.space++
		default:
			t.other++
		}
	}
	return t
}

func (t traits) kinds() (n int) {
	for _, k := range []int{t.lower, t.upper, t.digit, t.other} {
		if k > 0 {
			n++
		}
	}
	return n
}

// changes counts how often neighbours are of different classes: words change
// seldom, random text at every second character.
func changes(b []byte) (n int) {
	for i := 1; i < len(b); i++ {
		if classOf[b[i]]&alnum != classOf[b[i-1]]&alnum {
			n++
		}
	}
	return n
}
