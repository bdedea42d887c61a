package world

import (
	"encoding/hex"
	"math/rand/v2"
)

// RandomGUID returns a GUID that no seed repeats, for request and trace ids.
func RandomGUID() string {
	return guid(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
}

// guid draws a version 4 GUID from rnd, so that a seed repeats a whole tenant.
func guid(rnd *rand.Rand) string {
	var b [16]byte
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
