package mark

import (
	"fmt"
	"sync"

	"github.com/regsweep/regsweep/mark/manifest"
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

// compare remembers what does not agree, or cannot be told without knowing the
// repository. It is called concurrently.
func (c *sizeClaims) compare(s *Store, by ID, refs []manifest.Reference) {
	var odd []sizeClaim
	for i := range refs {
		ref := &refs[i]
		if ref.Size == manifest.NoSize {
			continue
		}
		id := ref.ID
		if id == 0 {
			id = s.Table.Intern(ref.Digest)
		}
		if r := s.Table.At(id); r.has(hasBlob) && r.size == ref.Size {
			continue
		}
		odd = append(odd, sizeClaim{id, ref.Size})
	}
	if odd == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[by] = odd
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
