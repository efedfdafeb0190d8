package main

import "testing"

func TestGarbageIsAShareOfALargeMemoryOnly(t *testing.T) {
	t.Parallel()
	for used, want := range map[uint64]int{0: 300, 1: 300, garbageRoom: 100, 4 * garbageRoom: 25, 1 << 30: leastRoom, 1 << 62: leastRoom} {
		if got := roomBeside(used); got != want {
			t.Errorf("%d bytes are in use: %d %%, want %d", used, got, want)
		}
	}
}
