package detect

// common holds, for each letter, the letters that often follow it in English
// and in the names of programs: nine of ten neighbours in the comments of Go's
// standard library. Chance gives about two of five.
var common = [26]uint32{
	0x1eb94e, 0x144911, 0x1a4d95, 0x164119, 0xaeb87d, 0x104931, 0x66110,
	0x4111, 0x22ef87f, 0x0, 0x40110, 0x11c4919, 0x14d113, 0x2c617d,
	0x7ef86f, 0x1ec911, 0x100000, 0x11e711d, 0x11cc995, 0x11e4995, 0xeb917,
	0x111, 0x111, 0x8000, 0x8000, 0x10,
}

// wordy reports whether the letters of v are words rather than chance. Digits
// and punctuation separate words; a change from lower to upper case too.
func wordy(v []byte) bool {
	pairs, usual, letters, vowels := 0, 0, 0, 0
	for i, c := range v {
		k := classOf[c]
		if k&(lower|upper) == 0 {
			continue
		}
		letters++
		switch c | 0x20 {
		case 'a', 'e', 'i', 'o', 'u', 'y':
			vowels++
		}
		if i == 0 {
			continue
		}
		p := v[i-1]
		if classOf[p]&(lower|upper) == 0 || classOf[p]&lower != 0 && k&upper != 0 {
			continue
		}
		pairs++
		if common[(p|0x20)-'a']&(1<<((c|0x20)-'a')) != 0 {
			usual++
		}
	}
	digits, limit := look(v).digit, 72
	if digits > 0 {
		limit = 82
	}
	return pairs >= 3 && usual*100 >= pairs*limit && vowels*5 >= letters && digits*3 <= letters && pairs*2 >= letters
}
