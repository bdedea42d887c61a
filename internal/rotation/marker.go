package rotation

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
)

// markerPrefix begins the mark that every credential of ours bears at the end of
// its display name.
const markerPrefix = "rk-"

const markerLength = len(markerPrefix) + 12

// marker is the mark of a rotation's n-th attempt: nobody without the
// installation's key can make one, and two attempts never share one.
func (k *Keeper) marker(r *Rotation, n int) string {
	mac := k.Markers.MAC("marker", fmt.Sprintf("%s|%s|%s|%d", r.Terms.Application.Tenant, r.Terms.Application.ObjectID, r.ID, n))
	raw, err := hex.DecodeString(mac)
	if err != nil {
		panic(err) // our own hexadecimal
	}
	return markerPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(raw))[:12]
}

// markerOf is the marker at the end of a display name, or empty.
func markerOf(label string) string {
	i := strings.LastIndex(label, markerPrefix)
	if i < 0 || len(label)-i != markerLength || i > 0 && label[i-1] != ' ' {
		return ""
	}
	return label[i:]
}

// requestID is a GUID for client-request-id.
func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
