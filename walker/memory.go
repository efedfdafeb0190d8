package walker

import (
	"encoding/binary"
	"math/bits"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Memory remembers links that were read before. Its methods are called
// concurrently.
type Memory interface {
	// Find returns where a link is remembered that has a key, which is of its path;
	// less than 0 says that it has to be opened.
	Find(key uint64, isTag bool) (at int)
	// Recall returns what that link holds, if its file is what it was and what was
	// read of it cannot have changed since. The file is on a disk of this host.
	Recall(at int, info disk.Info) (layout.Digest, bool)
	// Note tells of a link on a disk of this host that has been read.
	Note(key uint64, info disk.Info, target layout.Digest)
}

// linkKey begins the key of the links in a directory.
func linkKey(d *disk.Dir) uint64 { return addKey(0x9e3779b97f4a7c15, d.Path()) }

// addKey adds a name to a key. Keys are in files that other runs read.
func addKey(key uint64, name string) uint64 {
	for len(name) >= 8 {
		key = mix(key ^ binary.LittleEndian.Uint64([]byte(name[:8])))
		name = name[8:]
	}
	rest := uint64(len(name)+1) << 56
	for i := range len(name) {
		rest |= uint64(name[i]) << (8 * i)
	}
	return mix(key ^ rest)
}

func mix(key uint64) uint64 {
	hi, lo := bits.Mul64(key^0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	return hi ^ lo
}

// recall is what a link says that need not be opened.
func (w *Walker) recall(d *disk.Dir, name string, key uint64, isTag bool) (Link, bool) {
	at := w.memory.Find(key, isTag)
	if at < 0 {
		return Link{}, false
	}
	info, err := d.Stat(name)
	if err != nil || info.Type != disk.File || !d.Local(info.ID.Dev) {
		return Link{}, false
	}
	target, ok := w.memory.Recall(at, info)
	return Link{State: LinkGood, Target: target, MTime: info.MTime}, ok
}

// note remembers a link that was read.
func (w *Walker) note(d *disk.Dir, key uint64, info disk.Info, l *Link) {
	if l.State == LinkGood && info.Type == disk.File && !info.Behind && d.Local(info.ID.Dev) {
		w.memory.Note(key, info, l.Target)
	}
}
