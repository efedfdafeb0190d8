package walker

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// inRow is how many names are put in order at a time: enough that a disk's arm goes
// over the disk a few times only, and little memory.
const inRow = 1 << 15

// inARow is how many neighbors one worker takes: few, so that what all workers are
// at is near one another.
const inARow = 4

// byInode is d.List in the order of inodes, for a disk with an arm: many names are
// listed before fn is called with the first. Names do not last.
func byInode(d *disk.Dir, fn func(disk.Entry) error) error {
	var names strings.Builder
	var entries []disk.Entry
	var ends []int
	flush := func() error {
		defer func() {
			names.Reset()
			entries, ends = entries[:0], ends[:0]
		}()
		text, from := names.String(), 0
		for i := range entries {
			entries[i].Name = text[from:ends[i]]
			from = ends[i]
		}
		slices.SortFunc(entries, func(a, b disk.Entry) int { return cmp.Compare(a.Inode, b.Inode) })
		for _, e := range entries {
			if err := fn(e); err != nil {
				return err
			}
		}
		return nil
	}
	err := d.List(func(e disk.Entry) error {
		names.WriteString(e.Name)
		entries, ends = append(entries, e), append(ends, names.Len())
		if len(entries) < inRow {
			return nil
		}
		return flush()
	})
	if ferr := flush(); ferr != nil && err == nil {
		err = ferr
	}
	return err
}

// blobPlace is a blob's directory that is still to be looked at.
type blobPlace struct {
	inode  uint64
	digest layout.Digest
	kind   disk.Type
	linked bool
}

// inOrder looks at all blobs of an algorithm in the order of their inodes, some
// thousand at a time: digests are random, so that the order of their names would
// move a disk's arm from one end to the other for each blob.
func (v *blobWalk) inOrder(alg layout.Algorithm, d *disk.Dir, prefixes []string) {
	var places []blobPlace
	seen := 0
	flush := func() {
		slices.SortFunc(places, func(a, b blobPlace) int { return cmp.Compare(a.inode, b.inode) })
		v.w.Share(v.ctx, len(places), func(lo, hi int) {
			var c prefixCount
			var data disk.Name
			for i := lo; i < hi && v.ctx.Err() == nil; i++ {
				p := &places[i]
				name := p.digest.Hex()
				name = name[:2] + "/" + name
				v.look(d, disk.Entry{Name: name, Type: p.kind}, p.digest, data.Join(name, layout.Data), p.linked, &c)
			}
			c.tell(v.w.Progress)
		})
		places = places[:0]
	}
	var mu sync.Mutex
	for done := 0; done < len(prefixes) && v.ctx.Err() == nil; {
		// As many at a time as there is room for, as far as those before tell.
		n := min(len(prefixes)-done, max(1, inRow*done/max(1, seen)))
		v.w.Share(v.ctx, n, func(lo, hi int) {
			for _, prefix := range prefixes[done+lo : done+hi] {
				v.names(alg, prefix, d.Join(prefix), d.Linked(), func(_ *disk.Dir, e disk.Entry, digest layout.Digest, linked bool) {
					mu.Lock()
					defer mu.Unlock()
					places = append(places, blobPlace{e.Inode, digest, e.Type, linked})
					seen++
				})
				v.w.Progress.Prefixes.Add(1)
			}
		})
		if done += n; len(places) >= inRow/2 {
			flush()
		}
	}
	flush()
}
