package detect

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
)

// alphabets of a template, by the letter that stands for them.
var alphabets = map[string]string{
	"a":  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	"l":  "abcdefghijklmnopqrstuvwxyz0123456789",
	"u":  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
	"U":  "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	"s":  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
	"c":  "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
	"d":  "0123456789",
	"h":  "0123456789abcdef",
	"H":  "0123456789ABCDEF",
	"b":  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	"w":  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
	"32": "abcdefghijklmnopqrstuvwxyz234567",
}

// Expand makes an example out of a template: {a36} becomes 36 letters and
// digits, {h32} hexadecimal digits, {guid} a GUID, and so on. So no example
// stands in the source as it would in the wild, and no scanner, ours included,
// stumbles over it. The same name and template always give the same text.
func Expand(name, template string) string {
	h := fnv.New64a()
	h.Write([]byte(name + "\x00" + template))
	return expand(template, rand.New(rand.NewPCG(h.Sum64(), 1)))
}

func expand(template string, r *rand.Rand) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		hole, after, closed := strings.Cut(rest, "}")
		text, ok := fill(hole, r)
		if !closed || !ok {
			out.WriteByte('{')
			template = rest
			continue
		}
		out.WriteString(text)
		template = after
	}
}

func fill(hole string, r *rand.Rand) (string, bool) {
	if hole == "guid" {
		return expand("{h8}-{h4}-4{h3}-a{h3}-{h12}", r), true
	}
	letter, count, found := strings.Cut(hole, ":")
	if !found && len(hole) > 1 {
		letter, count = hole[:1], hole[1:]
	}
	set := alphabets[letter]
	n, err := strconv.Atoi(count)
	if err != nil || set == "" {
		return "", false
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = set[r.IntN(len(set))]
	}
	return string(b), true
}
