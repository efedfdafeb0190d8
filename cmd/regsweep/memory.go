package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// garbageRoom is how many bytes of garbage there may be in memory. Nearly all
	// that is in use has no pointers, so that collecting garbage early costs little.
	garbageRoom = 6 << 20
	// leastRoom is how much garbage there may be in a large memory, in percent of what
	// is in use: the tags of one repository may be nearly all of it, and have pointers.
	leastRoom = 15
)

// limitGarbage is called when the blobs are known, which are most of what a run
// has in memory. Go's own rule would let the memory grow to twice as much. It goes on
// with each collection, since a repository with many tags takes memory later.
func (p *program) limitGarbage() {
	if !p.alone || os.Getenv("GOGC") != "" {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	setRoom(m.HeapAlloc)
	atNextCollection()
}

// collection is freed by each collection of garbage, and made again.
type collection struct{ _ [64]byte }

func atNextCollection() {
	runtime.SetFinalizer(new(collection), func(*collection) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		setRoom(live[0].Value.Uint64())
		atNextCollection()
	})
}

func setRoom(used uint64) {
	debug.SetGCPercent(int(min(max(100*garbageRoom/max(used, 1), leastRoom), 300)))
}
