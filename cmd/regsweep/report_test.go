package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker/disk"
)

// The contract's fields and their types: N a whole number, F a number, S a
// string, B a boolean, T a time; objects by their keys; [..] lists.
var contractFields = map[string]any{
	"schema": "S", "command": "S", "dryRun": "B", "root": "S", "started": "T", "elapsedSeconds": "F",
	"store":   fields("repositories tags manifests layerLinks uploads uploadBytes blobs bytes diskBytes"),
	"live":    fields("blobs bytes diskBytes"),
	"kept":    map[string]any{"fresh": fields("blobs bytes"), "protected": fields("blobs bytes"), "brokenRepository": fields("blobs bytes")},
	"removed": fields("tags manifests layerLinks tagHistory uploads uploadBytes repositories blobs bytes diskBytes"),
	"failed":  fields("items blobs bytes diskBytes"), "freed": fields("diskBytes inodes"), "filesystem": fields("freeBefore freeAfter"),
	"repositories": []any{map[string]any{"name": "S", "tags": "N", "manifests": "N", "bytes": "N", "uniqueBytes": "N", "reclaimableBytes": "N"}},
	"items":        []any{map[string]any{"kind": "S", "repository": "S", "name": "S", "digest": "S", "bytes": "N"}},
	"problems":     []any{map[string]any{"kind": "S", "path": "S", "detail": "S"}},
}

func fields(names string) map[string]any {
	m := map[string]any{}
	for _, name := range strings.Fields(names) {
		m[name] = "N"
	}
	return m
}

// shape describes a JSON value as contractFields does. Of a list all elements
// must have one shape; optional keys of problems are left out.
func shape(t *testing.T, path string, v any) any {
	t.Helper()
	switch v := v.(type) {
	case bool:
		return "B"
	case json.Number:
		if path == "elapsedSeconds" {
			return "F"
		}
		if strings.ContainsAny(v.String(), ".eE") {
			t.Errorf("%s is %s, no whole number", path, v)
		}
		return "N"
	case string:
		if path == "started" {
			at, err := time.Parse(time.RFC3339, v)
			if err != nil || !strings.HasSuffix(v, "Z") {
				t.Errorf("started is %q, not RFC 3339 in UTC: %v %v", v, at, err)
			}
			return "T"
		}
		return "S"
	case map[string]any:
		m := map[string]any{}
		for key, value := range v {
			if path == "problems[]" && slices.Contains([]string{"cure", "breaks", "cured", "loses", "lastResort"}, key) {
				continue
			}
			m[key] = shape(t, strings.TrimPrefix(path+"."+key, "."), value)
		}
		return m
	case []any:
		list := []any{}
		for _, e := range v {
			one := shape(t, path+"[]", e)
			if len(list) == 0 {
				list = append(list, one)
			}
			same(t, "the shape of every element of "+path, list[0], one)
		}
		return list
	}
	t.Errorf("%s is %v", path, v)
	return nil
}

func shapeOf(t *testing.T, r result) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(r.stdout))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if d.More() {
		t.Error("there is more than one object on stdout")
	}
	return shape(t, "", v).(map[string]any)
}

const reportStore = everything + "raw repositories/README x\n"

func TestReportHasTheContractsFields(t *testing.T) {
	for name, flags := range map[string][]string{"dry run": {"--dry-run"}, "run": {}} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, reportStore)
			same(t, "the report's shape", contractFields, shapeOf(t, gc(t, s, append(flags, "-m")...)))
		})
	}
}

func TestReportHasItemsOnlyWithVerbose(t *testing.T) {
	s := newStore(t, reportStore)
	want := maps.Clone(contractFields)
	delete(want, "items")
	r := runProgram(t, "", "gc", "--root", s.Root, "-o", "json", "-d", "-m")
	same(t, "the report's shape without -v", want, shapeOf(t, r))
}

// Lists that are empty are there, and are lists: items with -v, problems and repositories always.
func TestReportOfAnEmptyPlan(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x")
	want := maps.Clone(contractFields)
	want["items"], want["problems"] = []any{}, []any{}
	same(t, "the report's shape", want, shapeOf(t, gc(t, s)))
	empty := newStore(t, "mkdir repositories\nmkdir blobs")
	want["repositories"] = []any{}
	same(t, "the shape of an empty store's report", want, shapeOf(t, gc(t, empty)))
}

