package secret

import "encoding/asn1"

// PKCS#12 says itself how often a password is to be hashed before anything can be
// read: up to two thousand million times, each time it is said. Vaults and tools
// say from one to some hundred thousand.
const (
	roundsAtMost = 2_000_000
	partsAtMost  = 5_000
	depthAtMost  = 16
)

// affordable reports whether DER is worth giving to the PKCS#12 decoder: it adds
// up all iteration counts. Wherever one stands, in the parameters of
// https://www.rfc-editor.org/rfc/rfc7292 and https://www.rfc-editor.org/rfc/rfc8018,
// it is an INTEGER right behind an OCTET STRING, the salt.
func affordable(der []byte) bool {
	var c cost
	return c.add(der, 0) && !c.dear
}

type cost struct {
	rounds, parts int
	dear          bool
}

// add goes through the values in b, and reports whether b is a series of them. An
// OCTET STRING can hold one, or anything else.
func (c *cost) add(b []byte, depth int) bool {
	salted := false
	for len(b) > 0 && !c.dear {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(b, &v)
		if err != nil {
			return false
		}
		universal := v.Class == asn1.ClassUniversal
		switch {
		case v.IsCompound:
			if depth == depthAtMost || !c.add(v.Bytes, depth+1) {
				return false
			}
		case universal && v.Tag == asn1.TagInteger && salted:
			c.count(v.FullBytes)
		case universal && v.Tag == asn1.TagOctetString && depth < depthAtMost:
			c.add(v.Bytes, depth+1)
		}
		c.parts++
		c.dear = c.dear || c.parts > partsAtMost
		salted = universal && v.Tag == asn1.TagOctetString
		b = rest
	}
	return !c.dear
}

func (c *cost) count(integer []byte) {
	var n int32
	if _, err := asn1.Unmarshal(integer, &n); err != nil {
		n = roundsAtMost + 1 // no int32
	}
	c.rounds = min(c.rounds+max(int(n), 0), roundsAtMost+1)
	c.dear = c.dear || c.rounds > roundsAtMost
}
