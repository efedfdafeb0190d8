package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

var metricName = regexp.MustCompile(`\bregsweep_[a-z_]+`)

// documentedMetrics are those of the table in docs/formats.md.
func documentedMetrics(t *testing.T) []string {
	t.Helper()
	metrics := metricName.FindAllString(read(t, "docs/formats.md"), -1)
	if len(metrics) == 0 {
		t.Fatal("docs/formats.md names no metrics")
	}
	return metrics
}

func TestAlerts(t *testing.T) {
	promtool := parts.Need(t, "promtool")
	rules := filepath.Join(project, "deploy/prometheus/regsweep.rules.yml")
	run(t, promtool, "check", "rules", rules)
	run(t, promtool, "test", "rules", filepath.Join(project, "deploy/prometheus/regsweep.test.yml"))
	known := documentedMetrics(t)
	for _, metric := range metricName.FindAllString(read(t, "deploy/prometheus/regsweep.rules.yml"), -1) {
		if !slices.Contains(known, metric) {
			t.Errorf("an alert is about %s, which docs/formats.md does not have", metric)
		}
	}
}

// dashboard is what a test needs of Grafana's model.
type dashboard struct {
	UID           string
	Title         string
	SchemaVersion int
	Templating    struct{ List []struct{ Name, Type string } }
	Panels        []struct {
		ID          int
		Type, Title string
		GridPos     struct{ X, Y, W, H int }
		Datasource  struct{ Type, UID string }
		Targets     []struct{ RefID, Expr, LegendFormat string }
		FieldConfig struct{ Defaults struct{ Unit string } }
	}
}

// Every panel has a place of its own and queries that Prometheus parses, about
// metrics that there are.
func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana/regsweep.json")), &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 36 || len(d.Panels) < 5 {
		t.Errorf("%q, %q, schema %d, %d panels", d.UID, d.Title, d.SchemaVersion, len(d.Panels))
	}
	known := documentedMetrics(t)
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" || p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("panel %q: id %d, %d queries of %q", p.Title, p.ID, len(p.Targets), p.Datasource.UID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("panel %q is over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			// The variables stand in matchers of regular expressions.
			rules = append(rules, rule{"panel", strings.NewReplacer("$instance", ".*", "$root", ".*").Replace(target.Expr)})
			names := metricName.FindAllString(target.Expr, -1)
			if len(names) == 0 {
				t.Errorf("panel %q asks for %q", p.Title, target.Expr)
			}
			for _, metric := range names {
				if !slices.Contains(known, metric) {
					t.Errorf("panel %q is about %s, which docs/formats.md does not have", p.Title, metric)
				}
			}
		}
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, text, 0o666); err != nil {
		t.Fatal(err)
	}
	run(t, parts.Need(t, "promtool"), "check", "rules", "--lint=none", file)
}
