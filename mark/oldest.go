package mark

import "math"

// noteOldest notes the time of a blob: the time that is left until the end of all
// times is the longest for the oldest.
func (s *Store) noteOldest(mtime int64) { s.oldest.note(math.MaxInt64 - max(mtime, 1)) }

// Oldest returns the time of the oldest blob, in nanoseconds since 1970, or 0 if
// there are no blobs.
func (s *Store) Oldest() int64 {
	if at := s.oldest.at.Load(); at > 0 {
		return math.MaxInt64 - at
	}
	return 0
}
