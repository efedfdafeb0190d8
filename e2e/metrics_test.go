package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// The metrics are as promtool wants them, and those of several commands can lie
// in one directory: no series is there twice.
func TestMetricsPassPromlint(t *testing.T) {
	root := ownSample(t)
	series := map[string]string{}
	for name, args := range map[string][]string{
		"dry run": {"gc", "-d"}, "prune": {"prune", "-d", "--filter", "ci/.*:.*", "--keep", "1"}, "failed": {"rm", "--yes", "no/such:v1"},
		"run": {"gc", "--yes"},
	} {
		file := filepath.Join(t.TempDir(), "regsweep.prom")
		regsweep(t, append(args, "-q", "--root", root, "--report", file)...)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		problems, err := promlint.New(bytes.NewReader(text)).Lint()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		for _, p := range problems {
			t.Errorf("%s: %s: %s", name, p.Metric, p.Text)
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		if _, err := parser.TextToMetricFamilies(bytes.NewReader(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for line := range strings.Lines(string(text)) {
			metric, _, _ := strings.Cut(line, "} ")
			if strings.HasPrefix(line, "#") {
				continue
			}
			if other, twice := series[metric]; twice {
				t.Errorf("%s and %s both have %s", name, other, metric)
			}
			series[metric] = name
		}
	}
}
