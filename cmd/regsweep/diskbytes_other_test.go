//go:build !unix

package main

import (
	"os"
	"testing"
)

// diskBytes is what is known of what is allocated for a file.
func diskBytes(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
