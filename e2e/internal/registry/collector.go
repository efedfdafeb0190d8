package registry

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// Collected is what a registry's own collector would remove.
type Collected struct {
	Blobs      []string // digests
	Manifests  []string // digests, with -m; 2.8 does not say in which repository
	LayerLinks []InRepo // v3 only: 2.8 never touches them
	Output     string   // all that it said
	Err        error    // it did not end with status 0
}

// InRepo is a digest as a repository links it.
type InRepo struct{ Repository, Digest string }

var (
	blobLine     = regexp.MustCompile(`^blob eligible for deletion: (\S+)$`)
	manifestLine = regexp.MustCompile(`^manifest eligible for deletion: (?:\{\S+ )?(sha256:[0-9a-f]+)(?: .*\})?$`)
	linkLine     = regexp.MustCompile(`^(\S+): layer link eligible for deletion: (\S+)$`)
	totalLine    = regexp.MustCompile(`^\d+ blobs marked, (\d+) blobs and (\d+) manifests eligible for deletion$`)
)

// Collect runs `registry garbage-collect --dry-run` with more arguments (such as
// -m) over the store. The registry may run or not.
func (r *Registry) Collect(tb testing.TB, args ...string) Collected {
	tb.Helper()
	cmd := command(append(append([]string{r.program, "garbage-collect", "--dry-run"}, args...), r.Config))
	output, err := cmd.CombinedOutput()
	got := Collected{Output: string(output), Err: err}
	total := ""
	for line := range strings.Lines(got.Output) {
		line = strings.TrimRight(line, "\n")
		if match := blobLine.FindStringSubmatch(line); match != nil {
			got.Blobs = append(got.Blobs, match[1])
		} else if match := manifestLine.FindStringSubmatch(line); match != nil {
			got.Manifests = append(got.Manifests, match[1])
		} else if match := linkLine.FindStringSubmatch(line); match != nil {
			got.LayerLinks = append(got.LayerLinks, InRepo{match[1], match[2]})
		} else if match := totalLine.FindStringSubmatch(line); match != nil {
			total = match[1] + " " + match[2]
		} else if strings.Contains(line, "eligible") {
			tb.Errorf("registry %s garbage-collect: a line that the test cannot read: %q", r.Name, line)
		}
	}
	if want := fmt.Sprint(len(got.Blobs), len(got.Manifests)); err == nil && total != want {
		tb.Errorf("registry %s garbage-collect totals %q, its lines %q:\n%s", r.Name, total, want, got.Output)
	}
	return got
}
