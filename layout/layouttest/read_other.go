//go:build !unix

package layouttest

import (
	"fmt"
	"os"
)

// readFile reads a regular file: a test may have put something else in its place.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a file", path)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
