package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// garbageRoom is how many bytes of garbage there may be in memory.
	garbageRoom = 8 << 20
	// leastRoom is how much garbage there may be if more is in use, in percent of that.
	// Nearly all that a run has of a large store has no pointers, so that collecting
	// garbage early costs little.
	leastRoom = 15
)

// limitGarbage limits the garbage in memory from now on. Go's own rule would let the
// memory grow to twice as much as is in use. The process calls it once.
func limitGarbage() {
	if os.Getenv("GOGC") == "" {
		chooseRoom()
	}
}

// collection is freed by each collection of garbage, and made again.
type collection struct{ _ [64]byte }

// chooseRoom says how much garbage there may be until the next collection.
func chooseRoom() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}} // by the last collection; 0 before the first
	metrics.Read(live)
	debug.SetGCPercent(roomBeside(live[0].Value.Uint64()))
	runtime.SetFinalizer(new(collection), func(*collection) { chooseRoom() })
}

// roomBeside is how much garbage there may be beside so many bytes in use, in percent of these.
func roomBeside(used uint64) int {
	return int(min(max(100*garbageRoom/max(used, 1), leastRoom), 300))
}
