package sweep

import (
	"sync"
	"sync/atomic"
)

// chunkSize is how many items in a row one worker takes: they are sorted, so
// most of them share a directory that is then opened once.
const chunkSize = 64

// chunks calls fn for all i below n, concurrently.
func (r *run) chunks(n int, fn func(c *cache, i int)) {
	inChunks(r.w.Jobs(), n, func() *cache { return &cache{r: r} }, fn)
}

// worker is what a goroutine works with.
type worker interface {
	tell() // how far it has come
	close()
}

// inChunks calls fn for all i below n, with some workers side by side.
func inChunks[W worker](jobs, n int, hire func() W, fn func(w W, i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(jobs, (n+chunkSize-1)/chunkSize) {
		wg.Go(func() {
			w := hire()
			defer w.close()
			for {
				hi := int(next.Add(chunkSize))
				for i := hi - chunkSize; i < min(hi, n); i++ {
					fn(w, i)
				}
				w.tell()
				if hi >= n {
					return
				}
			}
		})
	}
	wg.Wait()
}
