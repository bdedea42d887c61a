package detect

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"strings"
)

// marvin is Marvin32 as the keys of Microsoft's services use it: seed is the
// name of the seed, eight characters.
// https://github.com/microsoft/security-utilities
func marvin(data []byte, seed string) uint32 {
	s := binary.BigEndian.Uint64([]byte(seed))
	p0, p1 := uint32(s), uint32(s>>32)
	block := func() {
		p1 ^= p0
		p0 = bits.RotateLeft32(p0, 20) + p1
		p1 = bits.RotateLeft32(p1, 9) ^ p0
		p0 = bits.RotateLeft32(p0, 27) + p1
		p1 = bits.RotateLeft32(p1, 19)
	}
	for ; len(data) >= 4; data = data[4:] {
		p0 += binary.LittleEndian.Uint32(data)
		block()
	}
	tail := uint32(0x80)
	for i := len(data) - 1; i >= 0; i-- {
		tail = tail<<8 | uint32(data[i])
	}
	p0 += tail
	block()
	block()
	return p0 ^ p1
}

const (
	base62    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	entra66   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890.-_~"
	entraSeed = "AadPwd00"
)

// digits writes v in the base of the alphabet's length.
func digits(v uint32, alphabet string) string {
	var b []byte
	for ; v > 0; v /= uint32(len(alphabet)) {
		b = append(b, alphabet[v%uint32(len(alphabet))])
	}
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// entraSum is the three characters that end a client secret of 40 characters
// whose first 37 are given.
func entraSum(first37 []byte) string {
	s := digits(marvin(first37, entraSeed), entra66)
	return (strings.Repeat("a", 6) + s)[len(s):][:3]
}

// identifiableSeed returns the seed with which the key's last four bytes are the
// checksum of those before, or "".
func identifiableSeed(key []byte, seeds []string) string {
	if len(key) < 5 {
		return ""
	}
	body, sum := key[:len(key)-4], binary.LittleEndian.Uint32(key[len(key)-4:])
	for _, s := range seeds {
		if marvin(body, s) == sum {
			return s
		}
	}
	return ""
}

// decode64 reads either base64 alphabet, padded or not.
func decode64(b []byte) []byte {
	s := strings.TrimRight(string(b), "=")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	out, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return out
}

// caskValid checks a common annotated security key of 84 or 88 characters.
func caskValid(key []byte) bool {
	body := decode64(key[:80])
	if len(body) != 60 {
		return false
	}
	var le [4]byte
	binary.LittleEndian.PutUint32(le[:], marvin(body, "Default0"))
	if strings.HasPrefix(base64.RawStdEncoding.EncodeToString(le[:]), string(key[80:84])) {
		return true
	}
	return caskSum62(body) == string(key[80:84])
}

func caskSum62(body []byte) string {
	var le [4]byte
	binary.LittleEndian.PutUint32(le[:], marvin(body, "Default0"))
	return (digits(binary.BigEndian.Uint32(le[:]), base62) + "000000")[:4]
}

// devopsOld tells whether 52 base32 characters are a personal or application
// token of Azure DevOps as it made them until 2024.
func devopsOld(text []byte) (kind string) {
	raw := make([]byte, 0, 33)
	var acc, n uint32
	for _, c := range text {
		v := uint32(c) - 'a'
		if c < 'a' {
			v = uint32(c) - '2' + 26
		}
		acc, n = acc<<5|v, n+5
		if n >= 8 {
			n -= 8
			raw = append(raw, byte(acc>>n))
			acc &= 1<<n - 1
		}
	}
	if len(raw) != 32 {
		return ""
	}
	sum := uint32(raw[22]) | uint32(raw[8])<<8 | uint32(raw[7])<<16 | uint32(raw[2])<<24
	rest := make([]byte, 0, 28)
	for i, b := range raw {
		if i != 22 && i != 8 && i != 7 && i != 2 {
			rest = append(rest, b)
		}
	}
	switch sum ^ crc32.ChecksumIEEE(rest) {
	case 0xE0B9692D:
		return "personal access token"
	case 0x1019F92E:
		return "application token"
	}
	return ""
}
