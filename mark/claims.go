package mark

import (
	"fmt"
	"sync"
)

// sizeClaims are what manifests say of the sizes of others' blobs that is not
// what the walk of the blobs has found.
type sizeClaims struct {
	mu sync.Mutex
	of map[ID][]sizeClaim // by manifest
}

// sizeClaim is what a manifest says of a blob.
type sizeClaim struct {
	blob ID
	size int64 // bytes
}

// by is what a manifest that has been read says.
func (c *sizeClaims) by(id ID) []sizeClaim {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[id]
}

func wrongSizeDetail(is, says int64) string {
	return fmt.Sprintf("it has %d bytes, and a manifest says %d", is, says)
}
