package main

import (
	"os"
	"strconv"
	"testing"
)

// drawn says how many random stores a test draws and the seed of the first, by the
// variables NAME_STORES and NAME_SEED if they are set.
func drawn(t *testing.T, name string, usual int) (stores int, seed uint64) {
	t.Helper()
	stores, seed = usual, 1
	if text := os.Getenv(name + "_STORES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		stores = n
	}
	if text := os.Getenv(name + "_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	return stores, seed
}

// removeAll removes what a store has left, before the next one is made.
func removeAll(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}
