package scan

import (
	"encoding/binary"
	"strings"

	"rekey.example/rekey/internal/scan/detect"
)

// A prefilter finds every place where a literal of a rule stands. It takes four
// bytes at every position, in lower case, and asks a bitmap of 16 KiB, which
// stays in the processor's nearest cache, whether any literal has them; only then
// it looks closer. Which four bytes of a literal are asked for is chosen so that
// they are rare in text.
type prefilter struct {
	bits     [1 << hashBits / 64]uint64
	heads    [1 << headBits]int32
	entries  []entry
	literals []literal
}

const (
	hashBits = 17
	headBits = 13
	fold4    = 0x20202020
	multiply = 0x9E3779B1
)

type entry struct {
	gram    uint32
	literal int32
	next    int32
}

type literal struct {
	text  string // in lower case if fold
	fold  bool
	at    int // of the four bytes in text
	rules []*detect.Rule
}

func newPrefilter(rules []*detect.Rule) *prefilter {
	p := &prefilter{}
	for i := range p.heads {
		p.heads[i] = -1
	}
	known := map[string]int{}
	for _, r := range rules {
		texts, fold := r.Literals()
		for _, text := range texts {
			key := "=" + text
			if fold {
				text = strings.ToLower(text)
				key = "~" + text
			}
			if n, ok := known[key]; ok {
				p.literals[n].rules = append(p.literals[n].rules, r)
				continue
			}
			known[key] = len(p.literals)
			p.literals = append(p.literals, literal{text: text, fold: fold, at: rarest(text), rules: []*detect.Rule{r}})
			p.enter(len(p.literals)-1, r.Following())
		}
	}
	return p
}

// enter puts the four bytes of a literal into the tables. A shorter literal is
// entered with every byte that may follow it.
func (p *prefilter) enter(n int, following string) {
	l := &p.literals[n]
	var seen map[uint32]bool
	if len(l.text) < 4 {
		seen = make(map[uint32]bool, 128)
	}
	var put func(text string)
	put = func(text string) {
		if len(text) < 4 {
			for i := range len(following) {
				put(text + following[i:i+1])
			}
			return
		}
		g := binary.LittleEndian.Uint32([]byte(text[:4])) | fold4
		if seen != nil {
			if seen[g] {
				return
			}
			seen[g] = true
		}
		h := g * multiply
		p.bits[h>>(32-hashBits)>>6] |= 1 << (h >> (32 - hashBits) & 63)
		head := &p.heads[h>>(32-headBits)]
		p.entries = append(p.entries, entry{gram: g, literal: int32(n), next: *head})
		*head = int32(len(p.entries) - 1)
	}
	put(l.text[l.at:])
}

// rarest is where the four bytes of text begin that are least likely elsewhere.
func rarest(text string) int {
	best, cost := 0, 1<<30
	for i := 0; i+4 <= len(text); i++ {
		sum := 0
		for _, c := range []byte(text[i : i+4]) {
			sum += frequencies[c|0x20]
		}
		if sum < cost {
			best, cost = i, sum
		}
	}
	return best
}

var frequencies = func() (t [256]int) {
	for c := range t {
		t[c] = frequency(byte(c))
	}
	return t
}()

func frequency(c byte) int {
	if i := strings.IndexByte(" etaonirslcdpumfhgbyvwkxqjz", c); i >= 0 {
		return 30 - i
	}
	switch c {
	case '0', '1', '2', '"', '=', '/', '.', '-', '_', ':', 0x7f:
		return 8
	}
	return 3
}

// each calls found for every literal in data, in the order of their fours.
func (p *prefilter) each(data []byte, found func(l *literal, at int)) {
	i := 0
	for ; i+8 <= len(data); i += 4 {
		w := binary.LittleEndian.Uint64(data[i:]) | fold4<<32 | fold4
		h0 := uint32(w) * multiply >> (32 - hashBits)
		h1 := uint32(w>>8) * multiply >> (32 - hashBits)
		h2 := uint32(w>>16) * multiply >> (32 - hashBits)
		h3 := uint32(w>>24) * multiply >> (32 - hashBits)
		a := p.bits[h0>>6] >> (h0 & 63)
		b := p.bits[h1>>6] >> (h1 & 63)
		c := p.bits[h2>>6] >> (h2 & 63)
		d := p.bits[h3>>6] >> (h3 & 63)
		if (a|b|c|d)&1 == 0 {
			continue
		}
		if a&1 != 0 {
			p.closer(data, i, uint32(w), found)
		}
		if b&1 != 0 {
			p.closer(data, i+1, uint32(w>>8), found)
		}
		if c&1 != 0 {
			p.closer(data, i+2, uint32(w>>16), found)
		}
		if d&1 != 0 {
			p.closer(data, i+3, uint32(w>>24), found)
		}
	}
	for ; i+4 <= len(data); i++ {
		g := binary.LittleEndian.Uint32(data[i:]) | fold4
		if h := g * multiply >> (32 - hashBits); p.bits[h>>6]>>(h&63)&1 != 0 {
			p.closer(data, i, g, found)
		}
	}
}

// closer compares the literals that have these four bytes.
func (p *prefilter) closer(data []byte, i int, g uint32, found func(*literal, int)) {
	for n := p.heads[g*multiply>>(32-headBits)]; n >= 0; n = p.entries[n].next {
		e := &p.entries[n]
		if e.gram != g {
			continue
		}
		l := &p.literals[e.literal]
		at := i - l.at
		if at < 0 || at+len(l.text) > len(data) {
			continue
		}
		if l.fold && !equalFold(data[at:at+len(l.text)], l.text) || !l.fold && string(data[at:at+len(l.text)]) != l.text {
			continue
		}
		found(l, at)
	}
}

func equalFold(data []byte, low string) bool {
	for i := range len(low) {
		c := data[i]
		if c-'A' < 26 {
			c |= 0x20
		}
		if c != low[i] {
			return false
		}
	}
	return true
}
