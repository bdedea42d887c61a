package api

import (
	"strconv"
	"time"
)

// span reads a length of time as the description has it: 180d, 2w, 1h30m. An
// empty one is zero.
func span(name, text string) (time.Duration, error) {
	units := map[byte]time.Duration{'w': 7 * 24 * time.Hour, 'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second}
	var total time.Duration
	number := 0
	for i := range len(text) {
		unit, ok := units[text[i]]
		if !ok {
			continue
		}
		n, err := strconv.Atoi(text[number:i])
		if err != nil || time.Duration(n) > longest/unit {
			return 0, invalid(name, "is no length of time that can be meant")
		}
		total += time.Duration(n) * unit
		number = i + 1
	}
	if number != len(text) || total > longest {
		return 0, invalid(name, "is no length of time that can be meant")
	}
	return total, nil
}

const longest = 100 * 365 * 24 * time.Hour
