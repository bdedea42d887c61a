package history

// A change is a stretch of an object that its base does not have as it is: new
// bytes, or, if it is empty, a seam between bytes that stood elsewhere.
type change struct{ start, end int }

// instructions calls each for what a difference does: copy base[from:from+n], or
// insert text. It returns the sizes that the difference claims.
func instructions(delta []byte, each func(from, n int, text []byte) bool) (baseSize, size int64, ok bool) {
	baseSize, delta, ok = varint(delta)
	if !ok {
		return 0, 0, false
	}
	size, delta, ok = varint(delta)
	if !ok {
		return 0, 0, false
	}
	for len(delta) > 0 {
		op := delta[0]
		delta = delta[1:]
		if op == 0 {
			return 0, 0, false
		}
		if op&0x80 == 0 {
			if int(op) > len(delta) {
				return 0, 0, false
			}
			if each != nil && !each(0, int(op), delta[:op]) {
				return 0, 0, false
			}
			delta = delta[op:]
			continue
		}
		var arg [7]int
		for i := range arg {
			if op>>i&1 == 0 {
				continue
			}
			if len(delta) == 0 {
				return 0, 0, false
			}
			arg[i] = int(delta[0])
			delta = delta[1:]
		}
		from, n := arg[0]|arg[1]<<8|arg[2]<<16|arg[3]<<24, arg[4]|arg[5]<<8|arg[6]<<16
		if n == 0 {
			n = 0x10000
		}
		if each != nil && !each(from, n, nil) {
			return 0, 0, false
		}
	}
	return baseSize, size, true
}

func varint(b []byte) (int64, []byte, bool) {
	v, shift := int64(0), 0
	for i, c := range b {
		if shift > 56 {
			break
		}
		v |= int64(c&0x7f) << shift
		shift += 7
		if c&0x80 == 0 {
			return v, b[i+1:], true
		}
	}
	return 0, nil, false
}

// sizes returns what a difference claims of its base and of its result.
func sizes(delta []byte) (baseSize, size int64, ok bool) {
	baseSize, rest, ok := varint(delta)
	if !ok {
		return 0, 0, false
	}
	size, _, ok = varint(rest)
	return baseSize, size, ok
}

// apply builds an object on its base, in the memory of buf if that is enough.
// If changes is not nil, it is filled with what is new.
func apply(base, delta, buf []byte, most int64, changes *[]change) ([]byte, error) {
	baseSize, size, ok := sizes(delta)
	if !ok || baseSize != int64(len(base)) {
		return nil, errDelta
	}
	if size > most {
		return nil, errLarge
	}
	if int64(cap(buf)) < size {
		buf = make([]byte, 0, size)
	}
	out := buf[:0]
	last := 0 // where in the base the last copy ended
	put := func(c change) {
		if changes == nil {
			return
		}
		if n := len(*changes); n > 0 && (*changes)[n-1].end == c.start {
			(*changes)[n-1].end = c.end
			return
		}
		*changes = append(*changes, c)
	}
	_, _, ok = instructions(delta, func(from, n int, text []byte) bool {
		if int64(len(out)+n) > size {
			return false
		}
		if text != nil {
			put(change{len(out), len(out) + n})
			out = append(out, text...)
			last = -1
			return true
		}
		if from < 0 || from+n > len(base) {
			return false
		}
		if from != last {
			put(change{len(out), len(out)})
		}
		out = append(out, base[from:from+n]...)
		last = from + n
		return true
	})
	if !ok || int64(len(out)) != size {
		return nil, errDelta
	}
	if last != len(base) {
		put(change{len(out), len(out)})
	}
	return out, nil
}
