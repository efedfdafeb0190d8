package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// More threads than processors wait for one another.
func TestQueueTimeGrowsWhereThreadsWaitForAProcessor(t *testing.T) {
	before := runtime.GOMAXPROCS(4 * runtime.NumCPU())
	defer runtime.GOMAXPROCS(before)
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 4 * runtime.NumCPU() {
		wg.Go(func() {
			for !done.Load() {
			}
		})
	}
	defer wg.Wait()
	defer done.Store(true)
	from := queueTime()
	for start := time.Now(); queueTime() <= from; {
		if time.Since(start) > 10*time.Second {
			t.Fatal("no thread has waited for a processor, or the kernel does not tell")
		}
		time.Sleep(time.Millisecond)
	}
}
