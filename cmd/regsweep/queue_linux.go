package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// queueTime is how long this program's threads have been ready to run, and had no
// processor. It is 0 where the kernel does not tell.
func queueTime() (sum time.Duration) {
	threads, err := filepath.Glob("/proc/self/task/*/schedstat")
	if err != nil {
		return 0
	}
	for _, name := range threads {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		var ran, queued int64
		if n, _ := fmt.Sscan(string(text), &ran, &queued); n == 2 {
			sum += time.Duration(queued)
		}
	}
	return sum
}
