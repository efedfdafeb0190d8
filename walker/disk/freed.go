package disk

import "sync"

// Freed is what removals through a Lock have freed, and what was made has
// taken: as du of the store before and after tells it.
type Freed struct {
	Bytes  int64 // on the disk
	Inodes int64
}

// Add adds another one.
func (f *Freed) Add(o Freed) {
	f.Bytes += o.Bytes
	f.Inodes += o.Inodes
}

// ledger counts what removals free. Its methods may be called concurrently.
type ledger struct {
	mu    sync.Mutex
	freed Freed
	// names is how many names files have left that had several.
	names map[ID]uint64
	// sizes are the disk bytes of directories that are worked in, as they were last seen.
	sizes map[ID]int64
}

// Freed is what the holder of the lock has freed so far.
func (l *Lock) Freed() Freed {
	l.ledger.mu.Lock()
	defer l.ledger.mu.Unlock()
	return l.ledger.freed
}

// meet notes a name that is about to be removed.
func (l *ledger) meet(i *Info) {
	if i.Type == Directory || i.Links < 2 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.names[i.ID]; !ok {
		if l.names == nil {
			l.names = map[ID]uint64{}
		}
		l.names[i.ID] = i.Links
	}
}

// gone counts a name that has been removed. A file's space is free when its
// last name goes.
func (l *ledger) gone(i *Info) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left, ok := l.names[i.ID]; ok && i.Type != Directory {
		if left--; left > 0 {
			l.names[i.ID] = left
			return
		}
		delete(l.names, i.ID)
	}
	l.freed.Add(Freed{i.Disk, 1})
}

// made counts what has been made.
func (l *ledger) made(i *Info) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.freed.Add(Freed{-i.Disk, -1})
}

// Watch counts what this directory itself shrinks by from now on, as some
// filesystems' directories do, each time that it is called again.
func (d *Locked) Watch() {
	i, ok := d.measure("")
	if !ok {
		return
	}
	l := d.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if was, ok := l.sizes[i.ID]; ok {
		l.freed.Bytes += was - i.Disk
	}
	if l.sizes == nil {
		l.sizes = map[ID]int64{}
	}
	l.sizes[i.ID] = i.Disk
}
