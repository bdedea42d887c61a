package keyvault

import (
	"strconv"
	"unicode/utf8"
)

const (
	longestName  = 127
	largestValue = 25 << 10
	mostTags     = 15
	longestTag   = 512
	latestTime   = 253402300799 // 9999-12-31T23:59:59Z
)

// checkName refuses what cannot be the name of an object. An empty name is one
// that the operation does not have.
func checkName(name string) error {
	bad := len(name) > longestName
	for _, r := range name {
		if r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			bad = true
		}
	}
	if bad {
		return badParameter("The request URI contains an invalid name: " + name)
	}
	return nil
}

func checkVersionID(id string) error {
	for _, r := range id {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return badParameter("The request URI contains an invalid version: " + id)
		}
	}
	return nil
}

func checkTags(tags map[string]string) error {
	if len(tags) > mostTags {
		return badParameter("The number of tags (" + strconv.Itoa(len(tags)) + ") is larger than the maximum of 15.")
	}
	for name, value := range tags {
		if utf8.RuneCountInString(name) > longestTag || utf8.RuneCountInString(value) > longestTag {
			return badParameter("A tag's name and value must have at most 512 characters.")
		}
	}
	return nil
}
