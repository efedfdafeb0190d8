// Package program builds the binary that tests run, and gives them a directory.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Given returns the absolute path of the binary that REGSWEEP names; "" if it
// names none.
func Given() (string, error) {
	path := os.Getenv("REGSWEEP")
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

// Build makes the binary of a checkout, static as in a release.
func Build(project, to string) error {
	cmd := exec.Command("go", "build", "-o", to, "./cmd/regsweep")
	cmd.Dir = project
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./cmd/regsweep: %w\n%s", err, output)
	}
	return nil
}

// Main runs the tests of a package, which are told of a directory of theirs
// before, and returns the status. The directory is removed at the end.
func Main(m *testing.M, pattern string, tell func(dir string)) int {
	dir, err := os.MkdirTemp("", pattern)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	tell(dir)
	status := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}
