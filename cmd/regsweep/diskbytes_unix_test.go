//go:build unix

package main

import (
	"syscall"
	"testing"
)

// diskBytes is what is allocated for a file.
func diskBytes(t *testing.T, path string) int64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}
