// Package parts finds the registries and clients that the tests run.
package parts

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Need returns the path of a program. Without it the test is skipped, or fails
// where REGSWEEP_E2E_REQUIRE=1 says that nothing may be missing.
func Need(tb testing.TB, program string) string {
	tb.Helper()
	if path, ok := find(program); ok {
		return path
	}
	Lacking(tb, program+" is not installed; run .ci/parts")
	return ""
}

// Lacking skips the test, or fails it where nothing may be missing, and says why.
func Lacking(tb testing.TB, why string) {
	tb.Helper()
	if os.Getenv("REGSWEEP_E2E_REQUIRE") == "1" {
		tb.Fatal(why)
	}
	tb.Skip(why)
}

// find prefers what .ci/parts built over what PATH holds: "registry" is a
// common name.
func find(program string) (string, bool) {
	for _, dir := range toolDirs() {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, true
		}
	}
	path, err := exec.LookPath(program)
	return path, err == nil
}

func toolDirs() []string {
	dirs := []string{os.Getenv("REGSWEEP_E2E_TOOLS"), os.Getenv("GOBIN")}
	for _, gopath := range filepath.SplitList(os.Getenv("GOPATH")) {
		dirs = append(dirs, filepath.Join(gopath, "bin"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, "go", "bin"))
	}
	kept := dirs[:0]
	for _, dir := range dirs {
		if dir != "" {
			kept = append(kept, dir)
		}
	}
	return kept
}
