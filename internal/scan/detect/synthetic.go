package detect

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"
)

func itoa(n int) string         { return strconv.Itoa(n) }
func quoteMeta(s string) string { return regexp.QuoteMeta(s) }

// ClientSecret makes an Entra client secret that nobody issued, with its
// checksum; the same name gives the same text. Tests and benchmarks plant it.
func ClientSecret(name string) string {
	s := Expand(name, "{a3}8Q~{w31}")
	return s + entraSum([]byte(s))
}

// Sealed makes a key of the base64 family: random, the mark at its place, the
// rest random, and the checksum with the seed.
func Sealed(name, mark string, at, length int, seed string) string {
	pad := map[int]int{44: 1, 88: 2, 56: 2}[length]
	chars := length - pad
	text := Expand(name, "{a:"+strconv.Itoa(at)+"}") + mark + Expand(name+"2", "{a:"+strconv.Itoa(chars-at-4)+"}")
	n := chars * 6 / 8
	text = text[:chars-1] + "A" // the last character's spare bits must be zero
	raw := decode64([]byte(text))[:n]
	binary.LittleEndian.PutUint32(raw[n-4:], marvin(raw[:n-4], seed))
	enc := base64.StdEncoding
	if length == 56 {
		enc = base64.URLEncoding
	}
	return enc.EncodeToString(raw)
}

// Annotated makes a common annotated security key of 84 characters, made in
// November 2026, of the provider with this four-letter signature.
func Annotated(name, signature string) string {
	if signature == "" {
		signature = "QTST"
	}
	s := Expand(name, "{a52}") + "JQQJ99CK" + Expand(name+"1", "{a12}") + "AAAA" + signature
	return s + caskSum62(decode64([]byte(s)))
}

func makeEntra() []string {
	s := ClientSecret("entra")
	return []string{s, `"clientSecret": "` + ClientSecret("b") + `",`, "x" + ClientSecret("c") + "y"}
}

func makeDevopsOld() []string {
	raw := []byte(Expand("azdo", "{b32}"))
	var rest []byte
	for i, b := range raw {
		if i != 22 && i != 8 && i != 7 && i != 2 {
			rest = append(rest, b)
		}
	}
	sum := crc32.ChecksumIEEE(rest) ^ 0xE0B9692D
	raw[22], raw[8], raw[7], raw[2] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
	var out strings.Builder
	var acc, n uint32
	put := func(v uint32) { out.WriteByte(alphabets["32"][v]) }
	for _, b := range raw {
		acc, n = acc<<8|uint32(b), n+8
		for n >= 5 {
			n -= 5
			put(acc >> n & 31)
			acc &= 1<<n - 1
		}
	}
	put(acc << (5 - n) & 31)
	return []string{"AZDO_PAT=" + out.String(), "https://x:" + out.String() + "@dev.azure.com/contoso"}
}
