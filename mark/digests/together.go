package digests

import "github.com/regsweep/regsweep/layout"

// together is how many digests are looked for at a time.
const together = 32

// InternAll is Intern for n digests, whose numbers it appends. Each look for a digest
// waits twice for memory. Here many wait at the same time.
func (t *Table[V]) InternAll(ids []ID, n int, digest func(i int) *layout.Digest) []ID {
	var sums [together]sum
	var hashes, slots [together]uint32
	for from := 0; from < n; from += together {
		part := min(n-from, together)
		for i := range part {
			slots[i] = 0
			if d := digest(from + i); d.Algorithm() == layout.SHA256 {
				sums[i] = makeSum(d.Sum())
				hashes[i] = uint32(t.hash(&sums[i]))
				slots[i] = t.shards[sums[i][0]>>56].first(hashes[i])
			}
		}
		for i := range part {
			id := ID(slots[i] & (1<<idBits - 1))
			if id != 0 && (slots[i]>>idBits != hashes[i]>>idBits || t.entry(id).sum != sums[i]) {
				id = 0
			}
			ids = append(ids, id)
		}
		for i, id := range ids[len(ids)-part:] {
			if id == 0 {
				ids[len(ids)-part+i] = t.find(digest(from+i), true)
			}
		}
	}
	return ids
}

// first is the slot in which a digest with a hash is, if no other one took it before; 0
// if nothing is in it.
func (s *shard) first(hash uint32) uint32 {
	table := s.slots.Load()
	if table == nil {
		return 0
	}
	return (*table)[hash&uint32(len(*table)-1)].Load()
}
