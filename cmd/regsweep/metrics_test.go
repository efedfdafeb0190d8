package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// metricsOf is the file of a run that took two seconds.
func metricsOf(rep *sweep.Report, runErr error) string {
	started := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	e := report.Ending{
		Command: "gc", DryRun: rep.DryRun, Root: "/srv/a\"b\\c\nd", Started: started, At: started.Add(2 * time.Second), Success: runErr == nil,
		Report: rep, Run: &report.Run{Report: rep}, Problems: &rep.Problems,
	}
	return string(e.Metrics())
}

func exampleReport() *sweep.Report {
	rep := &sweep.Report{
		DryRun: true, Store: sweep.StoreCount{Repositories: 2, Tags: 3, Manifests: 4, Uploads: 1, UploadBytes: 6},
		Live: sweep.Amount{Blobs: 7, Bytes: 700, DiskBytes: 8192}, Removed: sweep.RemovedCount{Amount: sweep.Amount{Blobs: 3, Bytes: 300, DiskBytes: 4096}},
		Kept:         sweep.Kept{Recent: sweep.KeptAmount{Blobs: 1, Bytes: 10}},
		Filesystem:   sweep.Filesystem{FreeBefore: 1000, FreeAfter: 5096},
		Repositories: []sweep.RepositoryLine{{Name: "a/b", Bytes: 500, UniqueBytes: 400, ReclaimableBytes: 300}, {Name: `evil"} 1`, Bytes: 1}},
		Problems:     []walker.Problem{{Kind: walker.HalfTag}, {Kind: walker.HalfTag}, {Kind: "newKind"}},
	}
	rep.Store.Amount = sweep.Amount{Blobs: 10, Bytes: 1000, DiskBytes: 12288}
	return rep
}

func TestMetricsGolden(t *testing.T) {
	t.Parallel()
	got := metricsOf(exampleReport(), nil)
	if os.Getenv("REGSWEEP_UPDATE") == "1" {
		if err := os.WriteFile("testdata/metrics.prom", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "the file", readFile(t, "testdata/metrics.prom"), got)
}

// Every metric that is written is in the table of docs/formats.md, and the other way round.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text := readFile(t, "../../docs/formats.md")
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("`(regsweep_[a-z_]+)`").FindAllStringSubmatch(text, -1) {
		documented[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) gauge$`).FindAllStringSubmatch(metricsOf(exampleReport(), nil), -1) {
		if !documented[m[1]] {
			t.Errorf("%s is not documented", m[1])
		}
		delete(documented, m[1])
	}
	for name := range documented {
		t.Errorf("%s is documented and not written", name)
	}
}

// After a run, what was not removed is still to be won.
func TestMetricsAfterARun(t *testing.T) {
	t.Parallel()
	rep := exampleReport()
	rep.DryRun = false
	rep.Failed = sweep.FailedCount{Items: 2, Amount: sweep.Amount{Blobs: 1, Bytes: 44}}
	text := metricsOf(rep, errors.New("something failed"))
	for _, want := range []string{"reclaimable_bytes{C} 44", "removed_bytes{C} 300", "failed_items{C} 2", "last_run_success{C} 0", "filesystem_free_bytes{C} 5096"} {
		want = "\nregsweep_" + strings.Replace(want, "{C}", `{command="gc",dry_run="false",root="/srv/a\"b\\c\\nd"}`, 1) + "\n"
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %s%s", want, text)
		}
	}
}

// Of many repositories the largest have metrics.
func TestMetricsOfTheLargestRepositories(t *testing.T) {
	t.Parallel()
	rep := exampleReport()
	rep.Repositories = nil
	for i := range 200 {
		rep.Repositories = append(rep.Repositories, sweep.RepositoryLine{Name: fmt.Sprintf("r%03d", i), Bytes: int64(i)})
	}
	text := metricsOf(rep, nil)
	if n := strings.Count(text, "regsweep_repository_bytes{"); n != 50 {
		t.Errorf("there are %d", n)
	}
	if !strings.Contains(text, `repository="r199"`) || !strings.Contains(text, `repository="r150"`) || strings.Contains(text, `repository="r149"`) {
		t.Error("these are not the largest")
	}
}
