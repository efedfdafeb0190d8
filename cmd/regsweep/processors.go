package main

import (
	"context"
	"runtime"
	"time"

	"github.com/regsweep/regsweep/walker/disk"
)

// processorsLook is how often it is asked whether the processors idle: several
// times what the kernel may take to account for a thread that runs.
const processorsLook = 10 * time.Millisecond

// useProcessors gives the program a thread for each job where it waits for a
// network, or, as soon as the processors idle, for a disk: Go lets no more
// threads run than there are processors. With all files in memory more threads
// than that would cost a twentieth. It goes on until ctx is done.
func useProcessors(ctx context.Context, store *disk.Dir, jobs int) {
	processors := runtime.GOMAXPROCS(0)
	switch {
	case jobs <= processors:
	case store.Distant():
		runtime.GOMAXPROCS(jobs)
	default:
		go watchProcessors(ctx, processors, jobs)
	}
}

func watchProcessors(ctx context.Context, processors, jobs int) {
	tick := time.NewTicker(processorsLook)
	defer tick.Stop()
	for idle := 0; ; {
		used, since := processorTime(), time.Now()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if busy := processorTime() - used; busy >= time.Since(since)*time.Duration(processors)/2 {
			idle = 0
		} else if idle++; idle == 2 { // once may be another program's fault
			runtime.GOMAXPROCS(jobs)
			return
		}
	}
}
