package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// sum is a checksum of rows that does not depend on their order, since the two
// databases sort texts differently: the SHA-256 of each row, added up.
type sum [4]uint64

func (s *sum) add(values []any) error {
	var row []byte
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			row = append(row, 'n')
		case int64:
			row = binary.BigEndian.AppendUint64(append(row, 'i'), uint64(v))
		case float64: // the same eight bytes in both
			row = binary.BigEndian.AppendUint64(append(row, 'f'), math.Float64bits(v))
		case string: // SQLite may keep an empty one where PostgreSQL keeps no bytes
			row = appendBytes(row, []byte(v))
		case []byte:
			row = appendBytes(row, v)
		default:
			return fmt.Errorf("a column has a value of the type %T, which is none that rekey's tables use", v)
		}
	}
	h := sha256.Sum256(row)
	for i := range s {
		s[i] += binary.BigEndian.Uint64(h[i*8:])
	}
	return nil
}

func appendBytes(row, v []byte) []byte {
	return append(binary.BigEndian.AppendUint64(append(row, 'x'), uint64(len(v))), v...)
}

func (s sum) String() string { return fmt.Sprintf("%016x%016x%016x%016x", s[0], s[1], s[2], s[3]) }