func TestReportSaysWhatItIsAbout(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x")
	start := time.Now().Add(-time.Minute)
	for _, dry := range []bool{true, false} {
		r := gc(t, s, map[bool][]string{true: {"-d"}}[dry]...)
		p := r.report
		if p.Schema != "regsweep/report/v1" || p.Command != "gc" || p.DryRun != dry || p.Root != s.Root {
			t.Errorf("%+v", p)
		}
		if p.Started.Before(start) || p.Started.After(time.Now()) || p.ElapsedSeconds < 0 {
			t.Errorf("started %v, elapsed %v", p.Started, p.ElapsedSeconds)
		}
	}
	// The other name is the same command.
	r := runProgram(t, "", "garbage-collect", "--root", s.Root, "-o", "json")
	if !strings.Contains(r.stdout, `"command": "gc"`) {
		t.Errorf("garbage-collect: %s", r.stdout)
	}
}

// Two runs on equal stores, one of them dry, tell the same.
func TestReportOfADryRunIsThatOfTheRun(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../testdata/sample.store")
	if err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{{}, {"-m"}, {"-m", "--older-than", "0", "--grace", "0", "--uploads-older-than", "0"}} {
		s := newStore(t, string(text))
		dry, run := gc(t, s, append(flags, "--dry-run")...), gc(t, s, flags...)
		a, b := dry.report, run.report
		for _, p := range []*sweep.Report{&a, &b} {
			p.Started, p.ElapsedSeconds, p.DryRun, p.Filesystem = time.Time{}, 0, false, sweep.Filesystem{}
		}
		same(t, "the report of the dry run and the run", a, b)
		if dry.status != run.status {
			t.Errorf("status %d and %d", dry.status, run.status)
		}
	}
}

func TestReportFreeSpace(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o size=1m")
	store, err := new(disk.FS).OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	free, err := store.Free()
	if err != nil {
		t.Fatal(err)
	}
	near := func(a, b int64) bool { return max(a-b, b-a) < 4<<30 } // others write here, too
	dry, run := gc(t, s, "-d").report, gc(t, s).report
	for _, f := range []sweep.Filesystem{dry.Filesystem, run.Filesystem} {
		if !near(f.FreeBefore, free) || !near(f.FreeAfter, free) {
			t.Errorf("%+v, the filesystem says %d", f, free)
		}
	}
	if got := dry.Filesystem.FreeAfter - dry.Filesystem.FreeBefore; got != dry.Removed.DiskBytes {
		t.Errorf("a dry run expects %d more free bytes, %d go", got, dry.Removed.DiskBytes)
	}
}

// What is in the trash is not free yet.
func TestReportExpectsNoSpaceOfTheTrash(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o size=1m")
	rep := gc(t, s, "-d", "--trash").report
	if rep.Removed.Bytes != 1<<20 || rep.Filesystem.FreeAfter != rep.Filesystem.FreeBefore {
		t.Errorf("%d bytes go, and %+v are expected to be free", rep.Removed.Bytes, rep.Filesystem)
	}
}

// What is in the store, counted by listing it.
func TestReportCountsTheStore(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../testdata/sample.store")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"sample": string(text), "garbage of every kind": reportStore,
		"algorithms": "image a/b:v1 alg=sha512 as=x\nimage a/b:v2 alias=1 as=y\norphan as=o alg=sha384\nupload c kind=patched size=3k",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, text)
			same(t, "store", countStore(t, s), gc(t, s, "-d").report.Store)
		})
	}
}

func countStore(t *testing.T, s *layouttest.Store) (c sweep.StoreCount) {
	repositories := map[string]bool{}
	for _, path := range s.Tree(t) {
		p := strings.Split(path, "/")
		at := slices.IndexFunc(p, func(part string) bool { return strings.HasPrefix(part, "_") })
		switch {
		case p[0] == "blobs" && p[len(p)-1] == "data":
			info, err := os.Stat(s.Dir + "/" + path)
			if err != nil {
				t.Fatal(err)
			}
			c.Blobs++
			c.Bytes += info.Size()
			c.DiskBytes += diskBytes(t, s.Dir+"/"+path)
			continue
		case at < 0:
			continue
		}
		repositories[strings.Join(p[1:at], "/")] = true
		in := p[at:]
		switch last := in[len(in)-1]; {
		case in[0] == "_layers" && last == "link" && len(in) == 4:
			c.LayerLinks++
		case in[0] == "_uploads" && len(in) == 3 && last == "" && in[1] != "":
			c.Uploads++
		case in[0] == "_uploads" && last != "":
			info, err := os.Stat(s.Dir + "/" + path)
			if err != nil {
				t.Fatal(err)
			}
			c.UploadBytes += info.Size()
		case in[0] == "_manifests" && in[1] == "revisions" && last == "link" && len(in) == 5:
			c.Manifests++
		case in[0] == "_manifests" && in[1] == "tags" && len(in) == 4 && last == "" && in[2] != "":
			c.Tags++
		}
	}
	c.Repositories = len(repositories)
	return c
}
