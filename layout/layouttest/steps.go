package layouttest

import (
	"flag"
	"iter"
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

// Long leaves a test that takes seconds out of go test -short. The race detector,
// which runs short tests, must have nothing to find in it: one job at a time, or a
// program of its own.
func Long(t testing.TB) {
	t.Helper()
	if Short() {
		t.Skip("left out: takes long, and -short is given") // .ci/run knows these words
	}
}

// The variables that say how much of long tables of steps a test takes.
const (
	stepsVariable  = "REGSWEEP_STEPS"       // every so many; 1 is all of them
	offsetVariable = "REGSWEEP_STEP_OFFSET" // any number, another for each commit
)

// shortSteps is every how many steps -short takes.
const shortSteps = 64

// Steps are those of n steps, numbered from 0, that a test is to take: all; with
// REGSWEEP_STEPS every so many, from an offset that should change from commit
// to commit, so that all of them are taken in the course of time; with -short a
// few. The last one is always among them, if there is any.
func Steps(n int) []int {
	every, offset := some()
	return everySo(n, every, offset)
}

// Some are the members of a list that Steps of its length takes.
func Some[T any](list []T) (some []T) {
	for _, i := range Steps(len(list)) {
		some = append(some, list[i])
	}
	return some
}

// Samples is how many of n random stores, or random moments, a test takes: all
// where it takes all steps, and fewer elsewhere, though more than of steps.
func Samples(n int) int {
	every, _ := some()
	return max(n/sparse(every), min(n, 1))
}

// Sample are those of n cases, numbered from 0, that a test takes where each is of
// more use than a step: as Steps does, but as many as Samples.
func Sample(n int) []int {
	every, offset := some()
	return everySo(n, sparse(every), offset)
}

// sparse is every how many samples are taken where so manieth steps are: all of them
// with every fourth step, and with few steps few.
func sparse(every int) int { return max((every+3)/4, every-8) }

// OpenSteps are those of a table of steps, numbered from 1, whose length shows only
// at its end. They are without end.
func OpenSteps() iter.Seq[int] {
	every, offset := some()
	return func(yield func(int) bool) {
		n := 1 + offset%every
		for yield(n) {
			n += every
		}
	}
}

// AllSteps reports whether Steps takes all, so that what only some steps show has to
// have shown itself.
func AllSteps() bool {
	every, _ := some()
	return every == 1
}

// some is every how many steps are taken, and from which on.
func some() (every, offset int) {
	every = 1
	if k, err := strconv.Atoi(os.Getenv(stepsVariable)); err == nil && k > 0 {
		every = k
	} else if Short() {
		every = shortSteps
	}
	from, _ := strconv.ParseUint(os.Getenv(offsetVariable), 10, 31) // 0 if nothing says another
	return every, int(from)
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
