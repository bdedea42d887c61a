package inventory

import "time"

// Ends is a part of time in which credentials end. Each begins where the one before
// it ends, so that every credential is in exactly one.
type Ends string

// The parts, from now on. Never: its kind has no end. EndsUnknown: it should have one
// and the issuer tells none, which is not the same as fine.
const (
	Ended       Ends = "expired"
	Within2     Ends = "2d"
	Within7     Ends = "7d"
	Within14    Ends = "14d"
	Within30    Ends = "30d"
	Within60    Ends = "60d"
	Within90    Ends = "90d"
	EndsLater   Ends = "later"
	EndsNever   Ends = "never"
	EndsUnknown Ends = "unknown"
)

// AllEnds lists the parts in their order.
var AllEnds = []Ends{Ended, Within2, Within7, Within14, Within30, Within60, Within90, EndsLater, EndsNever, EndsUnknown}

// edges are the days at which the parts end.
var edges = []struct {
	part Ends
	days int
}{{Ended, 0}, {Within2, 2}, {Within7, 7}, {Within14, 14}, {Within30, 30}, {Within60, 60}, {Within90, 90}}

// span is the part as milliseconds, the end not included.
func (e Ends) span(now time.Time) (from, until int64) {
	from = -1 << 62
	for _, edge := range edges {
		until = now.Add(time.Duration(edge.days) * 24 * time.Hour).UnixMilli()
		if edge.part == e {
			return from, until
		}
		from = until
	}
	if e == EndsLater {
		return from, noEnd
	}
	return noEnd, 1 << 62
}

// endless says which kinds are meant where there is no end: those that have none by
// their nature (1), the others (-1), or all (0).
func (e Ends) endless() int64 {
	switch e {
	case EndsNever:
		return 1
	case EndsUnknown:
		return -1
	}
	return 0
}

// timeless are the kinds of credential that no issuer gives an end.
func timeless(k Kind) bool { return k == AccessKey || k == Federated || k == OwnerRight }

// partOf is the part in which an end lies.
func partOf(ends int64, kind Kind, now time.Time) Ends {
	if ends == noEnd {
		if timeless(kind) {
			return EndsNever
		}
		return EndsUnknown
	}
	for _, edge := range edges {
		if ends < now.Add(time.Duration(edge.days)*24*time.Hour).UnixMilli() {
			return edge.part
		}
	}
	return EndsLater
}
