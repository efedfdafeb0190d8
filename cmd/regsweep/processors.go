package main

import (
	"context"
	"runtime"
	"time"
)

// processorsLook is how often it is asked whether the processors idle.
const processorsLook = 5 * time.Millisecond

// useProcessors gives the program a thread for each job as soon as the
// processors idle, that is where it waits for a disk or a network: Go lets no
// more threads run than there are processors, and takes some time to notice
// that one of them is waiting. With all files in memory more threads than
// processors would cost a tenth. It returns when ctx is done.
func useProcessors(ctx context.Context, jobs int) {
	processors := runtime.GOMAXPROCS(0)
	tick := time.NewTicker(processorsLook)
	defer tick.Stop()
	for idle := 0; jobs > processors; {
		used, since := processorTime(), time.Now()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if busy := processorTime() - used; busy >= time.Since(since)*time.Duration(processors)*3/4 {
			idle = 0
		} else if idle++; idle == 2 { // once may be another program's fault
			runtime.GOMAXPROCS(jobs)
			return
		}
	}
}
