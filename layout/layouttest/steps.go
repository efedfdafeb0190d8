package layouttest

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// Short reports whether only quick tests are wanted: go test -short. No test
// asks that elsewhere.
func Short() bool {
	// A program that is no test has no such flag.
	return flag.Lookup("test.short") != nil && testing.Short()
}

// The variables that say how much of long tables of steps a test takes.
const (
	stepsVariable  = "REGSWEEP_STEPS"       // every so many; 1 is all of them
	offsetVariable = "REGSWEEP_STEP_OFFSET" // any number, another for each commit
)

// shortSteps is every how many steps -short takes.
const shortSteps = 16

// Steps are those of n steps, numbered from 0, that a test is to take: all; with
// REGSWEEP_STEPS every so many, from an offset that should change from commit
// to commit, so that all of them are taken in the course of time; with -short a
// few. The last one is always among them, if there is any.
func Steps(n int) []int {
	every := 1
	if k, err := strconv.Atoi(os.Getenv(stepsVariable)); err == nil && k > 0 {
		every = k
	} else if Short() {
		every = shortSteps
	}
	offset, _ := strconv.ParseUint(os.Getenv(offsetVariable), 10, 32) // 0 if nothing says another
	return everySo(n, every, int(offset))
}

func everySo(n, every, offset int) (list []int) {
	for i := offset % every; i < n; i += every {
		list = append(list, i)
	}
	if n > 0 && (len(list) == 0 || list[len(list)-1] != n-1) {
		list = append(list, n-1)
	}
	return list
}
