package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// garbageRoom is how many bytes of garbage there may be in memory. Nearly all
// that is in use has no pointers, so that collecting garbage early costs little.
const garbageRoom = 6 << 20

// limitGarbage is called when the blobs are known, which are most of what a run
// has in memory. Go's own rule would let the memory grow to twice as much.
func (p *program) limitGarbage() {
	if !p.alone || os.Getenv("GOGC") != "" {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.SetGCPercent(int(min(max(100*garbageRoom/m.HeapAlloc, 15), 300)))
}
