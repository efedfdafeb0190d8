//go:build !linux

package main

import "time"

// queueTime is how long this program's threads have been ready to run, and had no
// processor: 0, since it is not known here.
func queueTime() time.Duration { return 0 }
