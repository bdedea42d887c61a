package world

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// secretAlphabet is that of Entra's client secrets, in the order in which their
// checksum counts. The 1 stands before the 0.
const secretAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890.-_~"

// SecretText draws the text of a client secret in Entra's current form: 40
// characters, the mark 8Q~ after the third, the last three a checksum, so that a
// scanner that checks it takes ours for a real one. The caller holds Change.
func (w *World) SecretText() string { return secretText(w.rnd) }

func secretText(rnd *rand.Rand) string {
	var text [37]byte
	for i := range text {
		text[i] = secretAlphabet[rnd.IntN(len(secretAlphabet))]
	}
	copy(text[3:], "8Q~")
	return string(text[:]) + secretChecksum(text[:])
}

// SecretTextValid reports whether the checksum of a client secret is right.
func SecretTextValid(text string) bool {
	return len(text) == 40 && text[3:6] == "8Q~" && secretChecksum([]byte(text[:37])) == text[37:]
}

// secretChecksum is Marvin32 in base 66, of which Entra keeps the first three of
// six digits.
func secretChecksum(text []byte) string {
	sum := marvin32(binary.BigEndian.Uint64([]byte("AadPwd00")), text)
	var digits [6]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = secretAlphabet[sum%66]
		sum /= 66
	}
	return string(digits[:3])
}

// marvin32 is the keyed hash behind all of Microsoft's recognizable keys.
func marvin32(seed uint64, data []byte) uint32 {
	p0, p1 := uint32(seed), uint32(seed>>32)
	block := func() {
		p1 ^= p0
		p0 = bits.RotateLeft32(p0, 20) + p1
		p1 = bits.RotateLeft32(p1, 9) ^ p0
		p0 = bits.RotateLeft32(p0, 27) + p1
		p1 = bits.RotateLeft32(p1, 19)
	}
	for len(data) >= 4 {
		p0 += binary.LittleEndian.Uint32(data)
		block()
		data = data[4:]
	}
	var tail [4]byte
	copy(tail[:], data)
	tail[len(data)] = 0x80
	p0 += binary.LittleEndian.Uint32(tail[:])
	block()
	block()
	return p0 ^ p1
}
