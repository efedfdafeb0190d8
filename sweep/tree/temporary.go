package tree

import (
	"crypto/rand"
	"fmt"
)

// Temporary returns a name under which a file is written that is to become name:
// registries and sweeps know it for that. Its UUID says that it is regsweep's own,
// see layout.IsOwnTemporary.
func Temporary(name string) string { return name + "." + UUID() + ".tmp" }

// UUID returns a random one, of the version that regsweep's own names have.
func UUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
