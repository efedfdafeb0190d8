// Package work shares out items that are many and alike among a few goroutines.
package work

import (
	"sync"
	"sync/atomic"
)

// ChunkSize is how many items in a row one worker takes: they are sorted, so
// most of them share a directory that is then opened once.
const ChunkSize = 64

// Worker is what a goroutine works with.
type Worker interface {
	Tell() // how far it has come
	Close()
}

// InChunks calls fn for all i below n, with some workers side by side.
func InChunks[W Worker](jobs, n int, hire func() W, fn func(w W, i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(jobs, (n+ChunkSize-1)/ChunkSize) {
		wg.Go(func() {
			w := hire()
			defer w.Close()
			for {
				hi := int(next.Add(ChunkSize))
				for i := hi - ChunkSize; i < min(hi, n); i++ {
					fn(w, i)
				}
				w.Tell()
				if hi >= n {
					return
				}
			}
		})
	}
	wg.Wait()
}
