package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

// sum is the size of what has the names.
func sum(t *testing.T, s *layouttest.Store, names string) (n int64) {
	t.Helper()
	for _, name := range strings.Fields(names) {
		info, err := os.Stat(s.Path(name))
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

func amount(t *testing.T, s *layouttest.Store, names string) sweep.KeptAmount {
	t.Helper()
	return sweep.KeptAmount{Blobs: int64(len(strings.Fields(names))), Bytes: sum(t, s, names)}
}

func TestReportRepositories(t *testing.T) {
	s := newStore(t, `
		image a:v1 layers=base:10k,l1:2k alias=1 as=x
		image a layers=base,l2:3k as=y
		layer a unused size=7k
		layer a other size=9k alias
		image a:v2 layers=l4:5k as=w
		delete-manifest a w
		copy b:v1 x
		layer b unused
		layer b l2
		image c/d:v1,v2 layers=l3:20k as=z
		orphan as=o size=50k
	`)
	want := []sweep.RepositoryLine{
		{
			Name: "a", Tags: 1, Manifests: 2,
			Bytes:       sum(t, s, "x x.config base l1 x.alias1 y y.config l2"),
			UniqueBytes: sum(t, s, "y y.config l2"),
			// w itself is not linked any more
			ReclaimableBytes: sum(t, s, "y y.config l2 unused other w.config l4"),
		},
		{Name: "b", Tags: 1, Manifests: 1, Bytes: sum(t, s, "x x.config base l1 x.alias1"), ReclaimableBytes: sum(t, s, "unused l2")},
		{Name: "c/d", Tags: 2, Manifests: 1, Bytes: sum(t, s, "z z.config l3"), UniqueBytes: sum(t, s, "z z.config l3")},
	}
	dry := mustGC(t, s, 0, "-m", "-d")
	same(t, "repositories in a dry run", want, dry.report.Repositories)
	run := mustGC(t, s, 0, "-m")
	same(t, "repositories in a run", want, run.report.Repositories)
	for i := range want {
		want[i].ReclaimableBytes = 0
	}
	want[0].Manifests = 1
	want[0].Bytes, want[0].UniqueBytes = want[1].Bytes, 0
	same(t, "repositories in the next run", want, mustGC(t, s, 0, "-m").report.Repositories)
}

// The same blob that two repositories link counts in both, and once in removed.
func TestReportReclaimableCountsInEveryRepository(t *testing.T) {
	s := newStore(t, "image keep:v1 as=k\nlayer a one size=5k\nlayer b one\nlayer c one\nlayer keep one")
	r := mustGC(t, s, 0, "-d")
	for _, line := range r.report.Repositories {
		if line.ReclaimableBytes != 5<<10 {
			t.Errorf("%+v", line)
		}
	}
	if r.report.Removed.Bytes != 5<<10 {
		t.Errorf("removed %+v", r.report.Removed)
	}
}

// kept counts what nothing but a reason keeps; of several the first counts.
func TestReportKept(t *testing.T) {
	t.Parallel()
	s := newStore(t, `
		image a/b:v1 layers=base as=x
		orphan as=young age=5m size=1k
		orphan as=guarded size=2k
		orphan as=young-guarded age=5m size=4k
		image a/b layers=base,g1:3k as=g
		image a/b layers=base,f1:5k as=f
		touch repositories/a/b/_manifests/revisions/sha256/{f}/link age=5m
		image broken:ok layers=base as=ok
		raw repositories/broken/_manifests/revisions/sha256/`+hex64("ab")+`/link this is not a digest
		layer broken junk size=8k
		layer broken young-junk size=16k
		touch blobs/sha256/{xx:young-junk}/{young-junk}/data age=5m
		layer broken guarded-junk size=32k
		orphan as=dead size=64k
	`)
	list := s.Digest("guarded").String() + "\n" + s.Digest("young-guarded").String() + "\n" +
		s.Digest("guarded-junk").String() + "\na/b@" + s.Digest("g").String() + "\n"
	file := filepath.Join(t.TempDir(), "protect")
	if err := os.WriteFile(file, []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	want := sweep.Kept{
		Recent:           amount(t, s, "young young-guarded f f.config f1 young-junk"),
		Protected:        amount(t, s, "guarded g g.config g1 guarded-junk"),
		BrokenRepository: amount(t, s, "junk"),
	}
	for _, flags := range [][]string{{"-d"}, {}} {
		r := mustGC(t, s, 3, append(flags, "-m", "--older-than", "0", "--protect", file)...)
		same(t, "kept", want, r.report.Kept)
		same(t, "the blobs that go", []string{"dead"}, blobsOf(s, r))
	}
}

// Without -m an untagged manifest is live, and nothing is kept for other reasons.
func TestReportKeptIsOnlyWhatNothingElseKeeps(t *testing.T) {
	s := newStore(t, "image a/b:v1 layers=base as=x age=5m\nimage a/b layers=l1 as=y age=5m")
	r := mustGC(t, s, 0)
	if r.report.Kept != (sweep.Kept{}) || r.report.Live.Blobs != 6 {
		t.Errorf("kept is %+v", r.report.Kept)
	}
}

func TestReportProblems(t *testing.T) {
	t.Parallel()
	s := newStore(t, `
		image a/b:v1,v2 layers=one as=x
		index a/b:all of=x as=i
		remove blobs/sha256/{xx:one}/{one}
		image c:v1 as=y
		raw repositories/c/_manifests/revisions/sha256/{y}/link garbage
		image d:v1 as=z
		remove repositories/d/_manifests/tags/v1/current
		raw repositories/README x
	`)
	r := mustGC(t, s, 3, "-d")
	found := map[string]int{}
	for _, p := range r.report.Problems {
		found[p.Kind]++
		if p.Path == "" || strings.HasPrefix(p.Path, "/") || strings.HasPrefix(p.Path, "docker/") || p.Detail == "" {
			t.Errorf("%+v: the path is not relative to the store, or there is no detail", p)
		}
		if p.Kind == "missingBlob" {
			got := strings.Join(p.Breaks, " ")
			for _, ref := range []string{"a/b:v1", "a/b:v2"} {
				if !strings.Contains(got, ref) {
					t.Errorf("%s breaks %s, and %q does not say so", p.Path, ref, got)
				}
			}
			same(t, "the path of a missing blob", expand(s, []string{blobPath("one")})[0], p.Path)
		}
	}
	for _, kind := range []string{"missingBlob", "brokenLink", "halfTag", "unknownFile"} {
		if found[kind] == 0 {
			t.Errorf("no %s: %v", kind, problemLines(r))
		}
	}
}
