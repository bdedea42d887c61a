// Package source lists who reads what in a scan: archives, solutions and
// compressed logs. The folders below hold them, and the histories of git.
package source

import (
	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/source/archive"
	"rekey.example/rekey/internal/scan/source/solution"
)

// Unpackers are all readers of containers, for scan.Config.Unpack.
func Unpackers(l archive.Limits) []scan.Unpacker {
	var places solution.Reader
	return []scan.Unpacker{archive.New(l, places.Inside), places}
}
