//go:build linux

package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// The service's filter lets through every call to the system that a sweep makes.
func TestSystemdFilter(t *testing.T) {
	analyze, strace := parts.Need(t, "systemd-analyze"), parts.Need(t, "strace")
	allowed := map[string]bool{}
	for line := range strings.Lines(read(t, "deploy/systemd/regsweep.service")) {
		list, ok := strings.CutPrefix(strings.TrimSpace(line), "SystemCallFilter=")
		if !ok {
			continue
		}
		list, denies := strings.CutPrefix(list, "~")
		for set := range strings.FieldsSeq(list) {
			for _, call := range callsOf(t, analyze, set) {
				allowed[call] = !denies
			}
		}
	}
	root := sampleStore(t)
	trace := filepath.Join(t.TempDir(), "trace")
	run(t, strace, "-f", "-qq", "-o", trace, regsweep(t), "gc", "-m", "--older-than", "7d", "--yes", "--root", root,
		"--report", filepath.Join(t.TempDir(), "regsweep.prom"))
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`(?m)^\d+ +([a-z_0-9]+)\(`).FindAllStringSubmatch(string(text), -1)
	if len(calls) < 1000 || len(allowed) < 100 {
		t.Fatalf("%d calls, %d are allowed", len(calls), len(allowed))
	}
	for _, call := range calls {
		if !allowed[call[1]] {
			t.Errorf("%s is not allowed", call[1])
			allowed[call[1]] = true // said once
		}
	}
}

// callsOf are the calls of one of systemd's sets.
func callsOf(t *testing.T, analyze, set string) (calls []string) {
	t.Helper()
	if !strings.HasPrefix(set, "@") {
		return []string{set}
	}
	for line := range strings.Lines(run(t, analyze, "syscall-filter", set)) {
		call := strings.TrimSpace(line)
		if call == set || call == "" || strings.HasPrefix(call, "#") {
			continue
		}
		calls = append(calls, callsOf(t, analyze, call)...)
	}
	return calls
}

// sampleStore builds the sample registry.
func sampleStore(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "registry")
	makeStore(t, root, read(t, "testdata/sample.store"))
	return root
}
