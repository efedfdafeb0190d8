package mark

import (
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
)

// Match returns the digests of blobs that begin with a text, sorted. The text is
// the beginning of a digest, with or without its algorithm. If no blob matches, it
// returns matching digests that are only named, if a Look has found any.
func (s *Store) Match(prefix string) (found []layout.Digest) {
	var named []layout.Digest
	for id, r := range s.Table.All() {
		d := s.Table.Digest(id)
		switch {
		case !strings.HasPrefix(d.String(), prefix) && !strings.HasPrefix(d.Hex(), prefix):
		case r.has(hasBlob):
			found = append(found, d)
		default:
			named = append(named, d)
		}
	}
	if len(found) == 0 {
		found = named
	}
	slices.SortFunc(found, layout.Digest.Compare)
	return found
}
