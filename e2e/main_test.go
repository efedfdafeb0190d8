package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/program"
)

// build makes the binary once, when the first test asks for it: the harness has
// tests of its own that need none.
var build = sync.OnceValues(func() (string, error) {
	if path, err := program.Given(); path != "" || err != nil {
		return path, err
	}
	path := filepath.Join(buildDir, "regsweep")
	return path, program.Build("..", path)
})

var buildDir string

func TestMain(m *testing.M) {
	os.Exit(program.Main(m, "regsweep-e2e", func(dir string) { buildDir = dir }))
}

// result is one run of the binary.
type result struct {
	Stdout, Stderr string
	Status         int
	Report         report // with -o json
}

// regsweep runs the binary without a terminal. With -o json among the arguments
// its output has to be a report.
func regsweep(tb testing.TB, args ...string) result {
	tb.Helper()
	cmd := exec.Command(must[string](tb)(build()), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tb.Fatal(err)
	}
	got := result{Stdout: stdout.String(), Stderr: stderr.String(), Status: cmd.ProcessState.ExitCode()}
	if strings.Contains(strings.Join(args, " "), "-o json") && (got.Status == 0 || got.Status == 3) {
		got.Report = parseReport(tb, stdout.Bytes())
	}
	return got
}

// ok is regsweep where nothing but status 0 will do.
func ok(tb testing.TB, args ...string) result {
	tb.Helper()
	got := regsweep(tb, args...)
	if got.Status != 0 {
		tb.Fatalf("regsweep %s: status %d, problems %+v\n%s", strings.Join(args, " "), got.Status, got.Report.Problems, got.Stderr)
	}
	return got
}

// report is the JSON of the contract.
type report struct {
	Schema       string           `json:"schema"`
	Command      string           `json:"command"`
	DryRun       bool             `json:"dryRun"`
	Root         string           `json:"root"`
	Store        map[string]int64 `json:"store"`
	Live         map[string]int64 `json:"live"`
	Kept         map[string]blobs `json:"kept"`
	Removed      map[string]int64 `json:"removed"`
	Failed       map[string]int64 `json:"failed"`
	Filesystem   map[string]int64 `json:"filesystem"`
	Repositories []repository     `json:"repositories"`
	Problems     []problem        `json:"problems"`
}

type blobs struct {
	Blobs int64 `json:"blobs"`
	Bytes int64 `json:"bytes"`
}

type repository struct {
	Name             string `json:"name"`
	Tags             int64  `json:"tags"`
	Manifests        int64  `json:"manifests"`
	Bytes            int64  `json:"bytes"`
	UniqueBytes      int64  `json:"uniqueBytes"`
	ReclaimableBytes int64  `json:"reclaimableBytes"`
}

type problem struct {
	Kind, Path, Detail string
	Cured              bool // by the run itself
}

func (p problem) left() bool { return !p.Cured }

// fields are those that the contract fixes, by the object that they are in.
var fields = map[string]string{
	"":           "schema command dryRun root started elapsedSeconds store live kept removed failed filesystem repositories problems",
	"store":      "repositories tags manifests layerLinks uploads uploadBytes blobs bytes diskBytes",
	"live":       "blobs bytes diskBytes",
	"kept":       "fresh protected brokenRepository",
	"removed":    "tags manifests layerLinks tagHistory uploads uploadBytes repositories blobs bytes diskBytes",
	"failed":     "items blobs bytes diskBytes",
	"filesystem": "freeBefore freeAfter",
}

// parseReport reads a report, which has to be the only thing on stdout, have every
// field of the contract, and add up.
func parseReport(tb testing.TB, stdout []byte) report {
	tb.Helper()
	var raw map[string]json.RawMessage
	var got report
	if err := errors.Join(json.Unmarshal(stdout, &raw), json.Unmarshal(stdout, &got)); err != nil {
		tb.Fatalf("regsweep -o json: %v\n%.2000s", err, stdout)
	}
	for object, names := range fields {
		inner := raw
		if object != "" {
			inner = nil
			if err := json.Unmarshal(raw[object], &inner); err != nil {
				tb.Errorf("regsweep -o json: %s: %v", object, err)
				continue
			}
		}
		for name := range strings.FieldsSeq(names) {
			if _, ok := inner[name]; !ok {
				tb.Errorf("regsweep -o json: no field %q in %q", name, object)
			}
		}
	}
	for _, unit := range []string{"blobs", "bytes", "diskBytes"} {
		if sum := got.Live[unit] + got.Removed[unit] + got.Failed[unit]; sum != got.Store[unit] {
			tb.Errorf("regsweep -o json: %s: live, removed and failed are %d together, the store %d", unit, sum, got.Store[unit])
		}
	}
	return got
}
