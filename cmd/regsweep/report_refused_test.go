package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A dry run that is refused tells all the same what it would remove. The file of
// --report has the report that was printed, and the refusal as its error.
func TestReportOfARefusedDryRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		args []string
		says string
	}{
		"too much":     {"image a/b:v1 as=x\norphan as=o size=9k age=10d", []string{"gc", "-d", "--max-remove", "1%"}, "more than --max-remove 1%"},
		"no tag":       {"age 10d\nimage a/b as=x\norphan as=o size=9k", []string{"gc", "-d", "-m"}, "no tag in the store"},
		"the last tag": {"age 10d\nimage a/b:v1 as=x\norphan as=o size=9k", []string{"prune", "-d", "--filter", "a/b:v.*", "--ago", "1d"}, "without a tag"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, c.text)
			before := s.Snapshot(t)
			dir := t.TempDir()
			file := filepath.Join(dir, "report.json")
			r := runProgram(t, "", append(c.args, "--root", s.Root, "-v", "-o", "json", "--report", file)...)
			if r.status != statusFailed || !strings.Contains(r.stderr, c.says) {
				t.Fatalf("status %d: %s", r.status, r.stderr)
			}
			var printed, filed map[string]any
			for text, v := range map[string]*map[string]any{r.stdout: &printed, readFile(t, file): &filed} {
				conforms(t, "report", text)
				if err := json.Unmarshal([]byte(text), v); err != nil {
					t.Fatal(err)
				}
			}
			if problem, _ := filed["error"].(string); !strings.Contains(problem, c.says) {
				t.Errorf("the file's error is %q", problem)
			}
			delete(filed, "error")
			delete(printed, "error")
			if diff := cmp.Diff(printed, filed); diff != "" {
				t.Errorf("printed (-) and filed (+):\n%s", diff)
			}
			if filed["dryRun"] != true {
				t.Error("the file does not say that it was a dry run")
			}
			for _, ending := range []string{".html", ".prom"} {
				file := filepath.Join(dir, "report"+ending)
				if r := runProgram(t, "", append(c.args, "--root", s.Root, "-q", "--report", file)...); r.status != statusFailed {
					t.Errorf("%s: status %d", ending, r.status)
				}
				text := readFile(t, file)
				if ending == ".html" && !strings.Contains(text, c.says) {
					t.Errorf("the page does not say %q", c.says)
				}
				if ending == ".prom" && !regexp.MustCompile(`(?m)^regsweep_last_run_success{.*} 0$`).MatchString(text) {
					t.Errorf("the metrics do not say that it failed:\n%s", text)
				}
			}
			same(t, "the store", before, s.Snapshot(t))
		})
	}
}
