package detect

import "bytes"

// stand are words of values that stand for a value. They are compared in lower case.
var stand = [][]byte{
	[]byte("example"), []byte("placeholder"), []byte("changeme"), []byte("change_me"), []byte("change-me"), []byte("changeit"),
	[]byte("replace"), []byte("your-"), []byte("your_"), []byte("yourpass"), []byte("yourkey"), []byte("yourtoken"), []byte("yoursecret"), []byte("yourapi"),
	[]byte("your "), []byte("xxxx"), []byte("dummy"), []byte("redacted"), []byte("insert"), []byte("notreal"), []byte("not-real"), []byte("not_real"),
	[]byte("foobar"), []byte("lorem"), []byte("todo"), []byte("undefined"), []byte("..."), []byte("****"), []byte("____"), []byte("enter_"), []byte("enter-"),
	[]byte("secret-here"), []byte("key-here"), []byte("_here"), []byte("-here"), []byte("deadbeef"), []byte("sanitized"), []byte("removed"), []byte("masked"), []byte("hidden"), []byte("fake"), []byte("mysecret"), []byte("my-secret"), []byte("my_secret"),
	[]byte("sas_key_value"), []byte("abcdefgh"), []byte("12345678"), []byte("devstoreaccount"), []byte("invalid"),
}

// published are the beginnings of keys that documentation and emulators publish.
var published = [][]byte{
	[]byte("Eby8vdM02x"), []byte("C2y6yDjf5"), // storage and Cosmos emulators
	[]byte("wJalrXUtnFEMI"), []byte("je7MtGbClwBF"), []byte("AKIAIOSFODNN7"), []byte("AKIAI44QH8DHB"), // AWS
	[]byte("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lI"), // jwt.io
	[]byte("sk_test_4eC39HqLyjWDarjtT1zdp7dc"), []byte("sk_test_BQokikJOvBiI2HlWgH4olfQ2"),
}

// Placeholder reports whether a value stands for another: a variable, a hole to
// fill in, a mask, a key that documentation publishes.
func Placeholder(v []byte) bool {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || hole(v) || repeats(v) {
		return true
	}
	for _, p := range published {
		if bytes.HasPrefix(v, p) {
			return true
		}
	}
	if len(v) > 400 {
		return false // no word makes a placeholder of so much
	}
	low := bytes.ToLower(v)
	for _, s := range stand {
		if bytes.Contains(low, s) {
			return true
		}
	}
	return false
}

// hole reports whether v has the form of a variable or of a gap.
func hole(v []byte) bool {
	switch v[0] {
	case '<', '{', '*', '[', '(', '@':
		return v[0] != '@' || bytes.IndexByte(v, '(') > 0 || bytes.HasPrefix(v, []byte("@@"))
	case '$':
		return len(v) > 1 && (v[1] == '{' || v[1] == '(' || v[1] == '$' || v[1] == '_' || variable(v[1:]))
	case '%':
		return v[len(v)-1] == '%' || len(v) < 4
	case '#':
		return len(v) > 1 && v[1] == '{'
	}
	for _, open := range []string{"${", "{{", "$(", "#{", "%{", "<%", "@("} {
		if bytes.Contains(v, []byte(open)) {
			return true
		}
	}
	return false
}

// variable reports whether the rest after $ reads as a name.
func variable(v []byte) bool {
	if classOf[v[0]]&digit != 0 {
		return len(v) == 1
	}
	for _, c := range v {
		if classOf[c]&word == 0 && c != '.' && c != '-' && c != '>' && c != '[' && c != ']' && c != ':' {
			return false
		}
	}
	return true
}

// repeats reports whether one character, or a pattern of up to four, fills most of v.
func repeats(v []byte) bool {
	for step := 1; step <= 4; step++ {
		run, longest := 0, 0
		for i := step; i < len(v); i++ {
			if v[i] == v[i-step] {
				run++
				longest = max(longest, run)
			} else {
				run = 0
			}
		}
		limit := 5
		if step > 1 {
			limit = 8
		}
		if longest >= limit || len(v) > 3 && longest+step == len(v) {
			return true
		}
	}
	return false
}
